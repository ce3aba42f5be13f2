"""Series as plain arrays on consecutive days, and the values that are known on a day."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

from hydromae.base.stamps import calendar_days


def daily_values(series: xr.Dataset, name: str, days: np.ndarray) -> Float[np.ndarray, "day station"]:
    """One variable on consecutive days, float64, NaN where it is missing or infinite, or lacks the day.

    Only those days are read.

    Args:
        series: holds the variable, [time, station] or [station, time].
        name: name of the variable.
        days: consecutive days, datetime64[D].
    """
    values = np.full((len(days), series.sizes["station"]), np.nan)
    if len(days) == 0:
        return values
    place = (calendar_days(series["time"].values) - days[0]).astype(np.int64)  # [time]
    rows = np.flatnonzero((place >= 0) & (place < len(days)))
    if len(rows):
        span = slice(rows[0], rows[-1] + 1)
        read = series[name].isel(time=span).transpose("time", "station").to_numpy()
        values[place[rows]] = read[rows - rows[0]]
    values[~np.isfinite(values)] = np.nan
    return values


def carried_forward(
    values: Float[np.ndarray, "day station"], limit: int | None = None
) -> tuple[Float[np.ndarray, "day station"], Int[np.ndarray, "day station"]]:
    """The last known value on or before each day, NaN where there is none, and its age in days.

    Args:
        values: NaN where missing.
        limit: greatest age in days; None for any.

    Returns:
        Values, and ages in days (-1 where there is no value).
    """
    day = np.arange(len(values))[:, None]
    present: Bool[np.ndarray, "day station"] = np.isfinite(values)
    last = np.maximum.accumulate(np.where(present, day, -1), axis=0)  # day of the last known value
    usable = last >= 0 if limit is None else (last >= 0) & (day - last <= limit)
    carried = np.take_along_axis(values, np.maximum(last, 0), axis=0)
    return np.where(usable, carried, np.nan), np.where(usable, day - last, -1)


def mean_known(values: Float[np.ndarray, "day station"]) -> Float[np.ndarray, "station"]:
    """Mean over the days with a value; NaN for a station without any."""
    present = np.isfinite(values)
    count = present.sum(axis=0)
    total = np.where(present, values, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def of_stations(
    parameters: Float[np.ndarray, "station *rest"], fitted: Sequence[str], stations: Sequence[str]
) -> Float[np.ndarray, "given *rest"]:
    """Rows of fitted parameters for the given stations; NaN for a station that was not fitted."""
    row = {station: position for position, station in enumerate(fitted)}
    place = np.array([row.get(station, -1) for station in stations], dtype=np.int64)
    rows = np.full((len(stations), *parameters.shape[1:]), np.nan)
    rows[place >= 0] = parameters[place[place >= 0]]
    return rows
