"""Flows that tests of infilling share."""

import numpy as np
import pandas as pd
import xarray as xr

TRAIN = slice("2000-01-01", "2001-12-31")


def make_flow(stations: int = 4, days: int = 900, seed: int = 0, noise: float = 0.3) -> xr.DataArray:
    """Gauges of one region, float32 [time, station] from 2000-01-01: one signal, and noise that grows by station."""
    generator = np.random.default_rng(seed)
    signal = np.convolve(generator.gamma(0.4, 3, days + 30), 0.8 ** np.arange(31), "valid")
    spread = noise * np.arange(1, stations + 1)
    values = 1 + signal[:, None] * generator.lognormal(0, spread * 0.3, (days, stations))
    time = pd.date_range("2000-01-01", periods=days)
    ids = [str(1001 + n) for n in range(stations)]
    attributes = {"units": "mm/d"}
    return xr.DataArray(
        values.astype(np.float32), {"time": time, "station": ids}, ("time", "station"), "riverflow", attributes
    )


def with_gaps(flow: xr.DataArray, share: float = 0.2, seed: int = 1) -> xr.DataArray:
    """The same with some values missing."""
    missing = np.random.default_rng(seed).random(flow.shape) < share
    return flow.where(~xr.DataArray(missing, flow.coords, flow.dims))
