"""The interface of every baseline: it is fitted on a training period and makes forecasts at issue times."""

from collections.abc import Sequence
from datetime import date
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float

from hydromae.base.errors import DataError
from hydromae.base.stamps import calendar_days

Regime = Literal["none", "perfect"]


@runtime_checkable
class Baseline(Protocol):
    """A method that forecasts one series at every station from what is known at the issue time.

    Attributes:
        name: its name in tables.
    """

    name: str

    def fit(self, series: xr.Dataset, target: str, forcing: Sequence[str], train: slice, horizon: int) -> "Baseline":
        """Learn only from the days of the training period, whatever else `series` holds.

        Args:
            series: variables [time, station], NaN where missing; attributes [station].
            target: the variable to forecast, in any unit in which no flow is 0.
            forcing: the variables whose future is visible in regime `perfect`.
            train: first and last day of the training period, both included, as dates or text such as 2009-09-30.
            horizon: longest lead time in days, 1 or more.

        Raises:
            DataError: a variable is absent, or the period has no day of `series`.
        """
        ...

    def forecast(self, series: xr.Dataset, issue_times: pd.DatetimeIndex, regime: Regime) -> xr.DataArray:
        """Forecast the `horizon` days after each issue time.

        Args:
            series: as for `fit`; it may end at the last issue time, and may have other stations.
            issue_times: the last known days.
            regime: `none` reads nothing after an issue time; `perfect` reads the forcing of the horizon, but never
                the target.

        Returns:
            [issue_time, lead_time, station] and, if the method has quantiles, quantile; in the target's unit, NaN where
            the method has no forecast.

        Raises:
            DataError: `fit` was not called, or a variable is absent.
        """
        ...


def forecast_array(
    values: Float[np.ndarray, "issue lead station *quantile"],
    series: xr.Dataset,
    target: str,
    issue_times: pd.DatetimeIndex,
    quantiles: Sequence[float] | None = None,
) -> xr.DataArray:
    """Label a forecast: issue and lead times, stations, the target's name and unit.

    Args:
        values: in the target's unit, NaN where there is no forecast.
        series: has the stations, in the order of `values`.
        target: name of the variable.
        issue_times: the last known days.
        quantiles: levels of the last dimension, rising in (0, 1), if there are quantiles.
    """
    dims = ["issue_time", "lead_time", "station", *(["quantile"] if quantiles is not None else [])]
    lead = {"units": "days", "standard_name": "forecast_period", "long_name": "days after the issue time"}
    issue = {"standard_name": "forecast_reference_time", "long_name": "last day known"}
    coordinates: dict[str, xr.Variable] = {
        "issue_time": xr.Variable("issue_time", issue_days(issue_times).astype("datetime64[s]"), issue),
        "lead_time": xr.Variable("lead_time", np.arange(1, values.shape[1] + 1, dtype=np.int64), lead),
        "station": xr.Variable("station", station_ids(series)),
    }
    if quantiles is not None:
        coordinates["quantile"] = xr.Variable("quantile", np.asarray(quantiles, np.float64))
    kept = {
        key: series[target].attrs[key] for key in ("units", "standard_name", "long_name") if key in series[target].attrs
    }
    return xr.DataArray(values.astype(np.float32), coordinates, dims, target, kept)


def check_fit(series: xr.Dataset, target: str, forcing: Sequence[str], train: slice, horizon: int) -> None:
    """Refuse data that no baseline can be fitted on.

    Raises:
        DataError: a variable is absent, the period has no day of `series`, or the horizon is below 1.
    """
    if horizon < 1:
        raise DataError(f"the horizon is {horizon} days; give 1 or more")
    check_variables(series, [target, *forcing])
    if len(train_days(series, train)) == 0:
        first, last = series["time"].values[[0, -1]].astype("datetime64[D]") if series.sizes["time"] else ("no", "day")
        raise DataError(
            f"{target}: no day of {first} to {last} lies in the training period {train.start} to {train.stop}; "
            f"give a period inside it"
        )


def check_variables(series: xr.Dataset, names: Sequence[str]) -> None:
    """Refuse a data set without all of the variables, each [time, station].

    Raises:
        DataError: one is absent, or has other dimensions.
    """
    for name in names:
        if name not in series:
            raise DataError(
                f"{name}: is not among the series ({', '.join(map(str, series.data_vars))}); name one of them"
            )
        if set(series[name].dims) != {"time", "station"}:
            raise DataError(f"{name}: has dimensions {series[name].dims}; baselines need a series [time, station]")


def not_fitted(name: str) -> DataError:
    """The error of a baseline whose forecast is called before `fit`."""
    return DataError(f"baseline {name}: was not fitted; call fit before forecast")


def station_ids(series: xr.Dataset) -> list[str]:
    """Ids of the stations as strings, in their order."""
    return [str(station) for station in series["station"].values]


def train_days(series: xr.Dataset, train: slice) -> np.ndarray:
    """The consecutive days, datetime64[D], from the first to the last of `series` that lie in the training period."""
    held = pd.DatetimeIndex(calendar_days(series["time"].values)).sort_values()
    first, last = (pd.Timestamp(day) if isinstance(day, date) else day for day in (train.start, train.stop))
    inside = held[held.slice_indexer(first, last)]
    if len(inside) == 0:
        return np.array([], "datetime64[D]")
    return np.arange(
        inside[0].to_datetime64(), inside[-1].to_datetime64() + np.timedelta64(1, "D"), dtype="datetime64[D]"
    )


def issue_days(issue_times: pd.DatetimeIndex) -> np.ndarray:
    """Issue times as days, datetime64[D]."""
    return calendar_days(issue_times.values)
