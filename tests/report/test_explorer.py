"""What the page holds of forecasts and maps: the values themselves, and no more than a page can carry."""

import numpy as np
import pytest
import xarray as xr

from hydromae.drawing.places import Places, places_of
from hydromae.evaluation.compare import compare
from hydromae.report import explorer
from hydromae.report.day_maps import day_maps_data
from hydromae.report.evaluation import Evaluation
from hydromae.report.explorer import explorer_data
from support.evaluations import made_from, make_observed
from support.packed import unpacked

MEGABYTE = 1_000_000


def evaluated(stations: int, days: int) -> Evaluation:
    observed = make_observed(stations, days)
    made = {"none": made_from(observed, 0.5, quantiles=True)}
    scores = compare({"hydromae": made["none"]["flow"]}, observed, resamples=2).scores
    return Evaluation("", made, {"none": scores}, {}, observed)


def test_the_page_holds_each_stations_own_values() -> None:
    held = evaluated(stations=4, days=60)
    made = held.made["none"]
    header, arrays = unpacked(explorer_data(held, places_of(made, None)))
    offset, scale = np.array(header["offset"]), np.array(header["scale"])
    first = np.datetime64("1970-01-01") + header["first_day"]
    assert header["issues"] == made["issue_time"].values.astype("datetime64[D]").astype(int).tolist()
    back = arrays["observed"].astype(float) * scale[:, None] + offset[:, None]
    start = int((np.datetime64("2009-01-01") - first).astype(int))
    assert np.isnan(back[:, :start]).all()
    assert held.observed is not None
    known = held.observed.values.T[:, : back.shape[1] - start]
    assert np.allclose(back[:, start:], known, atol=0.005 * scale.max())
    forecast = arrays["forecast none"].astype(float) * scale[:, None, None] + offset[:, None, None]
    expected = made["flow"].transpose("station", "issue_time", "lead_time").values
    assert np.allclose(forecast, expected, atol=0.005 * scale.max())
    assert header["regimes"][0]["fan"] == [0.05, 0.25, 0.75, 0.95]


def test_persistence_is_scored_as_the_last_observed_value() -> None:
    held = evaluated(stations=3, days=120)
    _, arrays = unpacked(explorer_data(held, None))
    assert held.observed is not None
    issues = held.made["none"]["issue_time"].values
    last = held.observed.sel(time=issues).values
    known = held.observed.sel(time=issues + np.timedelta64(2, "D")).values
    expected = 1 - ((last - known) ** 2).sum(0) / ((known - known.mean(0)) ** 2).sum(0)
    assert np.allclose(arrays["persistence none"][1].astype(float), expected, rtol=2e-3)


def test_the_page_holds_rain_levels_and_the_scores_of_each_model() -> None:
    held = evaluated(stations=4, days=200)
    made, observed = held.made["none"], held.observed
    assert observed is not None
    names = np.array(["2-year flood", "2-year drought", "below Q95"], dtype=object)
    levels = np.arange(12.0).reshape(3, 4)
    made["flow_threshold"] = (("event", "station"), levels)
    compared = compare({"hydromae": made["flow"], "ridge": 0.5 * made["flow"]}, observed, min_pairs=10, resamples=2)
    rain = (7 * observed).assign_attrs(units="mm/d")
    rain[3, 1], rain[:, 2] = np.nan, 0.0
    whole = {"none": made.assign_coords(event=names)}
    header, arrays = unpacked(
        explorer_data(Evaluation("", whole, {}, {"none": compared.stations}, observed, rain), None)
    )
    assert header["levels"] == {"2-year flood": [0, 1, 2, 3], "below Q95": [8, 9, 10, 11]}
    assert header["rain"]["units"] == "mm/d"
    first = int((np.datetime64("2009-01-01") - np.datetime64("1970-01-01")).astype(int)) - header["first_day"]
    back = arrays["rain"].astype(float) * np.array(header["rain"]["scale"])[:, None]
    known = rain.values.T[:, : back.shape[1] - first]
    assert np.isnan(back[:, :first]).all() and np.isnan(back[1, first + 3]) and (back[2, first:] == 0).all()
    assert np.allclose(back[:, first:], known, rtol=0.01, equal_nan=True)
    (regime,) = header["regimes"]
    assert regime["models"] == ["hydromae", "ridge"]
    assert [score["key"] for score in regime["beside"]] == ["nse", "kge", "rmse", "percent_bias"]
    expected = compared.stations["rmse_of_models"].transpose("model", "lead_time", "station")
    assert np.allclose(arrays["models none"][2].astype(float), expected, rtol=2e-3)
    assert "persistence none" not in arrays


