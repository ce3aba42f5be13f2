from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.baselines.forecast.persistence import Persistence
from hydromae.baselines.forecast.ridge import Ridge
from hydromae.baselines.forecast.ridge_features import HISTORY, Usual, future_features, log_flow, state_features
from hydromae.baselines.forecast.ridge_solve import FOLDS, STRENGTHS, fold_moments, held_out_prediction, solve
from support.baseline_flows import FORCING, TRAIN, make_rivers, rmse_by_lead

GB = Path("../shared/data/gb")


def make_regression(seed: int, noise: float, days: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features with a constant last, a target and which days have one, for three stations."""
    chance = np.random.default_rng(seed)
    features = chance.normal(size=(3, days, 6))
    features[..., -1] = 1
    target = features @ np.array([1.0, -2.0, 0.5, 0.0, 0.0, 3.0]) + noise * chance.normal(size=(3, days))
    use = chance.random((3, days)) < 0.8
    return features, np.where(use, target, np.nan), use


def test_weights_are_those_of_the_normal_equations_at_the_strength_that_predicts_held_out_folds_best():
    features, target, use = make_regression(0, noise=8.0, days=40)
    penalised = np.array([True] * 5 + [False])
    weights, held_out = solve(fold_moments(features, target, use), penalised)
    edges = np.linspace(0, features.shape[1], FOLDS + 1).round().astype(int)
    fold = np.searchsorted(edges, np.arange(features.shape[1]), side="right") - 1

    def one(station: int, rows: np.ndarray, strength: float) -> np.ndarray:
        x, y = features[station][rows], target[station][rows]
        return np.linalg.solve(x.T @ x + strength * np.diag([1.0] * 5 + [1e-6]), x.T @ y)

    chosen = []
    for station in range(3):
        errors = []
        for strength in STRENGTHS:
            error = 0.0
            for at in range(FOLDS):
                weight = one(station, use[station] & (fold != at), strength)
                left_out = use[station] & (fold == at)
                error += ((target[station][left_out] - features[station][left_out] @ weight) ** 2).sum()
            errors.append(error)
        strength = STRENGTHS[int(np.argmin(errors))]
        chosen.append(strength)
        np.testing.assert_allclose(weights[station], one(station, use[station], strength), rtol=1e-8, atol=1e-10)
        for at in range(FOLDS):
            expected = one(station, use[station] & (fold != at), strength)
            np.testing.assert_allclose(held_out[at, station], expected, rtol=1e-8, atol=1e-10)
    assert max(chosen) > min(STRENGTHS)


def test_a_law_without_noise_is_found():
    features, target, use = make_regression(1, noise=0.0, days=2000)
    weights, held_out = solve(fold_moments(features, target, use), np.array([True] * 5 + [False]))
    np.testing.assert_allclose(weights, np.broadcast_to([1.0, -2.0, 0.5, 0, 0, 3.0], (3, 6)), atol=0.01)
    predicted = held_out_prediction(features, held_out)
    np.testing.assert_allclose(predicted[use], target[use], atol=0.05)


def test_features_of_a_day_are_the_same_whatever_comes_after_it():
    rivers = make_rivers()
    flow, rain = (rivers[name].values.astype(float)[:400] for name in ("riverflow", "rainfall"))
    usual = Usual(np.nanmean(flow, 0), np.nanmean(log_flow(flow, np.nanmean(flow, 0)), 0), np.nanmean(rain, 0)[None])
    angle = np.linspace(0, 6, 400)
    spoiled_flow, spoiled_rain = flow.copy(), rain.copy()
    spoiled_flow[301:], spoiled_rain[301:] = 1e9, np.nan
    clean = state_features(flow, [rain], usual, angle, 0)
    spoiled = state_features(spoiled_flow, [spoiled_rain], usual, angle, 0)
    np.testing.assert_array_equal(spoiled[:301], clean[:301])
    assert not np.array_equal(spoiled[301:], clean[301:])
    future = future_features(flow[:300], [rain[:304]], usual, 4, 0)
    shorter = future_features(flow[:300], [np.where(np.arange(304)[:, None] < 302, rain[:304], np.nan)], usual, 4, 0)
    np.testing.assert_array_equal(future[:298], shorter[:298])  # days 0 to 297 see days up to 301


def test_recent_weather_is_averaged_over_its_known_days():
    rain = np.full((HISTORY, 1), np.nan)
    rain[-6], rain[-5] = 4.0, 8.0  # 5 and 4 days ago; 3 and 6 days ago are missing
    flow = np.ones((HISTORY, 1))
    usual = Usual(np.ones(1), np.full(1, np.log(2)), np.full((1, 1), 2.5))
    last = state_features(flow, [rain], usual, np.zeros(HISTORY), None)[-1, 0]
    np.testing.assert_allclose(last[7:14], [2.5, 2.5, 2.5, 6.0, 2.5, 2.5, 2.5])  # after 7 features of flow


def test_it_beats_persistence_at_every_lead_and_gains_from_perfect_weather():
    rivers = make_rivers(stations=6)
    issue = pd.date_range("2005-01-01", "2005-12-20")
    ridge, persistence = (method.fit(rivers, "riverflow", FORCING, TRAIN, 5) for method in (Ridge(), Persistence()))
    errors = {
        "persistence": rmse_by_lead(persistence.forecast(rivers, issue, "none"), rivers["riverflow"]),
        "none": rmse_by_lead(ridge.forecast(rivers, issue, "none"), rivers["riverflow"]),
        "perfect": rmse_by_lead(ridge.forecast(rivers, issue, "perfect"), rivers["riverflow"]),
    }
    assert (errors["none"] < errors["persistence"]).all()
    assert (errors["perfect"] < 0.5 * errors["none"]).all()


def test_the_mean_of_its_forecasts_is_that_of_the_flow():
    rivers = make_rivers(seed=3, stations=6)
    issue = pd.date_range("2003-01-01", "2004-12-01")
    forecast = Ridge().fit(rivers, "riverflow", FORCING, TRAIN, 3).forecast(rivers, issue, "none")
    for lead in (1, 2, 3):
        truth = rivers["riverflow"].sel(time=issue + pd.Timedelta(days=lead)).values
        predicted = forecast.sel(lead_time=lead).values[np.isfinite(truth)]
        assert predicted.mean() == pytest.approx(np.nanmean(truth), rel=0.05)


def test_a_forecast_stays_within_half_above_the_highest_flow_of_training():
    rivers = make_rivers()
    method = Ridge().fit(rivers, "riverflow", FORCING, TRAIN, 2)
    flood = rivers.copy(deep=True)
    flood["rainfall"].loc["2005-06-01":] = 1e6
    forecast = method.forecast(flood, pd.DatetimeIndex(["2005-06-10"]), "perfect").values[0]
    highest = rivers["riverflow"].sel(time=TRAIN).max("time").values
    assert (forecast <= 1.5001 * highest).all() and (forecast >= 0).all()


def test_rain_that_is_not_among_the_forcing_is_refused():
    with pytest.raises(DataError, match="snow: is not among the forcing"):
        Ridge(rain="snow").fit(make_rivers(), "riverflow", FORCING, TRAIN, 1)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not GB.is_dir(), reason=f"real data are not at {GB}")
def test_on_604_catchments_it_beats_persistence_at_every_lead_and_reaches_its_known_skill():
    table = pd.read_parquet(GB / "catchment_daily_604_1970_2012.parquet")
    table = table[table["date"] >= "1989-01-01"]
    names = {"riverflow": "discharge_spec", "precip": "precipitation", "temp": "temperature", "evap": "evaporation"}
    wide = {name: table.pivot(index="date", columns="ID", values=column).asfreq("D") for name, column in names.items()}
    series = xr.Dataset(
        {name: (("time", "station"), values.to_numpy(np.float32)) for name, values in wide.items()},
        {"time": wide["riverflow"].index.values, "station": wide["riverflow"].columns.astype(str)},
    )
    issue = pd.date_range("2009-10-01", "2012-09-20", freq="5D")
    train = slice("1989-01-01", "2009-09-30")
    methods = [
        method.fit(series, "riverflow", ["precip", "temp", "evap"], train, 7) for method in (Persistence(), Ridge())
    ]
    persistence = nse_by_lead(methods[0].forecast(series, issue, "none"), series["riverflow"])
    none, perfect = (
        nse_by_lead(methods[1].forecast(series, issue, regime), series["riverflow"]) for regime in ("none", "perfect")
    )
    assert (none > persistence).all() and (perfect > none).all()
    assert none[0] >= 0.67 and perfect[0] >= 0.83


def nse_by_lead(forecast: xr.DataArray, observed: xr.DataArray) -> np.ndarray:
    """Median over stations with 100 pairs of the Nash-Sutcliffe efficiency of each lead (Nash and Sutcliffe 1970)."""
    medians = []
    for lead in forecast["lead_time"].values:
        valid = forecast["issue_time"].values + np.timedelta64(int(lead), "D")
        truth = observed.reindex(time=valid).transpose("time", "station").values.astype(float)
        known = np.isfinite(truth)
        error = np.where(known, forecast.sel(lead_time=lead).values - truth, 0.0)
        count = np.maximum(known.sum(0), 1)
        mean = np.where(known, truth, 0.0).sum(0) / count
        spread = np.where(known, truth - mean, 0.0)
        scored = (known.sum(0) >= 100) & ((spread**2).sum(0) > 0)
        medians.append(np.median(1 - (error**2).sum(0)[scored] / (spread**2).sum(0)[scored]))
    return np.array(medians)
