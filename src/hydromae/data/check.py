"""What is missing, constant, out of range or misaligned, said before any training."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np

from hydromae.config import Config, ModalityConfig, Period
from hydromae.config_types import Kind
from hydromae.data.alignment import check_training
from hydromae.data.attributes import Attributes
from hydromae.data.check_report import CheckReport, Problem, Row, render
from hydromae.data.checks.configured import choose_stations, droppable, judge_windows, tell_excluded
from hydromae.data.checks.examine import Cells, Numbers, examine_grid, examine_series
from hydromae.data.checks.exclusions import configured
from hydromae.data.checks.gaps import Gaps
from hydromae.data.checks.progress import Done, Progress
from hydromae.data.checks.quantity import quantity_of
from hydromae.data.checks.stations import judge_attributes, view_of
from hydromae.data.checks.subject import Subject, counted
from hydromae.data.cleaning import limits
from hydromae.data.joined import open_modality
from hydromae.data.land import Land, find_land
from hydromae.data.origin import changed_sources
from hydromae.data.patches import cell_index
from hydromae.data.plan import check_options, known_ids, open_attributes, periods_of
from hydromae.data.readers.detect import locate
from hydromae.data.sources import Source, check_days
from hydromae.data.station_choice import spelled_alike
from hydromae.data.store import Store
from hydromae.data.target_grid import bring_to_target
from hydromae.errors import ConfigError, DataError

__all__ = ["CheckReport", "Problem", "Row", "check", "check_store", "render"]

P = ParamSpec("P")
T = TypeVar("T")

SAMPLE_EVERY = 10
_BLOCK_DAYS = 1024


def check(
    config: Config, *, every: int = SAMPLE_EVERY, full: bool = False, on_progress: Progress | None = None
) -> CheckReport:
    """Look at the sources of a configuration. Errors are gathered, not raised.

    Args:
        config: names the sources.
        every: grids are looked at on every n-th day of each year and the day after it; series on all days.
        full: grids are looked at on all days.
        on_progress: called with what is being done and the share that is done, 0 to 1.
    """
    data = config.data
    report = CheckReport(config.name, 1 if full else every, excluded=configured(data))
    _passes(report, True, check_options, data)
    attributes = _attempt(report, True, open_attributes, data)
    sources, known = [], known_ids(data, attributes)
    for name, settings in data.modalities.items():
        source = _attempt(report, True, open_modality, name, settings, Path(data.root), data.missing_values, known)
        if source is None:
            report.rows.append(_unread(name, settings, Path(data.root)))
        else:
            sources.append(source)
    alike = _attempt(report, True, spelled_alike, [s for s in sources if s.settings.kind == "series"], attributes)
    spelled = {source.name: source for source in alike or ()}
    sources = [spelled.get(source.name, source) for source in sources]
    periods = periods_of(data)
    if "val" not in periods:
        report.warning("data.val is not set: training goes on without validation, so no best checkpoint is chosen")
    if not periods:
        return report
    tell_excluded(report, config)
    judge_windows(report, data, periods)
    for source in sources:
        notes = _attempt(report, False, check_days, source, periods)
        if notes is not None and "train" in periods:
            _passes(report, False, check_training, source, periods["train"])
        for note in notes or ():
            report.note(note)
        for note in source.notes:
            report.note(note)
        for doubt in source.doubts:
            report.error(doubt)
    first, last = min(p[0] for p in periods.values()), max(p[1] for p in periods.values())
    grids = [source for source in sources if source.settings.kind == "grid"]
    brought = _attempt(report, False, bring_to_target, grids, data.target_grid)
    land = _attempt(report, True, find_land, config, brought, first, last) if brought else None
    for note in land.notes if land is not None else ():
        report.note(note)
    stations, attributes = choose_stations(report, config, sources, attributes, periods)
    done, gaps = Done(on_progress, len(sources)), Gaps()
    placed = {grid.name: grid for grid in brought or ()}
    for source in sources:
        seen = placed.get(source.name, source)
        done.begin(source.name)
        _check_source(report, config, seen, land if brought else None, (first, last), stations, attributes, gaps, done)
    gaps.tell(report)
    done.end()
    return report


def check_store(
    store: Store,
    *,
    root: Path | None = None,
    every: int = SAMPLE_EVERY,
    full: bool = False,
    on_progress: Progress | None = None,
) -> CheckReport:
    """Verify every byte of a store, compare it with its sources, then look at its values. Errors are gathered.

    Args:
        store: an open store.
        root: folder of its sources; None is where they were.
        every: as in `check`.
        full: as in `check`.
        on_progress: as in `check`.
    """
    report = CheckReport(str(store.path), 1 if full else every)
    if not _passes(report, True, store.verify):
        return report
    _compare_sources(report, store, root)
    if store.attribute_names:
        values = store.attributes.astype(np.float64)
        where = f"{store.path}/attributes.npy"
        judge_attributes(report, where, store.station_ids, store.attribute_names, values)
        report.attributes = view_of(store.station_ids, store.attribute_names, values)
    done, gaps = Done(on_progress, len(store.names)), Gaps()
    for name in store.names:
        done.begin(name)
        subject = Subject(
            name=name,
            where=str(store.path),
            units=store.units(name),
            quantity=quantity_of(name, store.standard_name(name), store.long_name(name), store.units(name)),
            logarithmic=store.scaler(name).transform == "log",
            limits=(None, None),
            first_day=store.first_day,
            n_days=store.n_days,
            splits={split: store.period_slice(split) for split in store.periods},
        )
        if store.kind(name) == "grid":
            numbers = _check_stored_grid(report, store, subject, done)
            places = f"{store.shape[0]} x {store.shape[1]}"
        else:
            numbers = _check_stored_series(report, store, subject, gaps, done)
            places = f"{len(store.station_ids)} stations"
        days = str(store.days[0]), str(store.days[-1])
        report.rows.append(_row(name, store.kind(name), 1, "store", days, places, store.units(name), numbers))
    gaps.tell(report)
    done.end()
    return report


def _compare_sources(report: CheckReport, store: Store, root: Path | None) -> None:
    changed = tuple(changed_sources(store, root))
    if not changed:
        return
    if not Path(root if root is not None else store.provenance.root).is_dir():
        report.note(changed[0])  # a store may well travel without its sources
        return
    more = f" (and {counted(len(changed) - 1, 'more file', 'more files')})" if len(changed) > 1 else ""
    report.warning(
        f"{changed[0]}{more}; the store is of the old files: `hydromae prepare --overwrite` takes the new ones", changed
    )


def _check_stored_grid(report: CheckReport, store: Store, subject: Subject, done: Done) -> Numbers:
    land = store.land
    index = cell_index(store.valid_patches, store.shape, store.patch_size)[land]

    def read(first: int, count: int) -> np.ndarray:
        return store.read(subject.name, slice(first, first + count))[:, land]  # [day, cell]

    return examine_grid(report, subject, Cells(store.shape, index), read, False, done.share)


def _check_stored_series(report: CheckReport, store: Store, subject: Subject, gaps: Gaps, done: Done) -> Numbers:
    def read(stations: slice) -> np.ndarray:
        # Blocks of days bound the memory where the store must be unscaled on the way.
        starts = range(0, store.n_days, _BLOCK_DAYS)
        parts = [store.read(subject.name, slice(day, day + _BLOCK_DAYS))[:, stations] for day in starts]
        return np.concatenate(parts)  # [day, station]

    return examine_series(report, subject, store.station_ids, store.areas, read, gaps, False, done.share)


def _check_source(
    report: CheckReport,
    config: Config,
    source: Source,
    land: Land | None,
    period: Period,
    stations: tuple[str, ...] | None,
    attributes: Attributes | None,
    gaps: Gaps,
    done: Done,
) -> None:
    settings, name = source.settings, source.name
    first, n_days = np.datetime64(period[0]), (period[1] - period[0]).days + 1
    splits = {split: slice(*_positions(period[0], *days)) for split, days in periods_of(config.data).items()}
    subject = Subject(
        name=name,
        where=source.where,
        units=settings.units,
        quantity=quantity_of(name, settings.standard_name, settings.long_name, settings.units),
        logarithmic=settings.scaling == "log",
        limits=limits(settings),
        first_day=first,
        n_days=n_days,
        splits=splits,
        fault=source.error,
    )
    can_go = droppable(config, name)
    if settings.kind == "grid":
        height, width = source.shape
        index = np.arange(height * width)
        if land is not None:
            size = round(land.cells.shape[1] ** 0.5)
            index = cell_index(land.patches, land.shape, size)[land.cells]

        def read_days(begin: int, count: int) -> np.ndarray:
            return source.read(first + begin, count).reshape(count, -1)[:, index]  # [day, cell]

        cells = Cells((height, width), index)
        numbers = _attempt(report, True, examine_grid, report, subject, cells, read_days, can_go, done.share)
        places = f"{height} x {width}"
    else:
        ids = stations or source.station_ids

        def read_stations(some: slice) -> np.ndarray:
            return source.for_stations(ids[some]).read(first, n_days)  # [day, station]

        areas = attributes.areas if attributes and stations else None
        numbers = _attempt(
            report, True, examine_series, report, subject, ids, areas, read_stations, gaps, can_go, done.share
        )
        places = f"{len(ids)} stations"
    files = sum(len(piece.files) for piece in source.pieces)
    days = str(source.first_day), str(source.last_day)
    row = _row(name, settings.kind, files, ", ".join(source.readers), days, places, settings.units, numbers)
    report.rows.append(replace(row, why=source.why))


def _positions(origin: date, first: date, last: date) -> tuple[int, int]:
    return (first - origin).days, (last - origin).days + 1


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


def _row(
    name: str,
    kind: Kind,
    files: int,
    reader: str,
    days: tuple[str, str],
    places: str,
    units: str,
    found: Numbers | None,
) -> Row:
    n = found or Numbers()
    return Row(
        name, kind, files, reader, *days, places, units, n.missing, n.minimum, n.mean, n.maximum,
        split_missing=n.split_missing,
    )  # fmt: skip


def _unread(name: str, settings: ModalityConfig, root: Path) -> Row:
    """The row of a modality that could not be opened."""
    try:
        located = [one for part in settings.parts(name).items() for one in locate(*part, root)]
    except (DataError, ConfigError):
        named = sum(len(part.paths) for part in settings.parts(name).values())
        return Row(name, settings.kind, named, settings.reader or "", "", "", "", "")
    readers = ", ".join(dict.fromkeys(piece.reader.name for piece in located))
    files = sum(len(piece.files) for piece in located)
    return Row(name, settings.kind, files, readers, "", "", "", "", why=located[0].why)
