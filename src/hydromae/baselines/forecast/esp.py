"""Ensemble streamflow prediction: GR4J from the state of the issue day, driven by the weather of past years."""

import numpy as np
import pandas as pd
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.baselines.forecast.baseline import forecast_array, issue_days, not_fitted
from hydromae.baselines.forecast.gr4j import Gr4j


def ensemble(
    fitted: Gr4j, series: xr.Dataset, issue_times: pd.DatetimeIndex, horizon: int | None = None
) -> xr.DataArray:
    """Flow in the weather of each past year, from what is known on each issue day (Day 1985; Harrigan et al. 2018).

    A member is the weather of the same calendar days of one year of the training period, so that its days follow each
    other as weather does. Nothing after an issue day is read. Each member is corrected by the errors of the issue day
    and the day before, with the weights that were learned with observed weather; at long leads they change little.
    All members are equally likely: a probability is the share of those that are not NaN.

        gr4j = Gr4j().fit(series, "riverflow", ["precip", "temp", "evap"], train, horizon=60)
        flow = ensemble(gr4j, series, issue_times)
        low = (flow < threshold).where(flow.notnull()).mean("member")

    The result takes 4 bytes for each issue, lead, station and member (5.8 MB an issue for 604 stations, 60 days and 40
    members), so that many issue times are better asked for some at a time. Each call first runs all days of `series`
    up to the last of them, which takes some seconds for 604 stations and 40 years.

    Args:
        fitted: with a horizon at least as long.
        series: as for `Baseline.forecast`; the stores are run from its first day on.
        issue_times: the last known days.
        horizon: longest lead time in days; None is that of `fitted`.

    Returns:
        [issue_time, lead_time, station, member] in the target's unit, float32; `member` is the year from whose same
        calendar day the weather follows. NaN where that weather was not observed at the station, does not lie in the
        training period, or is that of the forecast itself (of an issue day in the training period), and at stations
        without flow in the training period.

    Raises:
        DataError: `fit` was not called or for a shorter horizon, or a variable is absent.
    """
    if fitted.target is None:
        raise not_fitted(fitted.name)
    horizon = fitted.horizon if horizon is None else horizon
    if not 1 <= horizon <= fitted.horizon:
        raise DataError(
            f"ensemble: the horizon is {horizon} days; give 1 to {fitted.horizon}, for which gr4j is fitted"
        )
    correct = fitted.correction("perfect", series)
    years = fitted.years
    values = np.empty((len(issue_times), horizon, series.sizes["station"], len(years)), np.float32)
    if len(issue_times):
        known = fitted.situation(series, issue_times)
        for issue, (state, day) in enumerate(zip(known.states, issue_days(issue_times), strict=True)):
            flow, usable = known.catchments.ensemble(state, day, horizon)  # [lead, member, station]
            recent = np.broadcast_to(known.recent[issue], (len(years), *known.recent[issue].shape))
            corrected = correct(flow.transpose(1, 0, 2), recent) / known.to_depth  # [member, lead, station]
            values[issue] = np.where(usable[:, None], corrected, np.nan).transpose(1, 2, 0)
    labels = forecast_array(values.mean(axis=-1), series, fitted.target, issue_times)
    return labels.expand_dims({"member": years}, axis=-1).copy(data=values)
