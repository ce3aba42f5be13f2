"""What holds for each baseline of the forecast."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.baselines.forecast import BASELINES, Baseline, fit_all, forecast_all, make_baselines
from hydromae.baselines.forecast.baseline import train_days
from hydromae.baselines.forecast.climatology import Climatology
from hydromae.baselines.forecast.gr4j import Gr4j
from hydromae.baselines.forecast.lstm import HandoffLstm
from hydromae.baselines.forecast.lstm_training import LstmSettings
from hydromae.baselines.gr4j_calibration import Calibration
from hydromae.store.view import open_store
from support.baseline_flows import FORCING, ISSUE, make_rivers, spoiled_after

HORIZON = 4
TRAIN = slice("2003-01-01", "2004-12-31")
QUICK = LstmSettings(hidden=8, history=20, batch=16, steps=6, check_every=3)


def make(name: str) -> Baseline:
    if name == "lstm":
        return HandoffLstm(QUICK)
    if name == "gr4j":
        return Gr4j(Calibration(members=4, generations=1))
    return Climatology(quantiles=(0.1, 0.5, 0.9)) if name == "quantiles" else BASELINES[name]()


ALL = [*BASELINES, "quantiles"]


@pytest.fixture(scope="module")
def rivers() -> xr.Dataset:
    """Three years, of which two are trained on."""
    return make_rivers().sel(time=slice(TRAIN.start, None))


@pytest.fixture(scope="module")
def fitted(rivers: xr.Dataset) -> dict[str, Baseline]:
    return {name: make(name).fit(rivers, "riverflow", FORCING, TRAIN, HORIZON) for name in ALL}


@pytest.mark.parametrize("name", ALL)
def test_a_forecast_has_the_agreed_form(rivers, fitted, name):
    forecast = fitted[name].forecast(rivers, ISSUE, "perfect")
    assert forecast.dims[:3] == ("issue_time", "lead_time", "station")
    assert forecast.dims[3:] == (("quantile",) if name == "quantiles" else ())
    assert forecast.name == "riverflow" and forecast.attrs["units"] == "mm/d"
    assert forecast["issue_time"].dtype == np.dtype("datetime64[s]")
    np.testing.assert_array_equal(forecast["issue_time"].values, ISSUE.values.astype("datetime64[s]"))
    assert forecast["lead_time"].dtype == np.int64 and forecast["lead_time"].values.tolist() == [1, 2, 3, 4]
    assert forecast["lead_time"].attrs["units"] == "days"
    assert forecast["lead_time"].attrs["standard_name"] == "forecast_period"
    assert forecast["station"].values.tolist() == rivers["station"].values.tolist()
    assert np.isfinite(forecast.values).all() and (forecast.values >= 0).all()


@pytest.mark.parametrize("garbage", [np.nan, 1e9])
@pytest.mark.parametrize("name", ALL)
def test_nothing_after_the_issue_time_that_the_regime_hides_reaches_a_forecast(rivers, fitted, name, garbage):
    middle = ISSUE[len(ISSUE) // 2]
    hidden = {"none": ["riverflow", *FORCING], "perfect": ["riverflow"]}
    for regime, names in hidden.items():
        clean = fitted[name].forecast(rivers, ISSUE, regime).sel(issue_time=slice(None, middle))
        spoiled = spoiled_after(rivers, middle, garbage, names)
        spoiled = fitted[name].forecast(spoiled, ISSUE, regime).sel(issue_time=slice(None, middle))
        np.testing.assert_array_equal(spoiled.values, clean.values)


@pytest.mark.parametrize("name", ALL)
def test_weather_beyond_the_horizon_does_not_reach_a_perfect_forecast(rivers, fitted, name):
    middle = ISSUE[len(ISSUE) // 2]
    issue = ISSUE[middle >= ISSUE]
    clean = fitted[name].forecast(rivers, issue, "perfect")
    spoiled = spoiled_after(rivers, middle + pd.Timedelta(days=HORIZON), 1e9, FORCING)
    np.testing.assert_array_equal(fitted[name].forecast(spoiled, issue, "perfect").values, clean.values)


@pytest.mark.parametrize("name", ["ridge", "gr4j", "lstm"])
def test_perfect_weather_changes_a_forecast_that_reads_it(rivers, fitted, name):
    none, perfect = (fitted[name].forecast(rivers, ISSUE, regime).values for regime in ("none", "perfect"))
    assert (none != perfect).mean() > 0.9


@pytest.mark.parametrize("name", ALL)
def test_fitting_reads_the_training_period_alone(rivers, fitted, name):
    spoiled = rivers.copy(deep=True)
    outside = (rivers["time"] > np.datetime64("2004-12-31")) | (rivers["time"] < np.datetime64("2003-07-01"))
    train = slice("2003-07-01", "2004-12-31")
    for variable in ["riverflow", *FORCING]:
        spoiled[variable] = rivers[variable].where(~outside, 1e9)
    one, other = (make(name).fit(data, "riverflow", FORCING, train, HORIZON) for data in (rivers, spoiled))
    for regime in ("none", "perfect"):
        one_forecast, other_forecast = (each.forecast(rivers, ISSUE, regime) for each in (one, other))
        np.testing.assert_array_equal(one_forecast.values, other_forecast.values)


@pytest.mark.parametrize("name", ALL)
def test_the_record_may_end_at_the_issue_time(rivers, fitted, name):
    last = ISSUE[-1:]
    ended = rivers.sel(time=slice(None, last[0]))
    np.testing.assert_array_equal(
        fitted[name].forecast(ended, last, "none").values, fitted[name].forecast(rivers, last, "none").values
    )


@pytest.mark.parametrize("name", [name for name in ALL if name not in ("gr4j", "lstm")])
def test_a_forecast_scales_with_the_unit_of_its_target(rivers, fitted, name):
    scaled = rivers.assign(riverflow=(rivers["riverflow"] * 512).assign_attrs(units="m3/s"))
    other = make(name).fit(scaled, "riverflow", FORCING, TRAIN, HORIZON).forecast(scaled, ISSUE, "perfect")
    np.testing.assert_allclose(
        other.values, 512 * fitted[name].forecast(rivers, ISSUE, "perfect").values, rtol=1e-5, atol=1e-4
    )
    assert other.attrs["units"] == "m3/s"


def test_the_lstm_is_the_same_in_another_unit(rivers, fitted):
    scaled = rivers.assign(riverflow=rivers["riverflow"] * 512)
    other = make("lstm").fit(scaled, "riverflow", FORCING, TRAIN, HORIZON).forecast(scaled, ISSUE, "perfect")
    own = fitted["lstm"].forecast(rivers, ISSUE, "perfect")
    np.testing.assert_allclose(other.values, 512 * own.values, rtol=1e-3, atol=0.05)


@pytest.mark.parametrize("name", ALL)
def test_gaps_and_stations_without_flow_are_no_reason_to_fail(rivers, fitted, name):
    holed = rivers.copy(deep=True)
    holed["riverflow"][:, 0] = np.nan  # never gauged
    holed["rainfall"][:, 1] = np.nan  # no rain known
    holed["temp"][:] = np.nan
    issued = np.isin(holed["time"].values, ISSUE.values.astype("datetime64[s]"))
    holed["riverflow"][np.flatnonzero(issued), 2] = np.nan  # the last flow is missing
    method = make(name).fit(holed, "riverflow", FORCING, TRAIN, HORIZON)
    for regime in ("none", "perfect"):
        forecast = method.forecast(holed, ISSUE, regime)
        assert np.isfinite(forecast.isel(station=slice(1, None)).values).all()
        assert np.isnan(forecast.isel(station=0).values).all()


@pytest.mark.parametrize("name", ALL)
def test_a_station_keeps_its_forecast_in_another_order_and_an_unknown_one_does_not_crash(rivers, fitted, name):
    own = fitted[name].forecast(rivers, ISSUE, "perfect")
    turned = rivers.isel(station=[2, 0])
    other = fitted[name].forecast(turned, ISSUE, "perfect")
    np.testing.assert_allclose(other.values, own.isel(station=[2, 0]).values, rtol=1e-5, atol=1e-6)
    stranger = rivers.isel(station=[1]).assign_coords(station=["99999"])
    assert fitted[name].forecast(stranger, ISSUE, "none").sizes["station"] == 1


@pytest.mark.parametrize("regime", ["none", "perfect"])
@pytest.mark.parametrize("name", ALL)
def test_a_forecast_does_not_depend_on_the_other_issue_times(rivers, fitted, name, regime):
    gap = slice(*(np.flatnonzero(rivers["time"].values == day)[0] for day in ISSUE[[9, 20]].values))
    holed = rivers.copy(deep=True)
    holed["riverflow"][gap, 1] = np.nan
    together = fitted[name].forecast(holed, ISSUE, regime)
    for at in (0, 20, len(ISSUE) - 1):
        alone = fitted[name].forecast(holed, ISSUE[at : at + 1], regime)
        np.testing.assert_allclose(alone.values[0], together.values[at], rtol=2e-5)


@pytest.mark.parametrize("name", ALL)
def test_a_forecast_without_issue_times_is_empty(rivers, fitted, name):
    forecast = fitted[name].forecast(rivers, ISSUE[:0], "none")
    assert forecast.sizes["issue_time"] == 0 and forecast.sizes["lead_time"] == HORIZON


@pytest.mark.parametrize("name", ALL)
def test_what_cannot_be_fitted_is_refused_in_a_sentence(rivers, name):
    with pytest.raises(DataError, match="was not fitted"):
        make(name).forecast(rivers, ISSUE, "none")
    with pytest.raises(DataError, match="snow: is not among the series"):
        make(name).fit(rivers, "riverflow", ["snow"], TRAIN, HORIZON)
    with pytest.raises(DataError, match="training period 1990"):
        make(name).fit(rivers, "riverflow", FORCING, slice("1990", "1991"), HORIZON)
    with pytest.raises(DataError, match="horizon is 0 days"):
        make(name).fit(rivers, "riverflow", FORCING, TRAIN, 0)


def test_the_training_period_may_be_given_as_text_or_dates(rivers):
    first, last = date(2003, 3, 1), date(2004, 5, 31)
    given = [
        slice("2003-03-01", "2004-05-31"),
        slice("2003-03", "2004-05"),
        slice(first, last),
        slice(pd.Timestamp(first), pd.Timestamp(last)),
    ]
    for train in given:
        days = train_days(rivers, train)
        assert (days[0].item(), days[-1].item(), len(days)) == (first, last, 458)


def test_all_baselines_are_fitted_and_asked_together(rivers):
    names = ["persistence", "climatology", "recession", "ridge"]
    fitted = fit_all(make_baselines(names), rivers, "riverflow", FORCING, TRAIN, HORIZON)
    forecasts = forecast_all(fitted, rivers, ISSUE, "perfect")
    assert list(forecasts) == names
    assert {forecast.shape for forecast in forecasts.values()} == {(len(ISSUE), HORIZON, 4)}
    with pytest.raises(DataError, match="gbm: is no baseline of the forecast"):
        make_baselines(["gbm"])


def test_each_baseline_is_registered_under_its_name():
    assert all(BASELINES[name]().name == name for name in BASELINES)


def test_a_store_is_read_as_it_is_opened(prepared):
    _, store = prepared
    lazy, loaded = open_store(store), open_store(store).load()
    days = pd.DatetimeIndex(lazy["time"].values)
    train = slice(days[0], days[len(days) * 2 // 3])
    issue = days[len(days) // 2 :: 2][:4]  # half a year of data: climatology knows the days of training alone
    for name in ("persistence", "climatology", "recession", "ridge"):
        one, other = (make(name).fit(data, "riverflow", ["evap"], train, 2) for data in (lazy, loaded))
        forecasts = [method.forecast(data, issue, "perfect") for method, data in ((one, lazy), (other, loaded))]
        assert np.isfinite(forecasts[0].values).any(), name
        assert forecasts[0].identical(forecasts[1])
