"""What the page shows of a series: which days have a value, means of some days, and the days that are suspicious."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from jaxtyping import Float, Int, UInt8

from hydromae.check.series import SeriesStatistics

SUSPECTS: Final = ("one value for long", "from high flow to 0", "far from its other values", "copy of another year",
                   "0 for a whole year", "impossible value", "repeats the day before")  # fmt: skip
_MOST_SUSPECTS: Final = 5000  # of a series


@dataclass(frozen=True)
class SeriesRecord:
    """A series at its stations, short enough for a page.

    Attributes:
        first_day: of the series.
        n_days: its length.
        step: days to a mean; the last may be of fewer.
        means: over the days with a value, NaN where there is none.
        held: a bit for each day, the first in the highest bit of a byte: whether it has a value.
        suspects: station (-1 is all), position of the first day, days, place in `SUSPECTS`.
        values: of the suspects, NaN where they have several.
        all_suspects: how many there are; the longest are kept.
    """

    first_day: np.datetime64
    n_days: int
    step: int
    means: Float[np.ndarray, "station mean"]
    held: UInt8[np.ndarray, "station byte"]
    suspects: Int[np.ndarray, "suspect 4"] = field(default_factory=lambda: np.zeros((0, 4), np.int64))
    values: Float[np.ndarray, " suspect"] = field(default_factory=lambda: np.zeros(0))
    all_suspects: int = 0


class Recorder:
    """Takes a series in blocks of stations.

    Args:
        first_day: of the series.
        n_days: its length.
        n_stations: how many there are.
        most: means that may be kept.
    """

    def __init__(self, first_day: np.datetime64, n_days: int, n_stations: int, most: int) -> None:
        self._first_day, self._n_days = first_day, n_days
        self._starts = np.arange(0, n_days, max(1, -(-n_days * n_stations // most)))
        self._means = np.full((n_stations, len(self._starts)), np.nan, np.float32)
        self._held = np.zeros((n_stations, -(-n_days // 8)), np.uint8)

    def take(self, block: Float[np.ndarray, "day column"], first: int) -> None:
        """All days of some stations, from the position `first` of the stations; infinite values are passed over."""
        finite = np.isfinite(block)
        columns = slice(first, first + block.shape[1])
        if not len(block):
            return
        count = np.add.reduceat(finite, self._starts, axis=0, dtype=np.int64)
        total = np.add.reduceat(np.where(finite, block, 0), self._starts, axis=0, dtype=np.float64)
        self._means[columns] = np.where(count > 0, total / np.maximum(count, 1), np.nan).T
        self._held[columns] = np.packbits(finite.T, axis=1)

    def record(self, statistics: SeriesStatistics) -> SeriesRecord:
        """What was taken, with what the statistics find suspicious."""
        step = int(self._starts[1]) if len(self._starts) > 1 else max(self._n_days, 1)
        suspects, values = _suspects(statistics, self._n_days)
        kept = np.sort(np.argsort(-suspects[:, 2], kind="stable")[:_MOST_SUSPECTS])
        return SeriesRecord(
            self._first_day, self._n_days, step, self._means, self._held, suspects[kept], values[kept], len(suspects)
        )


def _suspects(statistics: SeriesStatistics, n_days: int) -> tuple[np.ndarray, np.ndarray]:
    """Suspects in order of station and day, with their values."""
    stuck, dropped, far = statistics.stuck, statistics.dropped, statistics.outliers
    starts = np.append(statistics.year_starts, n_days)
    parts = [
        _rows(kind, streaks.column, streaks.first, streaks.length, streaks.value)
        for kind, streaks in ((0, stuck), (1, dropped))
    ]
    parts.append(_rows(2, far.column, far.day, np.ones_like(far.day), far.value))
    for kind, years in ((3, [pair[:2] for pair in statistics.copied]), (4, statistics.dry_years)):
        station, year = np.array(years, np.int64).reshape(-1, 2).T
        parts.append(_rows(kind, station, starts[year], starts[year + 1] - starts[year], np.full(len(year), np.nan)))
    wrong = np.array(statistics.wrong_at, np.float64).reshape(-1, 3)
    parts.append(_rows(5, wrong[:, 0], wrong[:, 1], np.ones(len(wrong)), wrong[:, 2]))
    repeated = np.flatnonzero(statistics.repeating)
    parts.append(_rows(6, np.full(len(repeated), -1), repeated, np.ones_like(repeated), np.full(len(repeated), np.nan)))
    rows, values = (np.concatenate([part[place] for part in parts]) for place in (0, 1))
    order = np.lexsort((rows[:, 1], rows[:, 0]))
    return rows[order], values[order]


def _rows(
    kind: int, station: np.ndarray, day: np.ndarray, days: np.ndarray, value: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    columns = (station, day, days, np.full(len(day), kind))
    return np.stack([np.asarray(column, np.int64) for column in columns], axis=1), np.asarray(value, np.float64)
