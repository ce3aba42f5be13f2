"""A small world of rivers: rain fills a store that drains, so that every baseline has its law to find."""

import numpy as np
import pandas as pd
import xarray as xr

TRAIN = slice("2001-01-01", "2004-12-31")
ISSUE = pd.date_range("2005-01-10", "2005-12-01", freq="9D")
FORCING = ["rainfall", "temp", "pet"]


def make_rivers(seed: int = 0, stations: int = 4, last: str = "2005-12-31") -> xr.Dataset:
    """Daily rain, temperature, potential evaporation and flow from 2001 on, with gaps, and three attributes."""
    chance = np.random.default_rng(seed)
    days = pd.date_range("2001-01-01", last, freq="D")
    season = np.cos(2 * np.pi * days.day_of_year.to_numpy() / 365.25)[:, None]
    wet = chance.random((len(days), stations)) < 0.35 + 0.1 * season
    rain = wet * chance.gamma(0.8, 7.0, (len(days), stations))
    temp = 9 - 6 * season + chance.normal(0, 2, rain.shape)
    rate = np.linspace(0.08, 0.2, stations)
    flow, store = np.empty_like(rain), np.full(stations, 2.0)
    for day in range(len(days)):
        store = store * np.exp(-rate) + 0.25 * rain[day]
        flow[day] = rate * store * 3
    flow *= np.exp(chance.normal(0, 0.02, flow.shape))
    flow[chance.random(flow.shape) < 0.03] = np.nan
    rain[chance.random(rain.shape) < 0.01] = np.nan
    latitude = np.arange(stations) + 50.0
    ids = [str(1001 + station) for station in range(stations)]
    series = ("time", "station")
    return xr.Dataset(
        {
            "riverflow": (series, flow.astype(np.float32), {"units": "mm/d"}),
            "rainfall": (series, rain.astype(np.float32), {"units": "mm/d"}),
            "temp": (series, temp.astype(np.float32), {"units": "degC"}),
            "pet": (series, (np.maximum(temp, 0) / 6).astype(np.float32), {"units": "mm/d"}),
            "area": ("station", np.linspace(10, 100, stations).astype(np.float32)),
            "bfihost": ("station", np.r_[np.nan, np.linspace(0.3, 0.8, stations - 1)].astype(np.float32)),
        },
        {
            "time": days.values.astype("datetime64[s]"),
            "station": ids,
            "latitude": ("station", latitude),
        },
    )


def spoiled_after(series: xr.Dataset, day: pd.Timestamp | str, value: float, names: list[str]) -> xr.Dataset:
    """The same with a value written over everything after a day."""
    later = series["time"] > np.datetime64(pd.Timestamp(day))
    return series.assign({name: series[name].where(~later, value) for name in names})


def rmse_by_lead(forecast: xr.DataArray, observed: xr.DataArray) -> np.ndarray:
    """Root mean squared error of each lead over all stations and issue times with a flow."""
    errors = []
    for lead in forecast["lead_time"].values:
        valid = forecast["issue_time"].values + np.timedelta64(int(lead), "D")
        truth = observed.reindex(time=valid).transpose("time", "station").values
        errors.append(np.sqrt(np.nanmean((forecast.sel(lead_time=lead).values - truth) ** 2)))
    return np.array(errors)
