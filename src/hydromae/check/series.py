"""Reads a series in blocks of stations and gathers gaps, streaks, copies and outliers."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from hydromae.check.duplicates import copied_years, repeats_day_before
from hydromae.check.streaks import Streaks, find_streaks, joined, resolution
from hydromae.check.subject import Subject
from hydromae.sources.cleaning import impossible

BLOCK_STATIONS = 64
STUCK_DAYS = 15
_COARSE = 20  # a value of fewer steps of its station's resolution may stay equal for weeks in a true recession
_OUTLYING = 10.0  # robust deviations
_LEAST_DEVIATION = 0.35  # of log flow, so that a river that hardly varies may still have a flood
_ENOUGH_VALUES = 365  # for quantiles
WRONG_KEPT = 1000  # impossible values whose places are kept
TELLING_STATIONS = 10  # fewer may all repeat the day before by chance, as flow is rounded
MOSTLY_WRONG = 0.05  # of a station's values: where more are impossible, the station is at fault and not the day

ReadStations = Callable[[slice], Float[np.ndarray, "day station"]]


@dataclass(frozen=True)
class Outliers:
    """Values far from their station's usual flow: column, position, value, and the station's median."""

    column: Int[np.ndarray, "value"]
    day: Int[np.ndarray, "value"]
    value: Float[np.ndarray, "value"]
    median: Float[np.ndarray, "value"]


@dataclass
class SeriesStatistics:
    """Statistics over all values of a series.

    Attributes:
        present: share of the days of each year with a value, [year, station].
        training: values in the training period, [station].
        first, last: positions of the first and last value, -1 where there is none.
        mean, low, high, deviation: of each station, NaN where there is none; deviation in the training period.
        split_count: split -> values of each station.
        any_day: days with a value at any station.
        wrong: impossible values of each station.
        wrong_days: days on which a station whose values are mostly possible has an impossible one.
        first_wrong: position, column and value of the first impossible value.
        wrong_at: column, position and value of the first impossible values of each block, `WRONG_KEPT` at most.
        year_starts: position of the first day of each year.
        stuck: streaks of STUCK_DAYS and more above 0, without coarse low flow.
        dropped: streaks of zeros that begin with a fall from above the median.
        repeated: days on which all stations equal the day before.
        telling: how many of them are not 0 on such a day.
        copied: (station, year, earlier year), positions in `years`.
        dry_years: (station, year) of nothing but zeros.
    """

    years: Int[np.ndarray, "year"]
    present: Float[np.ndarray, "year station"]
    mean: Float[np.ndarray, "station"]
    low: Float[np.ndarray, "station"]
    high: Float[np.ndarray, "station"]
    deviation: Float[np.ndarray, "station"]
    first: Int[np.ndarray, "station"]
    last: Int[np.ndarray, "station"]
    count: Int[np.ndarray, "station"]
    wrong: Int[np.ndarray, "station"]
    split_count: dict[str, Int[np.ndarray, "station"]]
    any_day: Bool[np.ndarray, "day"]
    wrong_days: Bool[np.ndarray, "day"]
    repeated: Bool[np.ndarray, "day"]
    telling: Int[np.ndarray, "day"]
    year_starts: Int[np.ndarray, "year"]
    first_wrong: tuple[int, int, float] | None = None
    wrong_at: list[tuple[int, int, float]] = field(default_factory=list)
    stuck: Streaks = field(default_factory=lambda: joined([]))
    dropped: Streaks = field(default_factory=lambda: joined([]))
    outliers: Outliers = field(default_factory=lambda: Outliers(*np.zeros((2, 0), np.int64), *np.zeros((2, 0))))
    copied: list[tuple[int, int, int]] = field(default_factory=list)
    dry_years: list[tuple[int, int]] = field(default_factory=list)

    @property
    def n_days(self) -> int:
        """Days looked at."""
        return len(self.any_day)

    @property
    def repeating(self) -> Bool[np.ndarray, "day"]:
        """Days on which all stations equal the day before, and enough of them are not 0."""
        repeating: np.ndarray = self.repeated & (self.telling >= TELLING_STATIONS)
        return repeating


def look_at_series(
    read: ReadStations, n_stations: int, subject: Subject, report: Callable[[float], None]
) -> SeriesStatistics:
    """Read all days of `BLOCK_STATIONS` stations at a time, NaN where missing, and gather what is seen.

    Args:
        read: values of a slice of the stations over all days of the subject, a fresh array.
        n_stations: how many there are.
        subject: the series.
        report: called with the share that is done.
    """
    years, starts = subject.days_per_year()
    nan = np.full(n_stations, np.nan)
    none = np.full(n_stations, -1)
    zero = np.zeros(n_stations, np.int64)
    statistics = SeriesStatistics(
        years=years,
        present=np.zeros((len(years), n_stations)),
        mean=nan.copy(),
        low=nan.copy(),
        high=nan.copy(),
        deviation=nan.copy(),
        first=none.copy(),
        last=none.copy(),
        count=zero.copy(),
        wrong=zero.copy(),
        split_count={split: zero.copy() for split in subject.splits},
        any_day=np.zeros(subject.n_days, bool),
        wrong_days=np.zeros(subject.n_days, bool),
        repeated=np.ones(subject.n_days, bool),
        telling=np.zeros(subject.n_days, np.int64),
        year_starts=starts,
    )
    stuck, dropped, outliers = list[Streaks](), list[Streaks](), list[Outliers]()
    for begin in range(0, n_stations, BLOCK_STATIONS):
        columns = slice(begin, min(begin + BLOCK_STATIONS, n_stations))
        block = read(columns)  # [day, station]
        _impossible(statistics, block, columns, subject)
        _moments(statistics, block, columns, starts, subject)
        for kept, streaks in zip((stuck, dropped), _streaks(block), strict=True):
            kept.append(Streaks(streaks.column + begin, streaks.first, streaks.length, streaks.value))
        if subject.logarithmic or subject.quantity == "flow":
            far = _outliers(block)
            outliers.append(Outliers(far.column + begin, far.day, far.value, far.median))
        same, telling = repeats_day_before(block)
        statistics.repeated &= same
        statistics.telling += telling
        statistics.copied += [(column + begin, year, earlier) for column, year, earlier in copied_years(block, starts)]
        if subject.quantity == "rain":
            statistics.dry_years += [(column + begin, year) for column, year in _dry_years(block, starts)]
        report(columns.stop / n_stations)
    statistics.stuck, statistics.dropped = joined(stuck), joined(dropped)
    if outliers:
        statistics.outliers = Outliers(
            *(np.concatenate([getattr(part, key) for part in outliers]) for key in ("column", "day", "value", "median"))
        )
    return statistics


def _impossible(statistics: SeriesStatistics, block: np.ndarray, columns: slice, subject: Subject) -> None:
    """Note values that are infinite or beyond the limits, and make the infinite ones missing."""
    wrong = impossible(block, *subject.limits)  # [day, station]
    if wrong.any():
        statistics.wrong[columns] = wrong.sum(axis=0)
        mostly = wrong.sum(axis=0) > MOSTLY_WRONG * np.isfinite(block).sum(axis=0)
        statistics.wrong_days |= wrong[:, ~mostly].any(axis=1)
        room = WRONG_KEPT - len(statistics.wrong_at)
        days, places = (part[:room] for part in np.nonzero(wrong))
        values = block[days, places].tolist()
        statistics.wrong_at += zip((places + columns.start).tolist(), days.tolist(), values, strict=True)
        day, column = (int(i) for i in np.unravel_index(int(wrong.argmax()), wrong.shape))
        if statistics.first_wrong is None or day < statistics.first_wrong[0]:
            statistics.first_wrong = (day, columns.start + column, float(block[day, column]))
    block[np.isinf(block)] = np.nan


def _moments(
    statistics: SeriesStatistics, block: np.ndarray, columns: slice, starts: np.ndarray, subject: Subject
) -> None:
    observed = ~np.isnan(block)  # [day, station]
    values = np.where(observed, block, 0).astype(np.float64)
    count = observed.sum(axis=0)
    days = np.diff(np.append(starts, len(block)))
    statistics.count[columns] = count
    statistics.present[:, columns] = np.add.reduceat(observed, starts, axis=0, dtype=np.int64) / days[:, None]
    statistics.any_day |= observed.any(axis=1)
    some = count > 0
    with np.errstate(invalid="ignore"):
        statistics.mean[columns] = np.where(some, values.sum(axis=0) / np.maximum(count, 1), np.nan)
    statistics.low[columns] = np.where(some, np.where(observed, block, np.inf).min(axis=0), np.nan)
    statistics.high[columns] = np.where(some, np.where(observed, block, -np.inf).max(axis=0), np.nan)
    statistics.first[columns] = np.where(some, observed.argmax(axis=0), -1)
    statistics.last[columns] = np.where(some, len(block) - 1 - observed[::-1].argmax(axis=0), -1)
    for split, period in subject.splits.items():
        inside = observed[period]
        statistics.split_count[split][columns] = inside.sum(axis=0)
        if split == "train":
            trained = np.maximum(inside.sum(axis=0), 1)
            centred = np.where(inside, values[period] - values[period].sum(axis=0) / trained, 0)
            deviation = np.sqrt((centred**2).sum(axis=0) / trained)
            statistics.deviation[columns] = np.where(inside.any(axis=0), deviation, np.nan)


def _streaks(block: Float[np.ndarray, "day station"]) -> tuple[Streaks, Streaks]:
    """Streaks above 0, as of a stuck gauge, and streaks of zeros that begin with a fall from above the median."""
    streaks = find_streaks(block, STUCK_DAYS)
    held = np.unique(streaks.column)
    step, median = np.full(block.shape[1], np.inf), np.full(block.shape[1], np.inf)
    if held.size:
        step[held] = resolution(block[:, held])
        median[held] = np.nanmedian(block[:, held], axis=0)
    zero = streaks.value == 0
    coarse = np.isfinite(step[streaks.column]) & (np.abs(streaks.value) < _COARSE * step[streaks.column])
    before = np.where(streaks.first > 0, block[np.maximum(streaks.first - 1, 0), streaks.column], np.nan)
    fell = zero & (median[streaks.column] > 0) & (before > median[streaks.column])
    return streaks.where(~zero & ~coarse), streaks.where(fell)


def _outliers(block: Float[np.ndarray, "day station"]) -> Outliers:
    """Values whose logarithm is more than 10 robust deviations from its station's median.

    The deviation above the median is the larger of two by quantiles, of 84 % and of 99 %, as a normal distribution has
    them (and below it of 16 % and 1 %): only the first is small for a regulated river that hardly varies between
    floods. Up to 1 % of wrong values do not change it.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.where(block > 0, block, np.nan))
    ordered, count = np.sort(logs, axis=0), np.isfinite(logs).sum(axis=0)  # missing ones last
    low, below, median, above, high = (
        np.take_along_axis(ordered, np.round(q * np.maximum(count - 1, 0)).astype(np.int64)[None], axis=0)[0]
        for q in (0.01, 0.1587, 0.5, 0.8413, 0.99)
    )
    up = np.maximum(np.maximum(above - median, (high - median) / 2.326), _LEAST_DEVIATION)
    down = np.maximum(np.maximum(median - below, (median - low) / 2.326), _LEAST_DEVIATION)
    far = (logs - median > _OUTLYING * up) | (median - logs > _OUTLYING * down)  # [day, station]; False for missing
    far[:, count < _ENOUGH_VALUES] = False
    day, column = np.nonzero(far)
    return Outliers(column, day, block[day, column].astype(np.float64), np.exp(median[column]))


def _dry_years(block: Float[np.ndarray, "day station"], starts: np.ndarray) -> list[tuple[int, int]]:
    observed = np.add.reduceat(~np.isnan(block), starts, axis=0, dtype=np.int64)  # [year, station]
    wet = np.add.reduceat(block > 0, starts, axis=0, dtype=np.int64)
    year, column = np.nonzero((observed >= 300) & (wet == 0))
    return list(zip(column.tolist(), year.tolist(), strict=True))
