"""Where windows may lie: the runs of days between those that are excluded."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from hydromae.config_data import Days
from hydromae.data.store import Store
from hydromae.errors import ConfigError


def usable_runs(store: Store, period: slice, exclude: Days) -> list[slice]:
    """The runs of consecutive days of a period without an excluded one, in order, as positions in the store.

    Args:
        store: gives the dates.
        period: days, as positions in the store.
        exclude: days and spans of days (`data.exclude_dates`); those outside the period are of no concern.

    Raises:
        ConfigError: every day of the period is excluded.
    """
    usable = np.ones(store.n_days, bool)
    for days in exclude:
        first, last = days if isinstance(days, tuple) else (days, days)
        begin, end = ((np.datetime64(day, "D") - store.first_day).astype(int) for day in (first, last))
        usable[max(begin, 0) : max(end + 1, 0)] = False
    # A step up opens a run, a step down closes it.
    edges = np.flatnonzero(np.diff(np.concatenate([[False], usable[period], [False]]).astype(np.int8)))
    if not len(edges):
        raise ConfigError(
            f"data.exclude_dates holds every day from {store.days[period.start]} to {store.days[period.stop - 1]}, "
            f"so no window is left there; exclude fewer days or change the period"
        )
    return [slice(period.start + first, period.start + last) for first, last in edges.reshape(-1, 2).tolist()]


def window_starts(runs: Sequence[slice], length: int, stride: int = 1) -> Int[np.ndarray, "start"]:
    """First days of the windows of `length` days that lie wholly in a run, every `stride` days within each, int64."""
    starts = [np.arange(run.start, run.stop - length + 1, stride) for run in runs]
    return np.concatenate(starts).astype(np.int64)
