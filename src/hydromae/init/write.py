"""Writing what was decided as a configuration, each decision with its reason."""

import re
from pathlib import Path

from hydromae.base.errors import ConfigError
from hydromae.base.files import write_text
from hydromae.config import ATTRIBUTES, AttributesConfig, DataConfig
from hydromae.init.advice import (
    SMALL_MODEL,
    SMALL_TRAINING,
    patch_size,
    series_settings,
    sizes,
)
from hydromae.init.groups import Group
from hydromae.init.modality_text import modality_lines
from hydromae.init.result import InitResult
from hydromae.init.yaml_text import comment, commented_out, key_lines, scalar, sequence

_LISTED, _SHOWN = 100, 30


def write_config(result: InitResult, path: str | Path, overwrite: bool = False) -> Path:
    """Write the configuration that `init` decided on.

    Args:
        result: of `init`.
        path: of the YAML file.
        overwrite: replace a file that is there.

    Raises:
        ConfigError: a file is there already, or the name is not one of a YAML file.
        DataError: it cannot be written.
    """
    path = check_target(path, overwrite)
    write_text(path, config_text(result, path.stem))
    return path


def check_target(path: str | Path, overwrite: bool = False) -> Path:
    """The path of a configuration that may be written, to be asked before the work.

    Raises:
        ConfigError: a file is there already, or the name is not one of a YAML file.
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
        f"Written by `hydromae init` for {result.folder}. Every decision stands beside its reason: read them, correct "
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


def _modalities(result: InitResult) -> list[str]:
    chosen, lines = result.chosen, ["  modalities:"]
    area_known = result.table is not None and result.table.area is not None
    for name, group in chosen.taken.items():
        lines += modality_lines(name, group, result.folder, area_known, chosen.reasons[name])
    if chosen.others:
        lines += comment("Not taken; to use one, remove the # before its keys, and the modality it stands in for:", 4)
    names = set(chosen.taken)
    for group, reason in chosen.others[:_SHOWN]:
        name = group.guess.role or _free_name(group, names)
        names.add(name)
        regrid = group.kind == "grid" and result.shape is not None and group.shape != result.shape
        lines += commented_out(modality_lines(name, group, result.folder, area_known, reason, regrid))
    if len(chosen.others) > _SHOWN:
        lines += comment(f"and {len(chosen.others) - _SHOWN} more sources, which `hydromae init` lists", 4)
    return lines


def _free_name(group: Group, names: set[str]) -> str:
    """A name that no modality has: the variable's, with a number where it is given already."""
    one = group.pieces[0]
    text = re.sub(r"[^a-z0-9]+", "_", (one.variable or one.reader).lower()).strip("_")
    base = text if re.match(r"[a-z]", text) else f"variable_{text}".rstrip("_")
    return next(name for i in range(1, 10_000) if (name := base if i == 1 else f"{base}_{i}") not in names)


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
        return comment("No land mask of the grids' shape lies there: cells that ever have a value are land.", 2)
    lines = comment(f"Land: 0 and 1 on the cells of the grids; {result.mask.land:.0%} of them are land.", 2)
    return [*lines, f"  land_mask: {scalar(result.mask.path)}"]


def _missing_values(result: InitResult) -> list[str]:
    usual = DataConfig().missing_values
    more = tuple(code for code in result.codes if code not in usual)
    seen = ", ".join(f"{code:g}" for code in result.codes)
    lines = comment(f"Seen in the samples where there is no value: {seen or 'no code, only blanks or NaN if any'}.", 2)
    return [*lines, f"  missing_values: {sequence((*usual, *more))}"] if more else lines


