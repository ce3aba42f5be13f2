"""Small made-up flows and forecasts of them."""

import numpy as np
import pandas as pd
import xarray as xr

LEVELS = np.array([0.1, 0.3, 0.5, 0.7, 0.9])


def series(days=400, stations=3, seed=0, gaps=0.0, start="2000-10-01"):
    """Flow [time, station] in mm/d: showers on a slow recession."""
    rng = np.random.default_rng(seed)
    rain = rng.gamma(0.3, 8.0, (days, stations))
    flow = np.empty_like(rain)
    store = np.ones(stations)
    for day in range(days):
        store = 0.9 * store + rain[day]
        flow[day] = 0.1 * store + 0.05
    flow[rng.random(flow.shape) < gaps] = np.nan
    return labelled(flow, start)


def labelled(values, start="2000-10-01", units="mm/d"):
    """A series of given values [time] or [time, station]."""
    values = np.asarray(values, np.float64)
    values = values[:, None] if values.ndim == 1 else values
    return xr.DataArray(
        values,
        {"time": pd.date_range(start, periods=len(values)), "station": [str(100 + i) for i in range(values.shape[1])]},
        ("time", "station"),
        "riverflow",
        {"units": units},
    )


def noisy(flow, seed=1, sd=0.3):
    """A prediction of a series: what was observed times log-normal noise."""
    rng = np.random.default_rng(seed)
    return (flow * np.exp(rng.normal(0, sd, flow.shape))).assign_attrs(flow.attrs)


def forecast(flow, every=1, horizon=3, seed=1, quantiles=False, sd=0.3):
    """A forecast of a series without gaps, its noise growing with the lead time."""
    rng = np.random.default_rng(seed)
    days = flow["time"].values
    issued = np.arange(0, len(days) - horizon, every)
    leads = np.arange(1, horizon + 1)
    truth = flow.values[issued[:, None] + leads]  # [issue_time, lead_time, station]
    values = truth * np.exp(rng.normal(0, 1, truth.shape) * sd * np.sqrt(leads)[:, None])
    dims = ("issue_time", "lead_time", "station")
    coordinates = {"issue_time": days[issued], "lead_time": leads, "station": flow["station"].values}
    if quantiles:
        factors = np.exp(sd * np.array([-1.28, -0.52, 0.0, 0.52, 1.28]))
        values, dims, coordinates = (
            values[..., None] * factors,
            (*dims, "quantile"),
            {**coordinates, "quantile": LEVELS},
        )
    return xr.DataArray(values, coordinates, dims, "riverflow", dict(flow.attrs))


def holes(array, share, seed=2):
    """The same with NaN at random places."""
    rng = np.random.default_rng(seed)
    return array.where(rng.random(array.shape) >= share).assign_attrs(array.attrs)
