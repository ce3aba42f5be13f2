"""Where windows may lie: the runs of days between those that are excluded."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from hydromae.base.errors import ConfigError
from hydromae.config.types import Days
from hydromae.sources.exclusions import excluded_days
from hydromae.store.store import Store


def usable_runs(store: Store, period: slice, exclude: Days) -> list[slice]:
    """The runs of consecutive days of a period without an excluded one, in order, as positions in the store.

    Args:
        store: gives the dates.
        period: days, as positions in the store.
        exclude: days and spans of days (`data.exclude_dates`); those outside the period are of no concern.

    Raises:
        ConfigError: every day of the period is excluded.
    """
    return runs_of(store.first_day, period, exclude)


def runs_of(first_day: np.datetime64, period: slice, exclude: Days) -> list[slice]:
    """As `usable_runs`, where positions are counted from any first day."""
    usable = ~excluded_days(first_day, period.stop, exclude)
    # A step up opens a run, a step down closes it.
    edges = np.flatnonzero(np.diff(np.concatenate([[False], usable[period], [False]]).astype(np.int8)))
    if not len(edges):
        raise ConfigError(
            f"data.exclude_dates holds every day from {first_day + np.timedelta64(period.start, 'D')} to "
            f"{first_day + np.timedelta64(period.stop - 1, 'D')}, "
            f"so no window is left there; exclude fewer days or change the period"
        )
    return [slice(period.start + first, period.start + last) for first, last in edges.reshape(-1, 2).tolist()]


def require_fit(runs: Sequence[slice], length: int) -> None:
    """Raise ConfigError unless a window of `length` days lies wholly in one of the runs."""
    longest = max(run.stop - run.start for run in runs)
    if length <= longest:
        return
    several = len(runs) > 1
    where = f"the longest span without an excluded day, {longest} days" if several else f"a period of {longest} days"
    more = " or data.window_mix, or exclude less with data.exclude_dates" if several else ""
    raise ConfigError(f"a window of {length} days does not fit {where}; shorten data.window{more}")


def window_starts(runs: Sequence[slice], length: int, stride: int = 1) -> Int[np.ndarray, "start"]:
    """First days of the windows of `length` days that lie wholly in a run, every `stride` days within each, int64."""
    starts = [np.arange(run.start, run.stop - length + 1, stride) for run in runs]
    return np.concatenate(starts).astype(np.int64)