def test_604_stations_of_120_days_with_30_maps_stay_far_below_six_megabytes() -> None:
    rng = np.random.default_rng(2)
    observed = make_observed(604, 120)
    made = {regime: made_from(observed, 0.5, quantiles=True) for regime in ("none", "perfect")}
    scores = compare({"hydromae": made["none"]["flow"]}, observed, resamples=2).scores
    one = compare({"hydromae": made["none"]["flow"]}, observed, min_pairs=10, resamples=2).stations
    compared = xr.concat([one + 0.01 * share for share in range(6)], "model")
    beside = dict.fromkeys(made, compared.assign_coords(model=list("abcdef")))
    held = Evaluation("", made, dict.fromkeys(made, scores), beside, observed, observed)
    size = len(explorer_data(held, places_of(made["none"], None)))
    land = rng.random((290, 180)) < 0.18
    rain = np.where(land, rng.gamma(0.5, 4.0, (30, 290, 180)), np.nan).astype(np.float32)
    grids = {
        "rain": (("time", "y", "x"), rain),
        "rain_reconstructed": (("time", "y", "x"), rain * 0.9),
        "rain_state": (("time", "y", "x"), np.where(rng.random(rain.shape) < 0.4, 1, 0).astype(np.int8)),
    }
    days = np.datetime64("2009-01-01", "ns") + np.arange(30) * np.timedelta64(1, "D")
    maps = day_maps_data(xr.Dataset(grids, {"time": days}), ["rain"], str, str)
    assert maps is not None
    # Noise compresses less than any river and any rain.
    assert size + len(maps) < 4.5 * MEGABYTE


def test_a_long_record_is_thinned_to_what_a_page_can_carry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explorer, "OBSERVED_VALUES", 4 * 120)
    monkeypatch.setattr(explorer, "FORECAST_VALUES", 4 * 7 * 5 * 10)
    held = evaluated(stations=4, days=365)
    header, arrays = unpacked(explorer_data(held, None))
    assert header["all_issues"] == held.made["none"].sizes["issue_time"] > len(header["issues"]) == 10
    assert arrays["observed"].shape[1] <= 121
    assert header["issues"][0] - header["first_day"] >= explorer.BEFORE
    assert header["issues"][-1] == int(held.made["none"]["issue_time"].values[-1].astype("datetime64[D]").astype(int))


def test_maps_hold_rows_from_the_north_and_only_hidden_estimates() -> None:
    values = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
    state = np.zeros(values.shape, np.int8)
    state[:, 0, 1] = 1
    parts = {"t": values, "t_reconstructed": values + 1, "t_state": state}
    dataset = xr.Dataset(
        {name: (("time", "y", "x"), part) for name, part in parts.items()},
        {"time": np.array(["2009-01-01", "2009-01-02"], "datetime64[ns]"), "y": [0.0, 1, 2, 3], "x": [0.0, 1, 2]},
    )
    packed = day_maps_data(dataset, ["t"], str, str)
    assert packed is not None
    header, arrays = unpacked(packed)
    (grid,) = header["grids"]
    assert grid["y"] == [3, 2, 1, 0] and grid["days"] == ["2009-01-01", "2009-01-02"]
    back = arrays["t observed"].astype(float) * grid["scale"] + grid["offset"]
    assert np.allclose(back, values[:, ::-1], atol=0.1)
    filled = arrays["t reconstructed"].astype(float) * grid["scale"] + grid["offset"]
    assert np.isfinite(filled).sum() == 2 and np.allclose(filled[:, 3, 1], values[:, 0, 1] + 1, atol=0.1)
    assert np.array_equal(arrays["t hidden"], state[:, ::-1])


def test_stations_without_coordinates_have_no_map() -> None:
    made = made_from(make_observed(4, 60), 0.5, quantiles=False)
    assert places_of(made.drop_vars("latitude"), None) is None
    placed = places_of(made, None)
    assert isinstance(placed, Places) and placed.land is None and np.array_equal(placed.y, made["latitude"])
