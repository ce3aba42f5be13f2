"""Predictions beside observations: the same days, the same stations, and nothing where either is missing."""

from typing import Final

import numpy as np
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.base.stamps import calendar_days
from hydromae.base.units import same_units

MIN_PAIRS: Final = 100
_MEDIAN_TOLERANCE: Final = 1e-4


def sample_dim(array: xr.DataArray) -> str:
    """The dimension that metrics sum over: `issue_time` of a forecast, `time` of a series.

    Raises:
        DataError: the array has neither, or no `station`.
    """
    for name in ("issue_time", "time"):
        if name in array.dims and "station" in array.dims:
            return name
    raise DataError(
        f"{_name(array)}: has dimensions {array.dims}; give [issue_time, lead_time, station] or [time, station]"
    )


def days(coordinate: xr.DataArray) -> np.ndarray:
    """Times as calendar days, datetime64[D], at any hour; a time is rounded to the second first."""
    return calendar_days(coordinate.values)


def lead_days(forecast: xr.DataArray) -> np.ndarray:
    """Lead times in whole days, int64 [lead_time], also where xarray decoded them as differences of time."""
    values = forecast["lead_time"].values
    if np.issubdtype(values.dtype, np.timedelta64):
        values = values / np.timedelta64(1, "D")
    return np.asarray(values).astype(np.int64)


def with_whole_leads(array: xr.DataArray) -> xr.DataArray:
    """The array with lead times as int64 days and their CF attributes; unchanged if it has no lead times."""
    if "lead_time" not in array.dims:
        return array
    attributes = {"standard_name": "forecast_period", "long_name": "lead time", "units": "days"}
    if array["lead_time"].dtype == np.int64 and array["lead_time"].attrs == attributes:
        return array
    return array.assign_coords(lead_time=("lead_time", lead_days(array), attributes))


def valid_days(forecast: xr.DataArray) -> np.ndarray:
    """The days that a forecast is for, datetime64[D] [issue_time, lead_time]."""
    return days(forecast["issue_time"])[:, None] + lead_days(forecast)[None, :].astype("timedelta64[D]")


def on_days(series: xr.DataArray, target_days: np.ndarray) -> np.ndarray:
    """Values of a series [time, station] on days of any shape, float64 [*target_days, station], NaN outside the series.

    Raises:
        DataError: a day occurs twice.
    """
    held_days = days(series["time"])
    order = np.argsort(held_days, kind="stable")
    held_days = held_days[order]
    if len(held_days) == 0:
        return np.full((*target_days.shape, series.sizes["station"]), np.nan)
    if (held_days[1:] == held_days[:-1]).any():
        twice = held_days[1:][held_days[1:] == held_days[:-1]][0]
        raise DataError(f"{_name(series)}: day {twice} occurs more than once; keep one value a day")
    place = np.minimum(np.searchsorted(held_days, target_days), len(held_days) - 1)
    values = series.transpose("time", "station").values.astype(np.float64)[order[place]]  # [*target_days, station]
    values[held_days[place] != target_days] = np.nan
    return values


def at_valid_times(observed: xr.DataArray, forecast: xr.DataArray) -> xr.DataArray:
    """The observations on the days that a forecast is for.

    Args:
        observed: [time, station].
        forecast: [issue_time, lead_time, station], with a `quantile` or without.

    Returns:
        float64 [issue_time, lead_time, station], NaN where nothing was observed; the units of `observed`.
    """
    values = on_days(observed, valid_days(forecast))  # [issue_time, lead_time, station]
    coordinates = {"issue_time": forecast["issue_time"], "lead_time": forecast["lead_time"]}
    return xr.DataArray(
        values,
        {**coordinates, "station": observed["station"]},
        ("issue_time", "lead_time", "station"),
        observed.name,
        observed.attrs,
    )


def point_forecast(predicted: xr.DataArray) -> xr.DataArray:
    """The 0.5 quantile where there are quantiles, else the prediction itself.

    Raises:
        DataError: there are quantiles, and 0.5 is not one of them.
    """
    if "quantile" not in predicted.dims:
        return predicted
    distance = np.abs(predicted["quantile"].values - 0.5)
    if distance.min() > _MEDIAN_TOLERANCE:
        raise DataError(f"{_name(predicted)}: no quantile is 0.5, which is scored as the point forecast; add it")
    return predicted.isel(quantile=int(distance.argmin()), drop=True)


