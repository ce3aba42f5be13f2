"""The days that a baseline may learn from."""

import numpy as np
import xarray as xr
from jaxtyping import Bool

from hydromae.base.errors import DataError


def training_days(series: xr.DataArray, train: slice) -> Bool[np.ndarray, "time"]:
    """Which days of a series lie in the training period.

    Args:
        series: has a rising coordinate `time`.
        train: first and last day, both included, as anything `pandas.Timestamp` reads; None leaves that end open.

    Raises:
        DataError: no day of the series lies in the period.
    """
    days = series["time"].to_index()
    inside = np.zeros(len(days), bool)
    inside[days.slice_indexer(train.start, train.stop)] = True
    if not inside.any():
        span = f"{days[0].date()} to {days[-1].date()}" if len(days) else "no day"
        raise DataError(
            f"{series.name or 'the series'} has {span}, so nothing of the training period "
            f"{train.start} to {train.stop}; give a period it covers"
        )
    return inside
