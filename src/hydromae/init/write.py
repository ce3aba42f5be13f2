"""Writes the decisions as a configuration, each with its reason."""

import math
import re
from collections.abc import Mapping
from pathlib import Path

from hydromae.base.coordinate_columns import projected_columns
from hydromae.base.errors import ConfigError
from hydromae.base.replacing import replace_text
from hydromae.config import ATTRIBUTES, AttributesConfig, DataConfig
from hydromae.init.modality_text import modality_lines
from hydromae.init.result import InitResult
from hydromae.init.settings import settings, shortest_period
from hydromae.init.yaml_text import comment, inline, key_lines, scalar, sequence

_LISTED = 100
_WISHED_PATCH = 10


def write_config(result: InitResult, path: str | Path, overwrite: bool = False) -> Path:
    """Write the configuration that `init` decided on.

    Args:
        result: of `init`.
        path: of the YAML file.
        overwrite: replace an existing file.

    Raises:
        ConfigError: the file exists already, or its name is not that of a YAML file.
        DataError: it cannot be written.
    """
    path = check_target(path, overwrite)
    replace_text(path, config_text(result, path.stem), overwrite)
    return path


def check_target(path: str | Path, overwrite: bool = False) -> Path:
    """The path of a configuration that may be written; to be called before the work.

    Raises:
        ConfigError: the file exists already, or its name is not that of a YAML file.
    """
    path = Path(path)
    if path.suffix not in (".yaml", ".yml"):
        raise ConfigError(f"{path}: configurations are YAML; name it {path.with_suffix('.yaml').name}")
    if path.exists() and not overwrite:
        raise ConfigError(f"{path}: is there already; give another name, or replace it with --overwrite")
    return path


def config_text(result: InitResult, name: str) -> str:
    """The text of the configuration `name`; the same folder gives the same text."""
    lines = comment(
        f"Written by `hydromae init` for {result.folder}. Every decision has its reason beside it: read them, correct "
        f"what is wrong, then run hydromae check, prepare and train with this file. `hydromae config` explains keys."
    )
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        lines.append("name: experiment")
    lines += ["data:", f"  root: {scalar(str(result.folder))}"]
    lines += _modalities(result)
    lines += _attributes(result)
    lines += _land_mask(result)
    lines += _missing_values(result)
    lines += _periods(result)
    lines += _model(result)
    lines += _left_out(result)
    return "\n".join(lines) + "\n"