def pair(
    predicted: xr.DataArray, observed: xr.DataArray, min_pairs: int = MIN_PAIRS
) -> tuple[xr.DataArray, xr.DataArray]:
    """Put predictions and observations side by side, NaN in both wherever either is missing.

    Args:
        predicted: [issue_time, lead_time, station] or [time, station], `quantile` last if there are any.
        observed: [time, station], or with the dimensions of `predicted`.
        min_pairs: a station (at a lead time) with fewer complete pairs is NaN throughout; at least 1.

    Returns:
        Both as float64 with the stations they share and samples in order of time: `predicted` [lead_time, station,
        sample, quantile] and `observed` [lead_time, station, sample], without the dimensions that `predicted` lacks.
        A pair is complete where the observation and all quantiles are finite.

    Raises:
        DataError: units differ, no station or day is shared, or a time occurs twice.
    """
    units = [str(array.attrs.get("units", "")) for array in (predicted, observed)]
    if all(units) and not same_units(*units):
        raise DataError(
            f"{_name(predicted)}: predicted in {units[0]} but observed in {units[1]}; convert one before scoring"
        )
    predicted, observed = with_whole_leads(predicted), with_whole_leads(observed)
    sample = sample_dim(predicted)
    if sample == "issue_time" and "issue_time" not in observed.dims:
        observed = at_valid_times(observed, predicted)
    others = [d for d in ("lead_time", "station") if d in predicted.dims]
    quantiles = ["quantile"] if "quantile" in predicted.dims else []
    if not _beside(predicted, observed, (*others, sample), quantiles):
        predicted, observed = _joined(predicted, observed, sample)
        predicted = predicted.sortby(sample).transpose(*others, sample, *quantiles).astype(np.float64)
        observed = observed.sortby(sample).transpose(*others, sample).astype(np.float64)
    given, seen = predicted.values, observed.values  # [lead_time, station, sample], quantiles of the first
    complete = (np.isfinite(given).all(-1) if quantiles else np.isfinite(given)) & np.isfinite(seen)
    complete &= complete.sum(-1, keepdims=True) >= min_pairs
    given = np.where(complete[..., None] if quantiles else complete, given, np.nan)
    observed = observed.copy(data=np.where(complete, seen, np.nan))
    described = {
        name: one
        for name, one in predicted.coords.items()
        if name not in observed.coords and set(one.dims) <= set(observed.dims)
    }
    return predicted.copy(data=given), observed.assign_coords(described) if described else observed


def _beside(predicted: xr.DataArray, observed: xr.DataArray, dims: tuple[str, ...], quantiles: list[str]) -> bool:
    """Whether both are as `pair` returns them, as when one metric after the other is computed of the same pairs."""
    sample = predicted.indexes[dims[-1]]
    return (
        predicted.dims == (*dims, *quantiles)
        and observed.dims == dims
        and predicted.dtype == observed.dtype == np.float64
        and bool(predicted.size and sample.is_monotonic_increasing and sample.is_unique)
        and all(predicted.indexes[d].equals(observed.indexes[d]) for d in dims)
    )


def _joined(predicted: xr.DataArray, observed: xr.DataArray, sample: str) -> tuple[xr.DataArray, xr.DataArray]:
    """Both on the stations and samples that they share."""
    for array in (predicted, observed):
        if array.indexes[sample].has_duplicates:
            raise DataError(f"{_name(array)}: {sample} has duplicates; keep one of each")
    predicted, observed = xr.align(predicted, observed, join="inner")
    if not predicted.sizes["station"] or not predicted.sizes[sample]:
        what = sample if predicted.sizes["station"] else "station"
        raise DataError(
            f"{_name(predicted)}: no {what} is both predicted and observed; compare the ids and days of both"
        )
    return predicted, observed


def _name(array: xr.DataArray) -> str:
    return str(array.name or "flow")
