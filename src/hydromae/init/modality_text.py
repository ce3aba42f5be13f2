"""One modality as YAML: what differs from its preset, and why."""

import re
from dataclasses import replace
from pathlib import Path, PurePosixPath

from hydromae.base.errors import HydroMAEError
from hydromae.config import PRESETS, ModalityConfig
from hydromae.init.groups import Group
from hydromae.init.words import words_of
from hydromae.init.yaml_text import comment, key_lines, scalar
from hydromae.readers.detect import find_reader

_INDENT = 4
_OF_A_SOURCE = ("reader", "variable", "date_column", "id_column", "layout")
_POTENTIAL = {"pet", "peti", "potential", "et0", "evspsblpot"}


def modality_lines(
    name: str, group: Group, top: Path, area_known: bool, reason: str, regrid: bool = False
) -> list[str]:
    """The lines of one modality, comments first.

    Args:
        name: of the modality.
        group: its files.
        top: folder that their paths are relative to.
        area_known: whether catchment areas are at hand.
        reason: why it is taken, or not.
        regrid: ask for a rule by which its cells become those of the other grids.
    """
    one, found = group.pieces[0], group.guess
    lines = comment(f"{group.where} ({one.reader}, {group.extent}): {reason}", _INDENT)
    if one.absent >= 0.005:
        lines += comment(f"{one.absent:.0%} of its days and stations have no row, and are missing", _INDENT)
    if one.values.missing > 0 and one.values.count and group.kind == "series":
        seen = f", the first and last value on {one.seen[0]} and {one.seen[1]}" if one.seen else ""
        lines += comment(f"{one.values.missing:.0%} of the sample is missing{seen}", _INDENT)
    if found.role in ("riverflow", "precip") and one.values.count and one.values.low < 0:
        lines += comment("there are values below 0, which its scaling cannot take: see hydromae check", _INDENT)
    for source in group.more:
        lines += comment(f"joined with {source.where} ({source.pieces[0].reader}, {source.extent})", _INDENT)
    preset = PRESETS.get(name, {})
    keys: dict[str, object] = {}
    if preset.get("kind") != group.kind:
        keys["kind"] = group.kind
    body = [f"{' ' * (_INDENT + 2)}{key}: {scalar(value)}" for key, value in keys.items()]
    body += _source_lines(name, group, top) if group.more else key_lines("paths", group.paths(top), _INDENT + 2)
    keys = _keys(name, group, area_known, top)
    for key, value in keys.items():
        if group.more and key in _OF_A_SOURCE:
            continue
        note = "" if key != "units" else "  # as the file says" if found.said else "  # guessed: check"
        body.append(f"{' ' * (_INDENT + 2)}{key}: {scalar(value)}{note}")
    if group.kind == "series" and one.absent + one.values.missing > 0.1:
        body.append(f"{' ' * (_INDENT + 2)}#max_missing: 0.5  # stations that lack more of the training days: left out")
    if regrid:
        body.append(f"{' ' * (_INDENT + 2)}regrid: conservative  # or coarsen, nearest, bilinear")
    return [*lines, f"{' ' * _INDENT}{name}:", *body]


def _source_lines(name: str, group: Group, top: Path) -> list[str]:
    """The key `sources`: of two that hold one station the first named wins."""
    start = " " * (_INDENT + 2)
    lines = [f"{start}sources:  # where two hold a station, the first gives each value it has, the next the others"]
    names: list[str] = []
    for source in (replace(group, more=()), *group.more):
        names.append(_source_name(source, names))
        lines.append(f"{start}  {names[-1]}:")
        lines += key_lines("paths", source.paths(top), _INDENT + 6)
        keys = _keys(name, source, False, top)
        lines += [f"{start}    {key}: {scalar(keys[key])}" for key in _OF_A_SOURCE if key in keys]
    return lines


def _source_name(source: Group, taken: list[str]) -> str:
    """A name that no other source has: of the archive's format, or of the table."""
    one = source.pieces[0]
    text = PurePosixPath(one.path).stem if one.reader == "table" and not one.files else one.reader
    plain = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    base = plain if re.match(r"[a-z]", plain) else f"source_{plain}".rstrip("_")
    return next(name for i in range(1, 10_000) if (name := base if i == 1 else f"{base}_{i}") not in taken)


def _keys(name: str, group: Group, area_known: bool, top: Path) -> dict[str, object]:
    one, found, preset = group.pieces[0], group.guess, PRESETS.get(name, {})
    keys: dict[str, object] = {}
    if not _found_by_content(name, group, top):
        keys["reader"] = one.reader
    if one.variable is not None and not (group.kind == "grid" and one.variable == "data"):
        keys["variable"] = one.variable
    keys["units"] = found.units
    for key, bound in zip(("minimum", "maximum"), found.limits, strict=True):
        if preset.get(key) != bound:
            keys[key] = bound
    if preset.get("per_area") and not (found.units == "m3/s" and area_known):
        keys["per_area"] = False
    if name == "riverflow" and found.units == "mm/d":
        keys |= {"long_name": "specific discharge", "standard_name": ""}
    if name == "evap" and words_of(one.variable or "") & _POTENTIAL:
        keys |= {"long_name": "potential evaporation", "standard_name": ""}
    if name not in PRESETS:
        keys["long_name"] = name.replace("_", " ")
    for key, column, usual in (("date_column", one.date_column, "date"), ("id_column", one.id_column, "ID")):
        if column is not None and column != usual:
            keys[key] = column
    if one.layout is not None:
        keys["layout"] = one.layout
    if not one.dated:
        keys |= {"start": group.first, "end": group.last}
    if group.kind == "grid" and group.has_gaps:
        keys["allow_absent_days"] = True
    return keys


def _found_by_content(name: str, group: Group, top: Path) -> bool:
    """Whether the reader need not be named."""
    settings = ModalityConfig(kind=group.kind, units="1")
    try:
        return find_reader(top / group.pieces[0].path, name, settings).name == group.pieces[0].reader
    except HydroMAEError:
        return False
