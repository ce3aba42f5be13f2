"""Days that are declared wrong (`data.exclude_dates`)."""

from datetime import date

import numpy as np
from jaxtyping import Bool, Shaped

from hydromae.config import Period
from hydromae.config.types import Days


def excluded_days(first_day: np.datetime64, n_days: int, exclude: Days) -> Bool[np.ndarray, "day"]:
    """Which of the `n_days` from a first day on are excluded; days before and behind them are of no concern."""
    excluded = np.zeros(n_days, bool)
    for days in exclude:
        first, last = days if isinstance(days, tuple) else (days, days)
        begin, end = ((np.datetime64(day, "D") - first_day).astype(int) for day in (first, last))
        excluded[max(begin, 0) : max(end + 1, 0)] = True
    return excluded


def spans_within(exclude: Days, period: Period) -> tuple[Period, ...]:
    """The excluded days of a period as spans that neither touch nor overlap, in order."""
    first = np.datetime64(period[0], "D")
    excluded = excluded_days(first, int((np.datetime64(period[1], "D") - first).astype(int)) + 1, exclude)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], excluded, [False]]).astype(np.int8))).reshape(-1, 2)
    days = first + np.stack([edges[:, 0], edges[:, 1] - 1], 1)  # [span, 2]
    return tuple((begin, end) for begin, end in days.tolist())


def days_in(spans: Days) -> Shaped[np.ndarray, "day"]:
    """The days named one by one or as (first, last), each once and in order; datetime64[D]."""
    days = [np.zeros(0, "datetime64[D]")]
    for span in spans:
        first, last = span if isinstance(span, tuple) else (span, span)
        days.append(days_between(first, last))
    return np.unique(np.concatenate(days))


def days_between(first: date, last: date) -> Shaped[np.ndarray, "day"]:
    """All days from the first to the last, datetime64[D]."""
    days: np.ndarray = np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + np.timedelta64(1, "D"))
    return days
