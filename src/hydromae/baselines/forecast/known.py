"""The last known value of a series at each issue time."""

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float

from hydromae.base.stamps import calendar_days
from hydromae.baselines.forecast.baseline import issue_days
from hydromae.baselines.forecast.daily import carried_forward, daily_values


def days_until(series: xr.Dataset, issue_times: pd.DatetimeIndex) -> np.ndarray:
    """Consecutive days, datetime64[D], from the first of `series` (or of the issue times) to the last issue time."""
    last = issue_days(issue_times).max()
    held = calendar_days(series["time"].values)
    first = min(held.min(), issue_days(issue_times).min()) if len(held) else issue_days(issue_times).min()
    return np.arange(first, last + np.timedelta64(1, "D"))


def last_known(series: xr.Dataset, name: str, issue_times: pd.DatetimeIndex) -> Float[np.ndarray, "issue station"]:
    """The last value of a series on or before each issue time, however old; NaN where there is none.

    Args:
        series: holds the variable [time, station]; nothing after the last issue time is read.
        name: name of the variable.
        issue_times: the last known days.
    """
    if len(issue_times) == 0:
        return np.empty((0, series.sizes["station"]))
    days = days_until(series, issue_times)
    carried, _ = carried_forward(daily_values(series, name, days))
    return np.asarray(carried[(issue_days(issue_times) - days[0]).astype(np.int64)])
