"""Forecasts of single days joined to courses of flow, whose means over days have a distribution."""

from typing import Final

import numpy as np
import xarray as xr

from hydromae.evaluation.tail_probability import flow_at
from hydromae.metrics.ordered import ascending
from hydromae.metrics.pairs import days, lead_days, on_days

_YEAR: Final = 365.25


def joined_days(forecast: xr.DataArray, training: xr.DataArray) -> xr.DataArray:
    """Members whose days follow each other as in past years, and each of whose days has the forecast's distribution.

    The quantiles of each day say nothing of how days belong together: the mean of 30 low days is rarer than one low
    day. As in the Schaake shuffle (Clark et al. 2004, doi:10.1175/1525-7541(2004)005<0243:TSSAMF>2.0.CO;2), a member
    is a past year: at each lead time it gets the flow of the level at which that year stood among the years,
    i / (n + 1) for the i-th of n. The years are ranked by their flow relative to that of the same calendar day
    as the issue day, since the flow of the issue day is known.

    Args:
        forecast: [issue_time, lead_time, station, quantile].
        training: [time, station], the record of the training period; the years near an issue day in it do not count.

    Returns:
        float64 [issue_time, lead_time, station, member]; `member` is the past year, NaN where a day of its course was
        not observed or the flow of its first day was 0.
    """
    forecast = forecast.transpose("issue_time", "lead_time", "station", "quantile")
    issued, leads = days(forecast["issue_time"]), lead_days(forecast)
    held = days(training["time"]).astype("datetime64[Y]").astype(np.int64)
    years = np.arange(held.min(), held.max() + 1) if len(held) else np.empty(0, np.int64)
    apart = np.rint((years - issued.astype("datetime64[Y]").astype(np.int64)[:, None]) * _YEAR)  # [issue, year], days
    first = issued[:, None] + apart.astype("timedelta64[D]")
    course = on_days(training, first[..., None] + leads.astype("timedelta64[D]"))  # [issue, year, lead, station]
    before = on_days(training, first)[:, :, None]
    with np.errstate(all="ignore"):
        change = np.where(before > 0, course / before, np.nan)
    whole = np.isfinite(change).all(2, keepdims=True) & (np.abs(apart) > _YEAR / 2)[..., None, None]
    change = np.moveaxis(np.where(whole, change, np.nan), 1, -1)  # [issue, lead, station, year]
    rank = np.argsort(np.argsort(change, -1), -1)  # NaN last
    number = ascending(change)[1][..., None]
    level = np.where(np.isfinite(change), (rank + 1) / (number + 1), np.nan)
    members = flow_at(level, forecast.values, forecast["quantile"].values)
    coordinates = {str(name): forecast[name] for name in forecast.dims if name != "quantile"}
    member = ("member", years + 1970, {"long_name": "past year whose course of flow is followed"})
    return xr.DataArray(
        members, {**coordinates, "member": member}, (*forecast.dims[:-1], "member"), forecast.name, forecast.attrs
    )
