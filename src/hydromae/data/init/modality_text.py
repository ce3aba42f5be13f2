"""One modality as YAML: what differs from its preset, and why."""

from pathlib import Path

from hydromae.config import PRESETS, ModalityConfig
from hydromae.data.init.groups import Group
from hydromae.data.init.words import words_of
from hydromae.data.init.yaml_text import comment, key_lines, scalar
from hydromae.data.readers.detect import find_reader
from hydromae.errors import HydroMAEError

_INDENT = 4
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
    preset = PRESETS.get(name, {})
    keys: dict[str, object] = {}
    if preset.get("kind") != group.kind:
        keys["kind"] = group.kind
    body = [f"{' ' * (_INDENT + 2)}{key}: {scalar(value)}" for key, value in keys.items()]
    body += key_lines("paths", group.paths(top), _INDENT + 2)
    keys = _keys(name, group, area_known, top)
    for key, value in keys.items():
        note = "" if key != "units" else "  # as the file says" if found.said else "  # guessed: check"
        body.append(f"{' ' * (_INDENT + 2)}{key}: {scalar(value)}{note}")
    if group.kind == "series" and one.absent + one.values.missing > 0.1:
        body.append(f"{' ' * (_INDENT + 2)}#max_missing: 0.5  # stations that lack more of the training days: left out")
    if regrid:
        body.append(f"{' ' * (_INDENT + 2)}regrid: conservative  # or coarsen, nearest, bilinear")
    return [*lines, f"{' ' * _INDENT}{name}:", *body]


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
