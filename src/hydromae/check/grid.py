"""Reads a grid in spans of days and gathers its gaps, constant cells and maps, and copies."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from hydromae.base.moments import Moments
from hydromae.check.duplicates import Digests
from hydromae.check.subject import Subject
from hydromae.sources.cleaning import impossible

ReadDays = Callable[[int, int], Float[np.ndarray, "day cell"]]
_BLOCK_DAYS = 32


@dataclass
class GridStatistics:
    """Statistics of a grid over the days that were looked at.

    Attributes:
        looked: days that were read.
        share: share of the land cells with a value, NaN on days not looked at.
        all_days, training: moments of each cell, over all days looked at and over those of the training period.
        low, high: of each cell, inf and -inf where it never has a value.
        flat: days on which all cells hold one value that is not 0.
        wrong_days, wrong: days with an impossible value, and how many there are.
        first_wrong: position, cell and value of the first.
        digests: which maps repeat others.
        year_count, year_days: values and days looked at in each year.
    """

    years: Int[np.ndarray, "year"]
    looked: Bool[np.ndarray, "day"]
    share: Float[np.ndarray, "day"]
    all_days: Moments
    training: Moments
    low: Float[np.ndarray, "cell"]
    high: Float[np.ndarray, "cell"]
    flat: Bool[np.ndarray, "day"]
    wrong_days: Bool[np.ndarray, "day"]
    wrong: int = 0
    first_wrong: tuple[int, int, float] | None = None
    digests: Digests = field(default_factory=Digests)

    @property
    def n_days(self) -> int:
        """Days that were read."""
        return int(self.looked.sum())

    def present_by_year(self, years: Int[np.ndarray, "day"]) -> Float[np.ndarray, "year"]:
        """Share of the cells with a value over the days looked at in each year, NaN in a year without any."""
        kept = years[self.looked]
        index = np.searchsorted(self.years, kept)
        count = np.bincount(index, minlength=len(self.years))
        total = np.bincount(index, self.share[self.looked], minlength=len(self.years))
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def spans(subject: Subject, sampled_every: int) -> Iterator[tuple[int, int]]:
    """(first, count) of the days to read: every n-th day of each calendar year with the day after it, or all.

    Days are counted from 1 January, so that the same days of every year are read and a copied year is found.
    """
    if sampled_every == 1:
        yield from ((day, min(_BLOCK_DAYS, subject.n_days - day)) for day in range(0, subject.n_days, _BLOCK_DAYS))
        return
    days = subject.first_day + np.arange(subject.n_days)
    of_year = (days - days.astype("datetime64[Y]")).astype(np.int64)
    for day in np.flatnonzero(of_year % sampled_every == 0).tolist():
        yield day, min(2, subject.n_days - day)


def look_at_grid(
    read: ReadDays, n_cells: int, subject: Subject, sampled_every: int, report: Callable[[float], None]
) -> GridStatistics:
    """Read spans of days, NaN where missing, and gather what is seen.

    Args:
        read: values of `count` days from position `first`, a fresh array.
        n_cells: land cells.
        subject: the grid.
        sampled_every: days between those that are looked at; 1 is all.
        report: called with the share that is done.
    """
    statistics = GridStatistics(
        years=np.unique(subject.years),
        looked=np.zeros(subject.n_days, bool),
        share=np.full(subject.n_days, np.nan),
        all_days=Moments(n_cells),
        training=Moments(n_cells),
        low=np.full(n_cells, np.inf),
        high=np.full(n_cells, -np.inf),
        flat=np.zeros(subject.n_days, bool),
        wrong_days=np.zeros(subject.n_days, bool),
    )
    training = subject.splits.get("train", slice(0, 0))
    done = 0
    for first, count in spans(subject, sampled_every):
        count = min(first + count, subject.n_days) - max(first, done)
        first, done = (
            max(first, done),
            max(first, done) + count,
        )  # where every second day is sampled, spans meet and must not overlap
        block = read(first, count)  # [day, cell]
        _impossible(statistics, first, block, subject)
        days = slice(first, first + count)
        observed = ~np.isnan(block)
        statistics.looked[days] = True
        statistics.share[days] = observed.mean(axis=1) if n_cells else 0.0
        statistics.all_days.update(block)
        begin, end = (min(max(edge - first, 0), count) for edge in (training.start, training.stop))
        if begin < end:
            statistics.training.update(block[begin:end])
        low, high = np.where(observed, block, np.inf), np.where(observed, block, -np.inf)
        statistics.low, statistics.high = (
            np.minimum(statistics.low, low.min(axis=0)),
            np.maximum(statistics.high, high.max(axis=0)),
        )
        top = high.max(axis=1, initial=-np.inf)
        statistics.flat[days] = (low.min(axis=1, initial=np.inf) == top) & (top != 0) & (observed.sum(axis=1) > 1)
        statistics.digests.update(first, block)
        report(done / subject.n_days)
    report(1.0)
    return statistics


def _impossible(statistics: GridStatistics, first: int, block: np.ndarray, subject: Subject) -> None:
    """Note values that are infinite or beyond the limits, and make the infinite ones missing."""
    wrong = impossible(block, *subject.limits)  # [day, cell]
    if wrong.any():
        statistics.wrong += int(wrong.sum())
        statistics.wrong_days[first : first + len(block)] = wrong.any(axis=1)
        if statistics.first_wrong is None:
            day, cell = (int(i) for i in np.unravel_index(int(wrong.argmax()), wrong.shape))
            statistics.first_wrong = (first + day, cell, float(block[day, cell]))
    block[np.isinf(block)] = np.nan
