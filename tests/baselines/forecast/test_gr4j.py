import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.baselines.forecast import gr4j as module
from hydromae.baselines.forecast.gr4j import Gr4j
from hydromae.baselines.gr4j import gr4j
from support.gr4j_world import FORCING, POINTS, TRUE, fitted_to_twins, make_twins

TRAIN = slice("2001-01-01", "2003-12-31")
ISSUE = pd.date_range("2004-02-01", "2004-12-20", freq="11D")
HORIZON = 5


@pytest.fixture(scope="module")
def twins() -> xr.Dataset:
    return make_twins()


@pytest.fixture(scope="module")
def fitted(twins: xr.Dataset) -> Gr4j:
    return fitted_to_twins(twins, TRAIN, HORIZON)


@pytest.fixture
def calibrations(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The search finds the true parameters of the first stations at once; the shape of each call's flow is kept."""
    calls: list[tuple[int, ...]] = []

    def calibrate(rain, potential, flow, settings, on_progress):
        calls.append(flow.shape)
        return POINTS[: flow.shape[1]]

    monkeypatch.setattr(module, "calibrate", calibrate)
    return calls


def observed(series: xr.Dataset) -> np.ndarray:
    valid = ISSUE.values[:, None].astype("datetime64[s]") + np.arange(1, HORIZON + 1).astype("timedelta64[D]")
    flow = series["flow"].reindex(time=valid.ravel()).values
    return flow.reshape(len(ISSUE), HORIZON, -1)


def test_rivers_of_known_parameters_are_forecast_exactly_with_observed_weather(twins, fitted):
    forecast = fitted.forecast(twins, ISSUE, "perfect")
    np.testing.assert_allclose(forecast.values, observed(twins), rtol=5e-3, atol=5e-3)


def test_without_weather_a_forecast_is_the_corrected_mean_over_past_years(twins, fitted):
    issue = pd.DatetimeIndex(["2004-05-10"])
    known = fitted.situation(twins, issue)
    until = twins.sel(time=slice(None, "2004-05-10"))
    before = slice("2001-01-01", "2003-12-31")  # the spin-up: three years that end on 31 December
    state = gr4j(*(twins.sel(time=before)[name].to_numpy() for name in FORCING), TRUE).state
    state = gr4j(*(until[name].to_numpy() for name in FORCING), TRUE, state).state
    members = []
    for year in (2001, 2002, 2003):
        days = twins.sel(time=slice(f"{year}-05-11", f"{year}-05-15"))
        members.append(gr4j(*(days[name].to_numpy() for name in FORCING), TRUE, state).flow)
    mean = np.mean(members, axis=0)[None]  # [issue, lead, station]
    expected = fitted.correction("none", twins)(mean, known.recent)
    np.testing.assert_allclose(fitted.forecast(twins, issue, "none").values, expected, rtol=1e-4)


def test_flow_in_m3s_is_the_same_forecast_by_the_area(twins, fitted, calibrations):
    area = np.array([50.0, 400.0])
    volume = (twins["flow"] * area / 86.4).assign_attrs(units="m3/s")
    given = twins.assign(flow=volume, area=("station", area))
    in_volume = Gr4j().fit(given, "flow", FORCING, TRAIN, HORIZON).forecast(given, ISSUE, "perfect")
    in_depth = fitted.forecast(twins, ISSUE, "perfect")
    np.testing.assert_allclose(in_volume.values, in_depth.values * area / 86.4, rtol=1e-4)
    assert in_volume.attrs["units"] == "m3/s"


def test_flow_of_unknown_unit_is_scaled_by_what_rain_and_evaporation_leave(twins, calibrations):
    plain = twins.assign(flow=(twins["flow"] * 7).assign_attrs(units=""))
    scaled = Gr4j().fit(plain, "flow", FORCING, TRAIN, HORIZON)
    train = plain.sel(time=TRAIN).mean("time")
    rain, potential = train["rain"].values, train["pet"].values
    left = rain - rain / np.sqrt(1 + (rain / potential) ** 2)
    np.testing.assert_allclose(scaled.situation(plain, ISSUE[:1]).to_depth, left / train["flow"].values, rtol=1e-6)


def test_weather_in_another_unit_is_converted(twins, fitted, calibrations):
    flux = twins.assign(rain=(twins["rain"] / 86400).assign_attrs(units="kg m-2 s-1"))
    forecast = Gr4j().fit(flux, "flow", FORCING, TRAIN, HORIZON).forecast(flux, ISSUE[:2], "perfect")
    own = fitted.forecast(twins, ISSUE[:2], "perfect")
    np.testing.assert_allclose(forecast.values, own.values, rtol=1e-4)
    wrong = twins.assign(rain=twins["rain"].assign_attrs(units="degC"))
    with pytest.raises(DataError, match=r"rain: .*measure different things; give it in mm/d"):
        Gr4j().fit(wrong, "flow", FORCING, TRAIN, HORIZON)


def test_a_station_with_little_flow_takes_the_median_parameters_of_the_others(twins, calibrations):
    short = twins.copy(deep=True)
    short["flow"][:-500, 1] = np.nan
    fitted = Gr4j().fit(short, "flow", FORCING, TRAIN, HORIZON)
    assert [shape[1] for shape in calibrations] == [1]
    parameters = fitted.situation(short, ISSUE[:1]).catchments.parameters
    np.testing.assert_allclose(parameters.routing_capacity, [60.0, 60.0], rtol=1e-5)
    assert np.isfinite(fitted.forecast(short, ISSUE, "none").values).all()


def test_the_last_error_changes_a_forecast_and_a_missing_flow_lets_it_fade(twins, calibrations):
    chance = np.random.default_rng(1)
    drift = np.zeros(twins.sizes["time"])
    for day in range(1, len(drift)):
        drift[day] = 0.95 * drift[day - 1] + chance.normal(0, 0.1)
    gauged = twins.assign(flow=twins["flow"] * np.exp(drift)[:, None])
    fitted = Gr4j().fit(gauged, "flow", FORCING, TRAIN, HORIZON)
    truth = observed(gauged)
    corrected = fitted.forecast(gauged, ISSUE, "perfect").values
    blind = gauged.assign(flow=gauged["flow"].where(gauged["time"] < np.datetime64("2003-12-01")))
    uncorrected = fitted.forecast(blind, ISSUE, "perfect").values
    error, blind_error = (np.sqrt(np.mean((each - truth) ** 2, axis=(0, 2))) for each in (corrected, uncorrected))
    assert error[0] < 0.6 * blind_error[0] and error[4] < blind_error[4]


@pytest.mark.parametrize(("kept", "what"), [("rain", "evaporation"), ("pet", "rain")])
def test_without_rain_or_evaporation_it_says_what_to_do(twins, kept, what):
    with pytest.raises(DataError, match=rf"no series is {what} .they are flow, {kept}.; add it .* leave gr4j out"):
        Gr4j().fit(twins, "flow", [kept], TRAIN, HORIZON)
