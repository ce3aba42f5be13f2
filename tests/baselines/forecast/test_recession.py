import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from hydromae.baselines.forecast.recession import Recession, drained

RATES, EXPONENTS = np.array([0.05, 0.1, 0.2, 0.1]), np.array([1.0, 1.5, 2.0, 2.5])
TRAIN = slice("2001-01-01", "2003-12-31")


def make_recessions() -> xr.Dataset:
    """Rivers that jump with rain every 25 days, then drain exactly by -dQ/dt = a Q^b, with flow near 1."""
    chance = np.random.default_rng(5)
    days = pd.date_range("2001-01-01", "2004-12-31")
    flow, rain = np.empty((len(days), 4)), np.zeros((len(days), 4))
    level = np.ones(4)
    for day in range(len(days)):
        level = drained(level, RATES, EXPONENTS, np.array(1.0))
        if day % 25 == 0:
            rain[day] = 20.0
            level = chance.uniform(1.0, 3.0, 4)
        flow[day] = level
    dims = ("time", "station")
    return xr.Dataset(
        {"riverflow": (dims, flow, {"units": "m3/s"}), "rain": (dims, rain)},
        {"time": days.values.astype("datetime64[s]"), "station": ["1", "2", "3", "4"]},
    )


@pytest.mark.parametrize("forcing", [["rain"], []])
def test_a_river_that_drains_by_the_law_is_forecast_by_it(forcing):
    rivers = make_recessions()
    issue = pd.DatetimeIndex([rivers["time"].values[day] for day in range(1105, 1450, 25)])  # 5 days after rain
    forecast = Recession().fit(rivers, "riverflow", forcing, TRAIN, 7).forecast(rivers, issue, "none")
    for lead in range(1, 8):
        truth = rivers["riverflow"].sel(time=issue + pd.Timedelta(days=lead)).values
        np.testing.assert_allclose(forecast.sel(lead_time=lead).values, truth, rtol=0.03)


def test_rainy_days_have_no_part_in_the_law_where_rain_is_known():
    rivers = make_recessions()
    drizzle = rivers.copy(deep=True)
    wet = np.arange(len(rivers["time"])) % 25 >= 15  # then the river falls slower, and it rains
    flow = drizzle["riverflow"].values
    for day in np.flatnonzero(wet):
        flow[day] = flow[day - 1] * 0.999
    drizzle["rain"][wet] = 3.0
    issue = pd.DatetimeIndex([rivers["time"].values[day] for day in range(1105, 1450, 25)])
    truth = rivers["riverflow"].sel(time=issue + pd.Timedelta(days=7)).values
    errors = {}
    for forcing in ([], ["rain"]):
        forecast = Recession().fit(drizzle, "riverflow", forcing, TRAIN, 7).forecast(rivers, issue, "none")
        errors[len(forcing)] = np.abs(forcing_error(forecast, truth)).mean()
    assert errors[1] < 0.03 < errors[0]


def forcing_error(forecast: xr.DataArray, truth: np.ndarray) -> np.ndarray:
    return forecast.sel(lead_time=7).values / truth - 1


@given(
    flow=st.floats(0, 1e6),
    rate=st.floats(1e-3, 2),
    exponent=st.floats(0.5, 3) | st.just(1.0),
    days=st.integers(1, 30),
)
def test_flow_falls_never_below_zero_and_in_steps_as_at_once(flow, rate, exponent, days):
    def after(level: float, time: int) -> float:
        return float(drained(np.array(level), np.array(rate), np.array(exponent), np.array(time)))

    at_once = after(flow, days)
    assert 0 <= at_once <= flow
    assert after(after(flow, days // 2), days - days // 2) == pytest.approx(at_once, rel=1e-6, abs=1e-6)


def test_a_station_with_a_short_record_falls_as_the_others_usually_do():
    rivers = make_recessions()
    rivers["riverflow"][60:1200, 0] = np.nan
    method = Recession().fit(rivers, "riverflow", ["rain"], TRAIN, 2)
    issue = pd.DatetimeIndex([rivers["time"].values[1300]])
    first, second = method.forecast(rivers, issue, "none").values[0, :, 0]
    last = rivers["riverflow"].values[1300, 0]
    assert first / last == pytest.approx(second / first, rel=1e-5)  # exponential
    assert 0.8 < first / last < 1


def test_flow_stays_as_it_is_where_no_station_shows_how_it_falls():
    rivers = make_recessions()
    issue = pd.DatetimeIndex([rivers["time"].values[1300]])
    method = Recession().fit(rivers, "riverflow", ["rain"], slice("2001-01-01", "2001-02-28"), 3)
    last = rivers["riverflow"].values[1300]
    np.testing.assert_allclose(method.forecast(rivers, issue, "none").values[0], np.tile(last, (3, 1)), rtol=1e-6)
