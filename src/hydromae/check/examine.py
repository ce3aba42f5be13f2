"""Looks at one modality and judges it: fills the report's table, findings and figures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from hydromae.check.exclusions import Exclusion
from hydromae.check.gaps import Gaps
from hydromae.check.grid import GridStatistics, ReadDays, look_at_grid
from hydromae.check.grid_findings import judge_grid
from hydromae.check.kept_days import KeptDays
from hydromae.check.quantity import doubt_units
from hydromae.check.records import Recorder
from hydromae.check.report import CheckReport, GridView, SeriesView
from hydromae.check.series import ReadStations, SeriesStatistics, look_at_series
from hydromae.check.series_findings import judge_runoff, judge_series
from hydromae.check.subject import Subject

_COVERED = 0.95  # of a split's days; fewer are worth a warning

Done = Callable[[float], None]


@dataclass(frozen=True)
class Numbers:
    """The numbers of a row of the table; None where nothing could be read."""

    missing: float | None = None
    minimum: float | None = None
    mean: float | None = None
    maximum: float | None = None
    split_missing: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Cells:
    """Where the columns of a grid's block lie: row-major positions in a grid of `shape`."""

    shape: tuple[int, int]
    index: Int[np.ndarray, "cell"]

    def on_grid(self, values: Float[np.ndarray, "cell"]) -> Float[np.ndarray, "row column"]:
        """The values as a map, NaN elsewhere."""
        grid = np.full(self.shape[0] * self.shape[1], np.nan, np.float32)
        grid[self.index] = values
        return grid.reshape(self.shape)


def examine_grid(
    report: CheckReport, subject: Subject, cells: Cells, read: ReadDays, droppable: bool, done: Done
) -> Numbers:
    """Look at a grid's days and add what is found; `droppable` says whether the configuration can go without it."""
    kept = KeptDays(subject.n_days, len(cells.index), report.places["grid"])

    def read_and_keep(first: int, count: int) -> np.ndarray:
        block = read(first, count)
        kept.take(first, block)
        return block

    statistics = look_at_grid(
        read_and_keep if report.paged else read, len(cells.index), subject, report.sampled_every, done
    )
    counts = {split: statistics.looked[period] for split, period in subject.splits.items()}
    shares = {
        split: float(np.nanmean(statistics.share[period])) if counts[split].any() else float("nan")
        for split, period in subject.splits.items()
    }
    held = {
        split: float((statistics.share[period][counts[split]] > 0).mean()) if counts[split].any() else 1.0
        for split, period in subject.splits.items()
    }
    _judge_splits(report, subject, {split: share == 0 for split, share in shares.items()}, held, droppable)
    count, mean, std = statistics.training.pooled()
    if count > 1 and std <= 1e-9 * (1 + abs(mean)):
        _judge_constant(report, subject, f"{mean:g} everywhere", droppable)
    numbers = _numbers_of_grid(statistics, shares)
    _judge_units(report, subject, numbers)
    judge_grid(report, subject, statistics, report.sampled_every)
    if not report.paged:
        return numbers
    missing = 1 - statistics.all_days.count / max(statistics.n_days, 1)
    report.grids.append(
        GridView(
            subject.name,
            subject.units,
            subject.quantity,
            statistics.years,
            statistics.present_by_year(subject.years),
            cells.on_grid(statistics.all_days.observed_mean()),
            cells.on_grid(missing),
            tuple(str(subject.day(position)) for position in kept.positions),
            tuple(cells.on_grid(values) for values in kept.maps),
        )
    )
    return numbers


