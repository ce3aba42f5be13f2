"""Where windows may lie: the spans between the excluded days."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from hydromae.base.errors import ConfigError
from hydromae.config.types import Days
from hydromae.sources.exclusions import excluded_days
from hydromae.store.store import Store


def usable_runs(store: Store, period: slice, exclude: Days) -> list[slice]:
    """The spans of a period without an excluded day, in order, as positions in the store.

    Args:
        store: gives the dates.
        period: days, as positions in the store.
        exclude: days and spans (`data.exclude_dates`); those outside the period do not matter.

    Raises:
        ConfigError: every day of the period is excluded.
    """
    return runs_of(store.first_day, period, exclude)


def runs_of(first_day: np.datetime64, period: slice, exclude: Days) -> list[slice]:
    """As `usable_runs`, where positions are counted from any first day."""
    usable = ~excluded_days(first_day, period.stop, exclude)
    # A step up opens a span, a step down closes it.
    edges = np.flatnonzero(np.diff(np.concatenate([[False], usable[period], [False]]).astype(np.int8)))
    if not len(edges):
        raise ConfigError(
            f"data.exclude_dates holds every day from {first_day + np.timedelta64(period.start, 'D')} to "
            f"{first_day + np.timedelta64(period.stop - 1, 'D')}, "
            f"so no window is left there; exclude fewer days or change the period"
        )
    return [slice(period.start + first, period.start + last) for first, last in edges.reshape(-1, 2).tolist()]


def require_fit(spans: Sequence[slice], length: int) -> None:
    """Raise ConfigError unless a window of `length` days lies wholly in one of the spans."""
    longest = max(span.stop - span.start for span in spans)
    if length <= longest:
        return
    several = len(spans) > 1
    where = f"the longest span without an excluded day, {longest} days" if several else f"a period of {longest} days"
    more = " or data.window_mix, or exclude less with data.exclude_dates" if several else ""
    raise ConfigError(f"a window of {length} days does not fit {where}; shorten data.window{more}")


def window_starts(spans: Sequence[slice], length: int, stride: int = 1) -> Int[np.ndarray, "start"]:
    """First days of the windows of `length` days that lie wholly in a span, each `stride` days within it, int64."""
    starts = [np.arange(span.start, span.stop - length + 1, stride) for span in spans]
    return np.concatenate(starts).astype(np.int64)
