"""Rivers that GR4J itself makes, so that what it should find and forecast is known."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.baselines.forecast import gr4j as module
from hydromae.baselines.forecast.gr4j import Gr4j
from hydromae.baselines.gr4j import GR4JParameters, gr4j

FORCING = ["rain", "pet"]
TRUE = GR4JParameters(*np.array([[300.0, 150.0], [-0.5, 0.3], [60.0, 30.0], [1.4, 2.3]]))
POINTS = np.stack([np.log(TRUE.production_capacity), np.arcsinh(TRUE.exchange), np.log(TRUE.routing_capacity),
                   np.log(TRUE.time_base)], axis=-1)  # fmt: skip


def make_twins(first: str = "2001-01-01", last: str = "2004-12-31", seed: int = 0) -> xr.Dataset:
    """Rain, potential evaporation and flow of two stations without gaps, mm/d, float64."""
    chance = np.random.default_rng(seed)
    days = pd.date_range(first, last, freq="D")
    rain = chance.gamma(0.6, 8.0, (len(days), 2)) * (chance.random((len(days), 2)) < 0.5)
    season = 1.5 - 1.3 * np.cos(2 * np.pi * days.day_of_year.to_numpy() / 365.25)
    potential = np.repeat(season[:, None], 2, axis=1)
    flow = gr4j(rain, potential, TRUE).flow
    variables = {"flow": flow, "rain": rain, "pet": potential}
    return xr.Dataset(
        {name: (("time", "station"), values, {"units": "mm/d"}) for name, values in variables.items()},
        {"time": days.values.astype("datetime64[s]"), "station": ["1", "2"]},
    )


def fitted_to_twins(twins: xr.Dataset, train: slice, horizon: int) -> Gr4j:
    """GR4J with the true parameters, as if the search had found them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "calibrate", lambda *given: POINTS)
        return Gr4j().fit(twins, "flow", FORCING, train, horizon)


def random_forcing() -> tuple[np.ndarray, np.ndarray]:
    """Rain and potential evaporation of three places on 400 days, mm/d."""
    rng = np.random.default_rng(3)
    rain = rng.gamma(0.4, 8.0, (400, 3)) * (rng.uniform(size=(400, 3)) < 0.5)
    evaporation = 1.5 + 1.4 * np.sin(2 * np.pi * np.arange(400) / 365)[:, None] + np.zeros(3)
    return rain, evaporation
