"""What is missing, constant, out of range or misaligned, said before any training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, ParamSpec, TypeVar

import numpy as np

from hydromae.config import Config, ModalityConfig
from hydromae.data.areas import FLOW_UNITS
from hydromae.data.attributes import Attributes
from hydromae.data.check_report import CheckReport, Problem, Row, render
from hydromae.data.cleaning import first_fault
from hydromae.data.patches import pack
from hydromae.data.plan import Land, check_options, find_land, open_attributes, periods_of, station_order
from hydromae.data.readers.detect import locate
from hydromae.data.sources import Source, check_days, check_shapes, open_source
from hydromae.data.statistics import Read, Statistics, gather
from hydromae.data.store import Store
from hydromae.errors import ConfigError, DataError

__all__ = ["CheckReport", "Problem", "Row", "check", "check_store", "render"]

P = ParamSpec("P")
T = TypeVar("T")

SAMPLE_EVERY = 10
_BLOCK_DAYS = 64
_SUSPICIOUS_SHARE = 0.2  # of land cells without any value: far more than coasts lack


@dataclass(frozen=True)
class _Subject:
    """One modality as it is looked at, whether it comes from files or from a store."""

    name: str
    kind: Literal["grid", "series"]
    where: str
    first_day: np.datetime64
    n_days: int
    splits: Mapping[str, slice]
    stations: tuple[str, ...]
    is_flow: bool


def check(config: Config) -> CheckReport:
    """Look at the sources of a configuration; grids are sampled. Errors are gathered, not raised."""
    data, report = config.data, CheckReport(config.name, SAMPLE_EVERY)
    _passes(report, True, check_options, data)
    sources = []
    for name, settings in data.modalities.items():
        source = _attempt(report, True, open_source, name, settings, Path(data.root), data.missing_values)
        if source is None:
            report.rows.append(_unread(name, settings, Path(data.root)))
        else:
            sources.append(source)
    attributes = _attempt(report, True, open_attributes, data)
    periods = periods_of(data)
    if "val" not in periods:
        report.warning("data.val is not set: training goes on without validation, so no best checkpoint is chosen")
    if not periods:
        return report
    first, last = min(p[0] for p in periods.values()), max(p[1] for p in periods.values())
    grids = [source for source in sources if source.settings.kind == "grid"]
    series = [source for source in sources if source.settings.kind == "series"]
    same_shape = _passes(report, False, check_shapes, grids)
    for grid in grids:
        _passes(report, False, check_days, grid, periods)
    land = _attempt(report, True, find_land, config, grids, first) if grids and same_shape else None
    stations = _attempt(report, False, station_order, series, attributes, data) if series else None
    if attributes and stations:
        _check_attributes(report, attributes.of(stations), str(Path(data.root) / str(data.attributes.path)))
    splits = {split: slice((a - first).days, (b - first).days + 1) for split, (a, b) in periods.items()}
    for source in sources:
        ids = (stations or source.station_ids) if source.settings.kind == "series" else ()
        aligned = source.for_stations(ids) if ids else source
        _check_source(report, aligned, land if same_shape else None, first, (last - first).days + 1, splits, ids)
    return report


def check_store(store: Store) -> CheckReport:
    """Verify every byte of a store, then look at its values; grids are sampled. Errors are gathered, not raised."""
    report = CheckReport(str(store.path), SAMPLE_EVERY)
    if not _passes(report, True, store.verify):
        return report
    splits = {split: store.period_slice(split) for split in store.periods}
    for name in store.names:
        is_grid = store.kind(name) == "grid"
        values = store.values(name)

        def read(first: int, count: int, values: np.ndarray = values, is_grid: bool = is_grid) -> np.ndarray:
            block = values[first : first + count]
            return np.asarray(block[:, store.land] if is_grid else block)  # [day, column]

        subject = _Subject(
            name,
            store.kind(name),
            str(store.path),
            store.first_day,
            store.n_days,
            splits,
            () if is_grid else store.station_ids,
            store.units(name) in FLOW_UNITS,
        )
        found = _gather(subject, read, int(store.land.sum()) if is_grid else len(store.station_ids))
        _judge(report, subject, found)
        places = f"{store.shape[0]} x {store.shape[1]}" if is_grid else f"{len(store.station_ids)} stations"
        days = str(store.days[0]), str(store.days[-1])
        row = Row(name, subject.kind, 1, "store", *days, places, store.units(name), *_numbers(found))
        report.rows.append(row)
    return report


def _attempt(
    report: CheckReport, unreadable: bool, action: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T | None:
    try:
        return action(*args, **kwargs)
    except (DataError, ConfigError) as error:
        report.error(str(error), unreadable)
        return None


def _passes(
    report: CheckReport, unreadable: bool, action: Callable[P, None], *args: P.args, **kwargs: P.kwargs
) -> bool:
    before = len(report.problems)
    _attempt(report, unreadable, action, *args, **kwargs)
    return len(report.problems) == before


def _check_attributes(report: CheckReport, attributes: Attributes, path: str) -> None:
    missing = np.isnan(attributes.values).sum(axis=0)  # [attribute]
    for name, count in zip(attributes.names, missing.tolist(), strict=True):
        if count:
            report.warning(f"{path}: {name} is missing for {count} of {len(attributes.ids)} stations")


def _check_source(
    report: CheckReport,
    source: Source,
    land: Land | None,
    first: date,
    n_days: int,
    splits: Mapping[str, slice],
    stations: tuple[str, ...],
) -> None:
    settings, is_grid = source.settings, source.settings.kind == "grid"
    fault: DataError | None = None

    def read(begin: int, count: int) -> np.ndarray:
        nonlocal fault
        day = np.datetime64(first) + begin
        block = source.read(day, count)
        if is_grid and land is not None:
            size = round(land.cells.shape[1] ** 0.5)
            block = pack(block, land.patches, size)[:, land.cells]
        block = block.reshape(count, -1)  # [day, column]
        found = first_fault(block, settings)
        if found is not None and fault is None:
            place = "in a land cell" if is_grid else f"of station {stations[found.index[1]]}"
            fault = source.error(found, day + found.index[0], place)
        block[np.isinf(block)] = np.nan
        return block

    subject = _Subject(
        source.name,
        settings.kind,
        source.where,
        np.datetime64(first),
        n_days,
        splits,
        stations,
        # Where negative values are refused, they are an error already.
        settings.units in FLOW_UNITS and (settings.minimum is None or settings.minimum < 0),
    )
    columns = int(np.prod(source.shape)) if not is_grid or land is None else int(land.cells.sum())
    found = _attempt(report, True, _gather, subject, read, columns)
    if fault is not None:
        report.error(str(fault))
    if found is not None:
        _judge(report, subject, found)
    places = f"{source.shape[0]} x {source.shape[1]}" if is_grid else f"{source.shape[0]} stations"
    days = str(source.first_day), str(source.last_day)
    numbers = _numbers(found) if found is not None else ()
    files = sum(len(piece.files) for piece in source.pieces)
    row = (source.name, settings.kind, files, ", ".join(source.readers), *days, places, settings.units)
    report.rows.append(Row(*row, *numbers))


def _gather(subject: _Subject, read: Read, columns: int) -> Statistics:
    n_days = subject.n_days
    if subject.kind == "grid":
        spans = [(day, 1) for day in range(0, n_days, SAMPLE_EVERY)]
    else:
        spans = [(day, min(_BLOCK_DAYS, n_days - day)) for day in range(0, n_days, _BLOCK_DAYS)]
    return gather(read, spans, columns, subject.splits)


def _judge(report: CheckReport, subject: _Subject, found: Statistics) -> None:
    name, where = subject.name, subject.where
    for split in found.empty_splits:
        text = f"{where}: {name} has no value in the {split} period; add files that cover it or change data.{split}"
        report.error(text) if split == "train" else report.warning(text)
    count, mean, std = found.training.pooled()
    if count > 1 and std <= 1e-9 * (1 + abs(mean)):
        report.error(f"{where}: {name} is {mean:g} everywhere in the training period; give the right file")
    if subject.is_flow and found.minimum < 0:
        report.warning(f"{where}: {name} is negative ({found.minimum:g}) at times; flow against the gauge, or an error")
    if subject.kind == "series":
        _judge_stations(report, subject, found.training.count, found.training.observed_std(), where)
        return
    unseen = float(1 - found.observed.mean())
    if found.observed.any() and unseen > _SUSPICIOUS_SHARE:
        report.warning(
            f"{where}: {unseen:.0%} of the land cells never have a value of {name}; is the mask upside down?"
        )
    if found.empty_days and found.observed.any():
        day = subject.first_day + found.empty_days[0]
        report.warning(
            f"{where}: {name} has no value on land on {len(found.empty_days)} of the days looked at, first {day}"
        )


def _judge_stations(report: CheckReport, subject: _Subject, count: np.ndarray, std: np.ndarray, where: str) -> None:
    if not count.any():
        return
    for which, problem in ((count == 0, "no value"), ((count > 1) & (std == 0), "only one and the same value")):
        ids = [subject.stations[i] for i in np.flatnonzero(which).tolist()]
        if ids:
            listed = ", ".join(ids[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")
            report.warning(
                f"{where}: {subject.name} has {problem} in the training period at {len(ids)} stations: {listed}"
            )


def _numbers(found: Statistics) -> tuple[float, float, float, float]:
    return found.missing, found.minimum, found.mean, found.maximum


def _unread(name: str, settings: ModalityConfig, root: Path) -> Row:
    """The row of a modality that could not be opened."""
    try:
        located = locate(name, settings, root)
    except (DataError, ConfigError):
        return Row(name, settings.kind, len(settings.paths), settings.reader or "", "", "", "", "")
    readers = ", ".join(dict.fromkeys(piece.reader.name for piece in located))
    return Row(name, settings.kind, sum(len(piece.files) for piece in located), readers, "", "", "", "")