def _periods(result: InitResult) -> list[str]:
    taken = result.chosen.taken
    begin, end = min(g.first for g in taken.values()), max(g.last for g in taken.values())
    first, last = result.chosen.common
    late = [name for name, group in taken.items() if group.first == first] if begin < first else []
    early = [name for name, group in taken.items() if group.last == last] if end > last else []
    since = f" ({' and '.join(late)} begin{'s' * (len(late) == 1)} then)" if late else ""
    until = f" ({' and '.join(early)} end{'s' * (len(early) == 1)} then)" if early else ""
    lines = comment(
        f"The files hold {begin} to {end}; all modalities are there from {first}{since} to {last}{until}. "
        f"Split: {result.split.reason}.",
        2,
    )
    for name, group in taken.items():
        seen = group.pieces[0].seen
        if seen is not None and (seen[0] > first or seen[1] < last):
            lines += comment(f"In the sample {name} has values from {seen[0]} to {seen[1]} only.", 2)
    lines += [f"  {key}: {sequence(period)}" for key, period in result.split.periods.items()]
    shortest = min((last - first).days + 1 for first, last in result.split.periods.values())
    usual = DataConfig()
    if shortest < usual.window:
        lines += comment(f"The shortest period has {shortest} days, less than the usual window of {usual.window}.", 2)
        lines.append(f"  window: {shortest}")
    if _series_alone(result):
        lines += comment("Each station in windows of its own, which makes steps cheap; see under model.", 2)
        kept = series_settings()["data"]
        if shortest < usual.window:
            kept = {key: value for key, value in kept.items() if key == "stations_per_window"}
        lines += [f"  #{key}: {scalar(value)}" for key, value in kept.items()]
    return lines


def _series_alone(result: InitResult) -> bool:
    return bool(result.of_kind("series")) and not result.of_kind("grid")


def _model(result: InitResult) -> list[str]:
    shape, table = result.shape, result.table
    lines: list[str] = []
    if shape is not None:
        size = patch_size(shape)
        lines += comment(
            f"Cells in a patch: {size} x {size}, the divisor of {shape[0]} rows and {shape[1]} columns nearest to 10.",
            2,
        )
        if size < 4:
            lines += comment("So small patches make many tokens: pad or cut the grids to multiples of 8 or 10.", 2)
        lines.append(f"  patch_size: {size}")
    if result.of_kind("series") and (table is None or not table.located):
        lines += comment("Without latitude and longitude each group of stations learns its place.", 2)
        lines.append("  series_position: learned")
    train = result.split.periods["train"]
    days = (train[1] - train[0]).days + 1
    window = min([DataConfig().window, *((b - a).days + 1 for a, b in result.split.periods.values())])
    stations = max((group.n_stations for group in result.of_kind("series")), default=0)
    every_patch = 0 if shape is None else shape[0] * shape[1] // patch_size(shape) ** 2
    patches = result.mask.patches if result.mask else every_patch
    grids, series = len(result.of_kind("grid")), len(result.of_kind("series"))
    found = sizes(patches, grids, stations, series, window, days)
    tokens = f"A window has about {found.tokens} tokens, and training {days} days."
    if alone := _series_alone(result):
        advice = (
            f"{tokens} Series alone: without the # the keys below and under data are those of the benchmark GB-Flow-7."
        )
    else:
        small = "Begin with a small model" if found.small else "The default sizes suit; a small model is quicker"
        advice = f"{tokens} {small}: without the # the keys below are those of configs/gb_small.yaml."
    lines += comment(advice, 2)
    has_keys = any(not line.lstrip().startswith("#") for line in lines)
    kept = series_settings() if alone else {"model": SMALL_MODEL, "training": SMALL_TRAINING}
    lines += [f"  #{key}: {scalar(value)}" for key, value in kept["model"].items()]
    training = [f"  #{key}: {scalar(value)}" for key, value in kept["training"].items()]
    # A section without keys would be null.
    return ["model:" if has_keys else "#model:", *lines, "#training:", *training]


def _left_out(result: InitResult) -> list[str]:
    if not result.left_out:
        return []
    lines = comment("Left out:")
    for one in result.left_out[:_LISTED]:
        lines += comment(f"{one.path}: {one.reason}", hanging=2)
    if len(result.left_out) > _LISTED:
        lines += comment(f"and {len(result.left_out) - _LISTED} more")
    return lines
