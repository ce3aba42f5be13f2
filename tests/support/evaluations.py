"""What an evaluation of forecasts leaves in a run, made here."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from hydromae.evaluation.compare import compare
from hydromae.evaluation.forecast_scores import score_forecast

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def make_observed(stations: int = 5, days: int = 365) -> xr.DataArray:
    """Flow at some stations, without gaps."""
    rng = np.random.default_rng(1)
    time = pd.date_range("2009-01-01", periods=days).to_numpy().astype("datetime64[s]")
    values = rng.gamma(2.0, 1.5, (days, stations)).astype(np.float32)
    coords = {"time": time, "station": np.array([f"{n}001" for n in range(stations)], dtype=object)}
    return xr.DataArray(values, coords, ("time", "station"), "flow", {"units": "m3/s"})


def made_from(observed: xr.DataArray, share: float, quantiles: bool) -> xr.Dataset:
    """A forecast as the command writes it: the truth, drawn towards its mean by a share."""
    issues = observed["time"].values[10:-15:3]
    leads = np.arange(1, 8)
    known = observed.sel(time=xr.DataArray(issues[:, None] + leads.astype("timedelta64[D]"), dims=("i", "l"))).values
    dims = ("issue_time", "lead_time", "station")
    mean = ((1 - share) * known + share * observed.values.mean()).astype(np.float32)
    coords: dict[str, Any] = {"issue_time": issues, "lead_time": leads, "station": observed["station"].values}
    count = observed.sizes["station"]
    coords["latitude"] = ("station", 51 + np.arange(count) % 7 * 0.9)
    coords["longitude"] = ("station", -4 + np.arange(count) // 7 * 4.0 / max(1, count // 7))
    coords["station_name"] = ("station", [f"River {'ABCDEFG'[n % 7]} at Place {n}" for n in range(count)])
    variables: dict[str, Any] = {"flow": (dims, mean, {"units": "m3/s"})}
    if quantiles:
        spread = mean[..., None] * (0.5 + np.array(LEVELS, np.float32))
        variables["flow_quantiles"] = ((*dims, "quantile"), spread, {"units": "m3/s"})
        coords["quantile"] = list(LEVELS)
    return xr.Dataset(variables, coords)


def make_evaluation(folder: Path, observed: xr.DataArray, quantiles: bool) -> None:
    """What an evaluation leaves in a run: the model is good with perfect weather, poor without."""
    folder.mkdir(parents=True)
    for regime, share in (("none", 0.9), ("perfect", 0.1)):
        made = made_from(observed, share, quantiles)
        rival = made_from(observed, 0.5, False)["flow"]
        compared = compare({"hydromae": made["flow"], "persistence": rival}, observed, resamples=50)
        made.to_netcdf(folder / f"{regime}.nc", engine="h5netcdf")
        compared.scores.to_netcdf(folder / f"{regime}_scores.nc", engine="h5netcdf")
        if quantiles:
            of_stations = score_forecast(made["flow_quantiles"], observed)
            of_stations = of_stations.assign(compared.stations.data_vars)
            of_stations.to_netcdf(folder / f"{regime}_stations.nc", engine="h5netcdf")
