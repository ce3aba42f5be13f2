"""All baselines by name, to be fitted and used together, so that every table can hold them."""

from collections.abc import Mapping, Sequence

import pandas as pd
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.baselines.forecast.baseline import Baseline, Regime
from hydromae.baselines.forecast.climatology import Climatology
from hydromae.baselines.forecast.gr4j import Gr4j
from hydromae.baselines.forecast.lstm import HandoffLstm
from hydromae.baselines.forecast.persistence import Persistence
from hydromae.baselines.forecast.recession import Recession
from hydromae.baselines.forecast.ridge import Ridge

BASELINES: dict[str, type[Baseline]] = {
    "persistence": Persistence,
    "climatology": Climatology,
    "recession": Recession,
    "ridge": Ridge,
    "gr4j": Gr4j,
    "lstm": HandoffLstm,
}


def make_baselines(names: Sequence[str]) -> list[Baseline]:
    """Baselines with their default settings, unfitted, in the order of their names.

    Raises:
        DataError: no baseline has such a name.
    """
    for name in names:
        if name not in BASELINES:
            raise DataError(f"{name}: is no baseline of the forecast; name some of {', '.join(BASELINES)}")
    return [BASELINES[name]() for name in names]


def fit_all(
    baselines: Sequence[Baseline],
    series: xr.Dataset,
    target: str,
    forcing: Sequence[str],
    train: slice,
    horizon: int,
) -> dict[str, Baseline]:
    """Fit each baseline on the same stations and training period; arguments as for `Baseline.fit`.

    Returns:
        The fitted baselines by name, in the order given.

    Raises:
        DataError: as for `Baseline.fit`.
    """
    return {baseline.name: baseline.fit(series, target, forcing, train, horizon) for baseline in baselines}


def forecast_all(
    fitted: Mapping[str, Baseline], series: xr.Dataset, issue_times: pd.DatetimeIndex, regime: Regime
) -> dict[str, xr.DataArray]:
    """Make the same forecasts with each baseline; arguments as for `Baseline.forecast`.

    Returns:
        Forecasts [issue_time, lead_time, station] by name.

    Raises:
        DataError: as for `Baseline.forecast`.
    """
    return {name: baseline.forecast(series, issue_times, regime) for name, baseline in fitted.items()}
