"""An ensemble of weather gives an ensemble of flows, and the chances of floods and low flows."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.evaluation.extreme_probability import probability_of
from hydromae.evaluation.extremes import floods, low_flows
from hydromae.evaluation.mixture import mixture_quantiles
from hydromae.results.write import write_result
from hydromae.tasks.forecast import forecast
from hydromae.tasks.loaded import Loaded, load
from support.gauges import AREAS, gauges
from support.untrained import ONE, untrained_run


def weather(members: int, seed: int = 5) -> pd.DataFrame:
    """Rain and temperature of the week after, of each member and station."""
    random = np.random.default_rng(seed)
    days = pd.date_range("2012-10-01", periods=7)
    rows = [(day, station, member) for day in days for station in AREAS.index for member in range(1, members + 1)]
    made = pd.DataFrame(rows, columns=["date", "station", "member"])
    return made.assign(precip=random.gamma(0.5, 12.0, len(made)), temp=random.normal(10, 3, len(made)))


@pytest.fixture(scope="module")
def model() -> Loaded:
    return load("gb")


def ahead(model: Loaded, path: Path, frame: pd.DataFrame) -> xr.Dataset:
    frame.to_csv(path, index=False)
    return model.forecast(gauges(200), attributes=AREAS, forcing=str(path))


def assert_equal(one: xr.Dataset, other: xr.Dataset) -> None:
    assert set(one) == set(other)
    for name in one:
        np.testing.assert_array_equal(one[name].values, other[name].values, err_msg=str(name))


def test_members_are_single_forecasts_that_are_joined(model: Loaded, tmp_path: Path) -> None:
    members = weather(3)
    made = ahead(model, tmp_path / "all.csv", members)
    assert made["riverflow_members"].dims == ("issue_time", "lead_time", "member", "station")
    assert made["member"].values.tolist() == ["1", "2", "3"]
    each = [
        ahead(model, tmp_path / f"{member}.csv", members[members["member"] == member].drop(columns="member"))
        for member in (1, 2, 3)
    ]
    for place, single in enumerate(each):
        np.testing.assert_array_equal(made["riverflow_members"][:, :, place], single["riverflow"])
    mean = np.mean([single["riverflow"].values.astype(np.float64) for single in each], 0)
    np.testing.assert_allclose(made["riverflow"], mean, rtol=1e-6)
    spread = np.stack([single["riverflow_quantiles"].values for single in each])
    np.testing.assert_array_equal(
        made["riverflow_quantiles"], mixture_quantiles(spread, made["quantile"].values.tolist())
    )


def test_one_member_is_the_forecast_of_that_weather_exactly(model: Loaded, tmp_path: Path) -> None:
    only = weather(1)
    plain = ahead(model, tmp_path / "plain.csv", only.drop(columns="member"))
    assert "riverflow_members" not in plain
    assert_equal(ahead(model, tmp_path / "one.csv", only), plain)
    doubled = pd.concat([only, only.assign(member=2)])
    assert_equal(ahead(model, tmp_path / "two.csv", doubled).drop_vars("riverflow_members"), plain)


def test_a_table_of_what_was_observed_is_observed_weather_and_evaporation_follows_from_it(
    model: Loaded, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frame = gauges(200)
    known = frame.assign(riverflow=frame["riverflow"].where(frame.index <= "2012-09-23"))
    table = frame[frame.index > "2012-09-23"].reset_index()[["date", "station", "precip", "temp"]]
    table.to_parquet(tmp_path / "w.parquet", index=False)
    perfect = model.forecast(known, attributes=AREAS, forcing="perfect")
    made = model.forecast(known, attributes=AREAS, forcing=str(tmp_path / "w.parquet"))
    assert_equal(made, perfect)
    assert "its future stays hidden" not in caplog.text


def test_a_member_without_weather_at_a_station_does_not_count_there(model: Loaded, tmp_path: Path) -> None:
    three = weather(3)
    fewer = three[~((three["member"] == 2) & (three["station"] == "12"))]
    made = ahead(model, tmp_path / "fewer.csv", fewer)
    assert np.isnan(made["riverflow_members"].sel(member="2", station="12")).all()
    of_two = ahead(model, tmp_path / "two.csv", three[three["member"] != 2])
    of_all = ahead(model, tmp_path / "all.csv", three)
    for name in ("riverflow", "riverflow_quantiles"):
        np.testing.assert_array_equal(made[name].sel(station="12"), of_two[name].sel(station="12"))
        np.testing.assert_array_equal(made[name].sel(station="7"), of_all[name].sel(station="7"))


def test_floods_and_low_flows_have_thresholds_of_the_record_and_probabilities(model: Loaded, tmp_path: Path) -> None:
    # 12 water years at one station; the other has but three.
    long = gauges(4400)
    frame = long[(long["station"] == "7") | (long.index > "2009-09-30")]
    members = weather(2)
    members.to_csv(tmp_path / "w.csv", index=False)
    made = model.forecast(frame, attributes=AREAS, forcing=str(tmp_path / "w.csv"))
    record = frame.set_index("station", append=True)["riverflow"].to_xarray().rename(date="time").astype(np.float32)
    record = record.sel(station=made["station"].values)
    events = [*floods(record), *low_flows(record, exceeded=(0.95,))]
    assert made["event"].values.tolist() == ["2-year flood", "5-year flood", "10-year flood", "below Q95"]
    place = {station: i for i, station in enumerate(made["station"].values)}
    forecasts = []
    for member in (1, 2):
        members[members["member"] == member].to_csv(tmp_path / "m.csv", index=False)
        forecasts.append(model.forecast(frame, attributes=AREAS, forcing=str(tmp_path / "m.csv")))
    for i, event in enumerate(events):
        np.testing.assert_allclose(made["riverflow_threshold"][i], event.threshold[0], rtol=1e-6)
        singles = []
        for single in forecasts:
            own = probability_of(event, single["riverflow_quantiles"], record, np.arange(1, 8))
            np.testing.assert_array_equal(single["riverflow_probability"][..., i], own)
            singles.append(own)
        np.testing.assert_allclose(made["riverflow_probability"][..., i], np.mean(singles, 0), atol=1e-6)
    assert np.isfinite(made["riverflow_probability"][..., place["7"], :]).all()
    assert np.isnan(made["riverflow_probability"][..., place["12"], :3]).all()
    assert np.isfinite(made["riverflow_probability"][..., place["12"], 3]).all()  # three years are enough for Q95
    said = made["riverflow_threshold"].attrs["comment"]
    assert "no flood level at 1 of 2 stations, since it needs 10 water years" in said and "no Q95" not in said
    write_result(made, tmp_path / "f.csv")
    table = pd.read_csv(tmp_path / "f.csv", dtype={"station": str})
    assert len(table) == 2 * 7
    row = table[(table["station"] == "7") & (table["lead_time"] == 3)].iloc[0]
    at = made.isel(issue_time=0).sel(station="7", lead_time=3)
    for column, value in (
        ("riverflow_probability_below_Q95", at["riverflow_probability"][3]),
        ("riverflow_threshold_2-year_flood", at["riverflow_threshold"][0]),
        ("riverflow_member_2", at["riverflow_members"].sel(member="2")),
    ):
        assert row[column] == pytest.approx(float(value), rel=1e-5)


def test_a_forecast_without_quantiles_gives_no_probability(prepared, tmp_path: Path) -> None:
    sections = {**ONE, "model": {**ONE["model"], "quantiles": []}}
    run = untrained_run(*prepared, tmp_path / "run", **sections)
    made = forecast(run.path, horizon=4)
    assert not [name for name in made if str(name).endswith(("_threshold", "_probability", "_quantiles"))]
    assert made.attrs["thresholds"] == "none"
