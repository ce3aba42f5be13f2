import numpy as np
import pandas as pd
import pytest

from hydromae.store.snow import largest_snow_share, snow_share
from hydromae.store.store_of_frame import store_of_frame

UNITS = {"precip": "mm/d", "temp": "degC"}
RAIN = np.array([[4.0, 1.0], [np.nan, 1.0], [1.0, 0.0], [5.0, np.nan]])
TEMPERATURE = np.array([[-1.0, 3.0], [-4.0, -2.0], [0.0, -9.0], [np.nan, 5.0]])


def test_precipitation_of_days_below_freezing_is_snow_where_both_are_known() -> None:
    held = {"precip": RAIN, "temp": TEMPERATURE}
    share = snow_share(lambda name, first, days: held[name][first : first + days], slice(0, 4))
    np.testing.assert_allclose(share, [4 / 5, 1 / 2])


def test_a_station_without_rain_or_temperature_has_no_share() -> None:
    held = {"precip": np.zeros((3, 1)), "temp": np.full((3, 1), -5.0)}
    assert np.isnan(snow_share(lambda name, first, days: held[name][first : first + days], slice(0, 3))).all()


@pytest.mark.parametrize(("names", "expected"), [(["precip", "temp"], 0.8), (["precip"], None)])
def test_a_store_tells_the_largest_share_of_its_stations(names: list[str], expected: float | None) -> None:
    frame = pd.DataFrame(
        {"precip": RAIN[:, 0], "temp": TEMPERATURE[:, 0]}, index=pd.date_range("2001-01-01", periods=4)
    )
    place = {"latitude": 52.0, "longitude": 0.0}
    with store_of_frame(frame[names], names, {name: UNITS[name] for name in names}, place) as (store, _):
        assert largest_snow_share(store, slice(None)) == pytest.approx(expected)
