"""Means of the flow over some days that end on a day: of a record, and of a forecast that reaches into the future."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from jaxtyping import Float

from hydromae.base.errors import DataError
from hydromae.metrics.pairs import days, lead_days, on_days


def running_mean(record: xr.DataArray, length: int) -> xr.DataArray:
    """The mean of the `length` days that end on each day.

    Args:
        record: [time, station].
        length: days, 1 or more.

    Returns:
        float64 [time, station] on all days from the first to the last, NaN where one of the days was not observed.
    """
    held = days(record["time"])
    calendar = np.arange(held.min(), held.max() + np.timedelta64(1, "D"))
    mean = on_days(record, calendar)
    if length > 1:
        sums = _Sums(mean)
        mean = np.full_like(mean, np.nan)
        mean[length - 1 :] = sums.between(slice(None, -length), slice(length, None)) / length
    coordinates = {"time": calendar.astype("datetime64[s]"), "station": record["station"]}
    return xr.DataArray(mean, coordinates, ("time", "station"), record.name, record.attrs)


def means_ahead(
    forecast: xr.DataArray, observed: xr.DataArray, length: int, leads: Sequence[int] | np.ndarray
) -> xr.DataArray:
    """The mean of the `length` days that end at each lead time, of which those up to the issue time are observed.

    Args:
        forecast: [issue_time, lead_time, station], with members last or without, at lead times 1, 2, ...; with
            quantiles only where `length` is 1, since the mean of quantiles is no quantile of the mean.
        observed: [time, station] in the same unit; nothing after an issue time is read.
        length: days of the mean.
        leads: lead times of the last day of the mean.

    Returns:
        float64 with the dimensions of the forecast, at `leads`; NaN where a day is neither observed nor forecast.

    Raises:
        DataError: the lead times of the forecast are not 1, 2, ..., or end before the last of `leads`.
    """
    held = lead_days(forecast)
    if not np.array_equal(held, np.arange(1, len(held) + 1)) or max(leads) > len(held):
        raise DataError(
            f"{forecast.name or 'flow'}: has lead times {held.tolist()}; means over days need each of 1 to {max(leads)}"
        )
    chosen = np.asarray(leads)
    forecast = forecast.transpose("issue_time", "lead_time", "station", ...)
    if length == 1:
        return forecast.isel(lead_time=chosen - 1).astype(np.float64)
    ahead = _Sums(np.moveaxis(forecast.values, 1, 0))  # of [lead_time, issue_time, station, ...]
    part = ahead.between(np.maximum(chosen - length, 0), chosen)  # [leads, issue_time, station, ...]
    issued = days(forecast["issue_time"])
    calendar = np.arange(issued.min() - length, issued.max() + np.timedelta64(1, "D"))
    known = _Sums(on_days(observed.sel(station=forecast["station"]), calendar))
    end = (issued - calendar[0]).astype(np.int64) + 1
    before = np.maximum(length - chosen, 0)[:, None]  # days of the mean up to the issue time
    past = known.between(end - before, np.broadcast_to(end, (len(chosen), len(end))))  # [leads, issue_time, station]
    past = past.reshape(*past.shape, *(1 for _ in range(part.ndim - past.ndim)))
    coordinates = {str(name): forecast[name] for name in forecast.dims if name != "lead_time"}
    return xr.DataArray(
        np.moveaxis(part + past, 0, 1) / length,
        {**coordinates, "lead_time": chosen},
        forecast.dims,
        forecast.name,
        forecast.attrs,
    )


class _Sums:
    """Sums over spans of days, NaN where a day of the span is missing."""

    def __init__(self, values: Float[np.ndarray, "day *rest"]) -> None:
        missing = np.isnan(values)
        before = np.zeros((1, *values.shape[1:]))
        self.total = np.concatenate([before, np.cumsum(np.where(missing, 0.0, values), 0)])  # [1 + day, *rest]
        self.missing = np.concatenate([before.astype(np.int32), np.cumsum(missing, 0, dtype=np.int32)])

    def between(self, first: np.ndarray | slice, stop: np.ndarray | slice) -> np.ndarray:
        """Sums of the days from `first` up to, but without, `stop`: [*shape of both, *rest]."""
        total = self.total[stop] - self.total[first]
        total[self.missing[stop] > self.missing[first]] = np.nan
        return np.asarray(total)