def examine_series(
    report: CheckReport,
    subject: Subject,
    stations: tuple[str, ...],
    areas: Float[np.ndarray, "station"] | None,
    read: ReadStations,
    gaps: Gaps,
    droppable: bool,
    done: Done,
) -> Numbers:
    """Look at a series and add what is found, its gaps to `gaps`; `areas` are km2 of the stations."""
    recorder = Recorder(subject.first_day, subject.n_days, len(stations), report.places["series"])

    def read_and_keep(columns: slice) -> np.ndarray:
        block = read(columns)
        recorder.take(block, columns.start)
        return block

    statistics = look_at_series(read_and_keep if report.paged else read, len(stations), subject, done)
    size = {split: (period.stop - period.start) * len(stations) for split, period in subject.splits.items()}
    shares = {split: float(count.sum() / max(size[split], 1)) for split, count in statistics.split_count.items()}
    held = {split: float(statistics.any_day[period].mean()) for split, period in subject.splits.items()}
    _judge_splits(report, subject, {split: share == 0 for split, share in shares.items()}, held, droppable)
    trained = np.isfinite(statistics.deviation)
    if trained.any() and statistics.split_count["train"].sum() > 1 and not (statistics.deviation[trained] > 0).any():
        at = statistics.mean[trained]
        _judge_constant(
            report, subject, f"{at[0]:g} everywhere" if np.ptp(at) == 0 else "constant at every station", droppable
        )
    numbers = _numbers_of_series(statistics, shares)
    _judge_units(report, subject, numbers)
    judge_series(report, subject, stations, statistics)
    gaps.add(subject, stations, statistics)
    judge_runoff(report, subject, stations, statistics, areas)
    if not report.paged:
        return numbers
    missing = 1 - statistics.count / max(statistics.n_days, 1)
    report.series.append(
        SeriesView(
            subject.name,
            subject.units,
            stations,
            statistics.years,
            statistics.present,
            missing,
            statistics.mean,
            recorder.record(statistics),
        )
    )
    return numbers


def _judge_splits(
    report: CheckReport, subject: Subject, empty: Mapping[str, bool], held: Mapping[str, float], droppable: bool
) -> None:
    name, where = subject.name, subject.where
    for split in subject.splits:
        if empty[split]:
            text = f"{where}: {name} has no value in the {split} period; add files that cover it or change data.{split}"
            if split == "train":
                report.error(text, exclusion=_without(name, droppable))
            else:
                report.warning(text)
        elif held[split] < _COVERED:
            report.warning(
                f"{where}: {name} has a value on only {held[split]:.0%} of the days of data.{split}; add the files of "
                f"the others, or change data.{split}"
            )


def _judge_constant(report: CheckReport, subject: Subject, value: str, droppable: bool) -> None:
    report.error(
        f"{subject.where}: {subject.name} is {value} in the training period; give the right file",
        exclusion=_without(subject.name, droppable),
    )


def _judge_units(report: CheckReport, subject: Subject, numbers: Numbers) -> None:
    if numbers.mean is None or numbers.minimum is None or numbers.maximum is None:
        return
    doubt = doubt_units(subject.quantity, subject.units, numbers.mean, numbers.minimum, numbers.maximum)
    if doubt is None:
        return
    stop = "" if doubt.text.endswith("?") else ";"
    key = f"data.modalities.{subject.name}.units"
    text = f"{subject.where}: {subject.name} {doubt.text}{stop} {key} is {subject.units}"
    if doubt.certain:
        report.error(
            f"{text}: name the unit of the file with convert_from, convert the file, or set units and limits to those "
            f"of the file"
        )
    else:
        report.warning(text)


def _without(name: str, droppable: bool) -> Exclusion:
    return Exclusion(modalities=(name,)) if droppable else Exclusion()


def _numbers_of_grid(statistics: GridStatistics, shares: Mapping[str, float]) -> Numbers:
    _, mean, _ = statistics.all_days.pooled()
    seen = statistics.all_days.count > 0
    if not seen.any():
        return _nothing(shares)
    total = statistics.all_days.count.sum() / max(statistics.n_days * len(seen), 1)
    low, high = float(statistics.low[seen].min()), float(statistics.high[seen].max())
    return Numbers(float(1 - total), low, mean, high, {split: 1 - share for split, share in shares.items()})


def _numbers_of_series(statistics: SeriesStatistics, shares: Mapping[str, float]) -> Numbers:
    count = statistics.count.sum()
    if not count:
        return _nothing(shares)
    seen = statistics.count > 0
    mean = float((statistics.mean[seen] * statistics.count[seen]).sum() / count)
    total = float(1 - count / (statistics.n_days * len(statistics.count)))
    low, high = float(statistics.low[seen].min()), float(statistics.high[seen].max())
    return Numbers(total, low, mean, high, {split: 1 - share for split, share in shares.items()})


def _nothing(shares: Mapping[str, float]) -> Numbers:
    nan = float("nan")
    return Numbers(1.0, nan, nan, nan, {split: 1 - share for split, share in shares.items()})