def patch_size(shape: tuple[int, int]) -> int:
    """The divisor of both rows and columns from 5 to 20 that is nearest to 10, the larger of two as near.

    Where there is none it is 10, or all of a smaller grid: the last patches reach beyond the edge.
    """
    whole = math.gcd(*shape)
    divisors = [size for size in range(_WISHED_PATCH // 2, 2 * _WISHED_PATCH + 1) if whole % size == 0]
    return min(divisors, key=lambda size: (abs(size - _WISHED_PATCH), -size), default=min(_WISHED_PATCH, max(shape)))


def _modalities(result: InitResult) -> list[str]:
    area_known = result.table is not None and result.table.area is not None
    lines = ["  modalities:"]
    for name, group in result.chosen.taken.items():
        lines += modality_lines(name, group, result.folder, area_known)
    if result.chosen.others:
        lines += comment("Not taken. What the model is to know too becomes a modality of its own:", 4)
    for group, reason in result.chosen.others[:_LISTED]:
        lines += comment(f"{group.where} ({group.kind}, {group.extent}): {reason}", 4, hanging=2)
    if len(result.chosen.others) > _LISTED:
        lines += comment(f"and {len(result.chosen.others) - _LISTED} more sources, which `hydromae init` lists", 4)
    if any(group.kind == "grid" and group.shape != result.shape for group, _ in result.chosen.others):
        lines += comment("grids of other cells also need a rule, as regrid: conservative", 4, hanging=2)
    return lines


def _attributes(result: InitResult) -> list[str]:
    table = result.table
    if not result.of_kind("series"):
        return []
    if table is None:
        return comment("No table of attributes has the stations of the series, so the model knows nothing of them.", 2)
    lines = comment(
        f"Attributes: {table.path}, whose column {table.id} holds {table.held:.0%} of the stations looked at.", 2
    )
    if table.blanks:
        listed = ", ".join(f"{name} ({count})" for name, count in table.blanks.items())
        lines += comment(f"Blank in some rows: {listed}. A missing one counts as the mean.", 2)
    if table.left:
        listed = ", ".join(f"{name} ({reason})" for name, reason in table.left.items())
        lines += comment(f"Columns not taken: {listed}.", 2)
    if not table.located and len(places := projected_columns(list(table.left))) == 2:
        named = " and ".join(list(table.left)[place] for place in places.values())
        lines += comment(
            f"Latitude and longitude can be computed from {named}: set crs below to their system, as EPSG:27700 for "
            "Great Britain, and add latitude and longitude to columns.",
            2,
        )
    if table.area is None:
        lines += comment("No column holds the catchment area, so flow in m3/s is not modelled per area.", 2)
    lines += ["  attributes:", f"    path: {scalar(table.path)}"]
    usual = AttributesConfig()
    if table.id != usual.id:
        lines.append(f"    id: {scalar(table.id)}")
    if table.columns != ATTRIBUTES:
        lines += key_lines("columns", table.columns, 4)
    if table.area is not None and table.area != usual.area:
        lines.append(f"    area: {scalar(table.area)}")
    if table.absent:
        lines += comment(f"{len(table.absent)} stations have no row in the table, so they are left out.", 2)
        lines += key_lines("exclude_stations", table.absent, 2)
    return lines


def _land_mask(result: InitResult) -> list[str]:
    if result.shape is None:
        return []
    if result.mask is None:
        return comment("There is no land mask of the grids' shape: cells that ever have a value are land.", 2)
    lines = comment(f"Land: 0 and 1 on the cells of the grids; {result.mask.land:.0%} of them are land.", 2)
    return [*lines, f"  land_mask: {scalar(result.mask.path)}"]


def _missing_values(result: InitResult) -> list[str]:
    usual = DataConfig().missing_values
    more = tuple(code for code in result.codes if code not in usual)
    if not more:
        return comment(
            "No number was seen that only means missing; `hydromae check` finds them, for missing_values.", 2
        )
    seen = ", ".join(f"{code:g}" for code in more)
    lines = comment(f"Seen in tables where there is no value: {seen}.", 2)
    return [*lines, f"  missing_values: {sequence((*usual, *more))}"]


def _periods(result: InitResult) -> list[str]:
    first, last = result.chosen.common
    lines = comment(f"All modalities have days from {first} to {last}. Split: {result.split.reason}.", 2)
    lines += [f"  {key}: {sequence(period)}" for key, period in result.split.periods.items()]
    decided = settings(result)
    if keys := decided.keys["data"]:
        shortest = shortest_period(result)
        why = f"{decided.why['data']}; the shortest period has {shortest} days"
        return [*lines, *comment(f"{why}.", 2), *_lines_of(keys)]
    if (shortest := shortest_period(result)) < (usual := DataConfig().window):
        lines += comment(f"The shortest period has {shortest} days, less than the usual window of {usual}.", 2)
        lines.append(f"  window: {shortest}")
    return lines


def _model(result: InitResult) -> list[str]:
    shape, table, decided = result.shape, result.table, settings(result)
    lines: list[str] = []
    for section in ("model", "masking", "training"):
        if not decided.keys[section]:
            continue
        lines += [f"{section}:", *comment(f"{decided.why[section]}.", 2), *_lines_of(decided.keys[section])]
        if section == "model" and shape is not None:
            lines += _patches(shape)
        if section == "model" and result.of_kind("series") and (table is None or not table.located):
            lines += _without_places("stations_per_window" in decided.keys["data"])
    return lines


def _patches(shape: tuple[int, int]) -> list[str]:
    """The size of patches, with its reason."""
    size, (rows, columns) = patch_size(shape), shape
    why = f"the divisor of {rows} rows and {columns} columns nearest to {_WISHED_PATCH}"
    if rows % size or columns % size:
        near = f"no size near {_WISHED_PATCH} divides {rows} rows and {columns} columns"
        why = f"as {near}; the last reach beyond the edge"
    return [*comment(f"Cells in a patch: {size} x {size}, {why}.", 2), f"  patch_size: {size}"]


def _without_places(in_turn: bool) -> list[str]:
    """The position of stations whose latitude and longitude are not known."""
    if in_turn:
        return [*comment("Without latitude and longitude no station has a place.", 2), "  series_position: none"]
    lines = comment("Without latitude and longitude each group of stations learns its place.", 2)
    return [*lines, "  series_position: learned"]


def _lines_of(keys: Mapping[str, object]) -> list[str]:
    return [f"  {key}: {inline(value)}" for key, value in keys.items()]


def _left_out(result: InitResult) -> list[str]:
    if not result.left_out:
        return []
    lines = comment("Left out:")
    for item in result.left_out[:_LISTED]:
        lines += comment(f"{item.path}: {item.reason}", hanging=2)
    if len(result.left_out) > _LISTED:
        lines += comment(f"and {len(result.left_out) - _LISTED} more")
    return lines
