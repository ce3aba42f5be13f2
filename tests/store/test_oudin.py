import numpy as np
import pandas as pd
import pytest

from hydromae.base.evaporation import oudin_evaporation
from hydromae.store.oudin import follows_oudin
from hydromae.store.store_of_frame import store_of_frame

DAYS = pd.date_range("2001-01-01", periods=500)
UNITS = {"temp": "degC", "evap": "mm/d"}


def follows(evaporation: np.ndarray | None, known: dict[str, float]) -> bool:
    frame = pd.DataFrame({"temp": TEMPERATURE}, index=DAYS)
    if evaporation is not None:
        frame["evap"] = evaporation
    with store_of_frame(frame, ["temp", "evap"], UNITS, known) as (store, _):
        return follows_oudin(store)


TEMPERATURE = 9 + 7 * np.sin(2 * np.pi * np.arange(500) / 365) + np.random.default_rng(0).normal(0, 2, 500)
POTENTIAL = oudin_evaporation(TEMPERATURE[:, None], np.array([52.0]), DAYS.day_of_year.to_numpy())[:, 0]
PLACE = {"latitude": 52.0, "longitude": 0.0}


def test_evaporation_by_the_formula_is_recognised() -> None:
    holed = np.where(np.arange(500) % 7 == 0, np.nan, POTENTIAL.round(3))
    assert follows(holed, PLACE)


@pytest.mark.parametrize(
    ("evaporation", "known"),
    [
        (0.7 * POTENTIAL, PLACE),  # actual evaporation is less
        (POTENTIAL + np.random.default_rng(1).normal(0, 0.3, 500), PLACE),
        (POTENTIAL, {"latitude": 40.0, "longitude": 0.0}),
        (POTENTIAL, {"area": 40.0}),
        (None, PLACE),
    ],
)
def test_any_other_is_not(evaporation: np.ndarray | None, known: dict[str, float]) -> None:
    assert not follows(evaporation, known)
