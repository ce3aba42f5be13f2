"""Persistence: tomorrow is like today."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float

from hydromae.baselines.forecast.baseline import (
    Regime,
    check_fit,
    check_variables,
    forecast_array,
    not_fitted,
    station_ids,
    train_days,
)
from hydromae.baselines.forecast.daily import daily_values, mean_known, of_stations
from hydromae.baselines.forecast.known import last_known


class Persistence:
    """The last flow known at the issue time, at every lead time.

    A station whose flow was never observed up to the issue time gets its mean of the training period, or
    NaN if it has none. Weather is not used: both regimes give the same.
    """

    name = "persistence"

    def __init__(self) -> None:
        self._target: str | None = None
        self._horizon = 0
        self._stations: list[str] = []
        self._mean: Float[np.ndarray, station] = np.empty(0)

    def fit(self, series: xr.Dataset, target: str, forcing: Sequence[str], train: slice, horizon: int) -> "Persistence":
        check_fit(series, target, forcing, train, horizon)
        self._target, self._horizon, self._stations = target, horizon, station_ids(series)
        self._mean = mean_known(daily_values(series, target, train_days(series, train)))
        return self

    def forecast(self, series: xr.Dataset, issue_times: pd.DatetimeIndex, regime: Regime) -> xr.DataArray:
        if self._target is None:
            raise not_fitted(self.name)
        check_variables(series, [self._target])
        last = last_known(series, self._target, issue_times)  # [issue, station]
        last = np.where(np.isfinite(last), last, of_stations(self._mean, self._stations, station_ids(series)))
        values = np.repeat(last[:, None], self._horizon, axis=1)  # [issue, lead, station]
        return forecast_array(values, series, self._target, issue_times)
