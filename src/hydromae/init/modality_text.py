"""One modality as YAML: what differs from its preset, why, and what the user has to fill in."""

import re
from dataclasses import replace
from pathlib import Path, PurePosixPath

from hydromae.base.errors import HydroMAEError
from hydromae.config import PRESETS, ModalityConfig
from hydromae.init.groups import Group
from hydromae.init.variables import words_of
from hydromae.init.yaml_text import comment, key_lines, scalar
from hydromae.readers.detect import find_reader

_INDENT = 4
_OF_A_SOURCE = ("reader", "variable", "date_column", "id_column", "layout")
_MOST_RUNOFF = 2000.0  # mm/d, more than ever fell as rain
_POTENTIAL = {"pet", "peti", "potential", "et0", "evspsblpot"}


def modality_lines(name: str, group: Group, top: Path, area_known: bool) -> list[str]:
    """The lines of one modality, comments first.

    Args:
        name: of the modality.
        group: its files.
        top: folder that their paths are relative to.
        area_known: whether catchment areas are at hand.
    """
    lines = comment(f"{group.where} ({group.pieces[0].reader}, {group.extent}): {group.variable.reason}", _INDENT)
    for source in group.more:
        lines += comment(f"joined with {source.where} ({source.pieces[0].reader}, {source.extent})", _INDENT)
    lines.append(f"{' ' * _INDENT}{name}:")
    start = " " * (_INDENT + 2)
    if PRESETS[name]["kind"] != group.kind:
        lines.append(f"{start}kind: {group.kind}")
    lines += _source_lines(name, group, top) if group.more else key_lines("paths", group.paths(top), _INDENT + 2)
    notes = {
        "units": "as the file says",
        "scaling": "so that squared errors are those of the Nash-Sutcliffe efficiency, by which flow is scored",
        "scaling_per": "alike at every station; all for ungauged ones, with training.station_weights: [riverflow]",
    }
    if group.variable.convert_from:
        notes["units"] = "converted"
    notes |= {key: f"TODO: {what}" for key, what in to_do(name, group).items()}
    for key, value in _keys(name, group, area_known, top).items():
        if not (group.more and key in _OF_A_SOURCE):
            lines.append(f"{start}{key}: {scalar(value)}" + (f"  # {notes[key]}" if key in notes else ""))
    return lines


def to_do(name: str, group: Group) -> dict[str, str]:
    """The keys of a modality that a user has to set, since no file tells them, each with what it is to be."""
    keys = {} if group.variable.said else {"units": "the file does not say its units; correct them"}
    if _maximum(name, group) is None and "maximum" in PRESETS[name]:
        keys["maximum"] = "the largest value that is possible, in units"
    return keys


def _maximum(name: str, group: Group) -> float | None:
    """The largest possible value in the modality's units, where one is known."""
    if group.variable.units == PRESETS[name]["units"]:
        return PRESETS[name].get("maximum")
    return _MOST_RUNOFF if name == "riverflow" and group.variable.units == "mm/d" else None


def _source_lines(name: str, group: Group, top: Path) -> list[str]:
    """The key `sources`: where two hold the same station, the first wins."""
    start = " " * (_INDENT + 2)
    lines = [f"{start}sources:  # where two hold a station, the first gives all values it has, the next the others"]
    names: list[str] = []
    for source in (replace(group, more=()), *group.more):
        names.append(_source_name(source, names))
        lines.append(f"{start}  {names[-1]}:")
        lines += key_lines("paths", source.paths(top), _INDENT + 6)
        keys = _keys(name, source, False, top)
        lines += [f"{start}    {key}: {scalar(keys[key])}" for key in _OF_A_SOURCE if key in keys]
    return lines


def _source_name(source: Group, taken: list[str]) -> str:
    """A name that no other source has, after the archive's format or the table."""
    piece = source.pieces[0]
    text = PurePosixPath(piece.path).stem if piece.reader == "table" and len(source.pieces) == 1 else piece.reader
    plain = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    base = plain if re.match(r"[a-z]", plain) else f"source_{plain}".rstrip("_")
    return next(name for i in range(1, 10_000) if (name := base if i == 1 else f"{base}_{i}") not in taken)


def _keys(name: str, group: Group, area_known: bool, top: Path) -> dict[str, object]:
    piece, units, preset = group.pieces[0], group.variable.units, PRESETS[name]
    keys: dict[str, object] = {}
    if not _found_by_content(name, group, top):
        keys["reader"] = piece.reader
    if piece.variable is not None and not (group.kind == "grid" and piece.variable == "data"):
        keys["variable"] = piece.variable
    keys["units"] = units
    if group.variable.convert_from is not None:
        keys["convert_from"] = group.variable.convert_from
    if units != preset["units"] and "maximum" in preset:
        keys["maximum"] = _maximum(name, group)
    if units != preset["units"] and preset.get("minimum"):
        keys["minimum"] = None  # 0 is 0 in any unit
    if preset.get("per_area") and not (units == "m3/s" and area_known):
        keys["per_area"] = False
    if name == "riverflow" and group.kind == "series":
        keys |= {"scaling": "standard", "scaling_per": "station"}
    if name == "riverflow" and units == "mm/d":
        keys |= {"long_name": "specific discharge", "standard_name": ""}
    if name == "evap" and words_of(piece.variable or "") & _POTENTIAL:
        keys |= {"long_name": "potential evaporation", "standard_name": ""}
    for key, column, usual in (("date_column", piece.date_column, "date"), ("id_column", piece.id_column, "ID")):
        if column is not None and column != usual:
            keys[key] = column
    if piece.layout is not None:
        keys["layout"] = piece.layout
    if not piece.dated:
        keys |= {"start": group.first, "end": group.last}
    if group.has_gaps:
        keys["allow_absent_days"] = True
    return keys


def _found_by_content(name: str, group: Group, top: Path) -> bool:
    """Whether the reader need not be named."""
    settings = ModalityConfig(kind=group.kind, units="1")
    try:
        return find_reader(top / group.pieces[0].path, name, settings).name == group.pieces[0].reader
    except HydroMAEError:
        return False
