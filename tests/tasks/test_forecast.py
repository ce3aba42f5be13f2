import csv
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import ConfigError, DataError
from hydromae.runs.directory import RunDirectory
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.tasks.forecast import forecast, issue_days
from support.other_values import OtherValues
from support.series_run import move_weights
from support.sources import FIRST, World, make_world
from support.untrained import ALL, ONE, untrained_run

ISSUE = 150  # days since the first one
HORIZON = 4


@pytest.fixture(scope="module", params=["all stations", "one station"])
def run(request: pytest.FixtureRequest, prepared: tuple[World, Store], tmp_path_factory: pytest.TempPathFactory):
    sections = {"all stations": ALL, "one station": ONE}[request.param]
    return untrained_run(*prepared, tmp_path_factory.mktemp("forecast") / "run", **sections)


def day(position: int) -> date:
    return FIRST + timedelta(days=position)


def issue(offset: int = 0) -> date:
    return day(ISSUE + offset)


def changed(store: Store, names: list[str], first: int, stop: int | None = None) -> Store:
    """The store with garbage in some days of some modalities."""
    random, made = np.random.default_rng(1), {}
    for name in store.names:
        values = np.array(store.values(name))
        if name in names:
            part = values[first:stop]
            part[...] = np.where(random.random(part.shape) < 0.2, np.nan, random.uniform(0, 1e6, part.shape))
        made[name] = values
    return OtherValues(store, made)


def same(one: xr.Dataset, other: xr.Dataset) -> bool:
    return all(one[name].values.tobytes() == other[name].values.tobytes() for name in one.data_vars)


def test_a_forecast_has_a_value_for_every_issue_lead_and_station(run: RunDirectory, prepared: tuple[World, Store]):
    store = prepared[1]
    made = forecast(run.path, [issue(), issue(5)], horizon=HORIZON)
    assert made["riverflow"].dims == ("issue_time", "lead_time", "station")
    assert made["riverflow"].shape == (2, HORIZON, 4) and np.isfinite(made["riverflow"]).all()
    assert made["station"].values.tolist() == list(store.station_ids)
    assert made["lead_time"].values.tolist() == [1, 2, 3, 4]
    np.testing.assert_array_equal(
        made["valid_time"].values.astype("datetime64[D]")[1], store.days[ISSUE + 5] + np.arange(1, 5)
    )
    assert made["riverflow"].attrs["units"] == "m3/s" and (made["riverflow"] >= 0).all()


def test_quantiles_rise_with_their_level(run: RunDirectory):
    made = forecast(run.path, [issue()], horizon=HORIZON)["riverflow_quantiles"]
    assert made.dims == ("issue_time", "lead_time", "station", "quantile") and np.isfinite(made).all()
    assert (made.diff("quantile") >= 0).all()


def test_flow_is_also_given_over_the_catchments_area(run: RunDirectory, prepared: tuple[World, Store]):
    made = forecast(run.path, [issue()], horizon=HORIZON)
    areas = prepared[1].areas
    assert made["riverflow_specific"].attrs["units"] == "mm/d"
    np.testing.assert_allclose(made["riverflow_specific"], made["riverflow"] * 86.4 / areas, rtol=1e-6)


@pytest.mark.parametrize("forcing", ["none", "perfect"])
def test_flow_after_the_issue_time_changes_nothing(
    run: RunDirectory, prepared: tuple[World, Store], tmp_path: Path, forcing: str
):
    garbage = changed(prepared[1], ["riverflow"], ISSUE + 1)
    made = [forecast(run.path, [issue()], data=data, horizon=HORIZON, forcing=forcing) for data in (None, garbage)]
    assert same(*made)


def test_without_weather_nothing_after_the_issue_time_changes_anything(
    run: RunDirectory, prepared: tuple[World, Store], tmp_path: Path
):
    garbage = changed(prepared[1], list(prepared[1].names), ISSUE + 1)
    assert same(*(forecast(run.path, [issue()], data=data, horizon=HORIZON) for data in (None, garbage)))


def test_with_perfect_weather_the_weather_of_the_horizon_counts_and_none_beyond(
    run: RunDirectory, prepared: tuple[World, Store], tmp_path: Path
):
    store, weather = prepared[1], ["precip", "soil", "evap"]
    within = changed(store, weather, ISSUE + 1, ISSUE + 1 + HORIZON)
    beyond = changed(store, weather, ISSUE + 1 + HORIZON)
    made, other, after = (
        forecast(run.path, [issue()], data=data, horizon=HORIZON, forcing="perfect") for data in (None, within, beyond)
    )
    assert same(made, after) and not np.allclose(made["riverflow"], other["riverflow"])


def test_what_was_observed_before_counts(run: RunDirectory, prepared: tuple[World, Store], tmp_path: Path):
    for name in prepared[1].names:
        garbage = changed(prepared[1], [name], ISSUE - 2, ISSUE + 1)
        made = [forecast(run.path, [issue()], data=data, horizon=HORIZON)["riverflow"] for data in (None, garbage)]
        assert not np.array_equal(*made), name


def test_an_issue_time_is_forecast_alike_whatever_others_are(run: RunDirectory):
    alone = forecast(run.path, [issue(3)], horizon=HORIZON)
    among = forecast(run.path, [issue(), issue(3), issue(9)], horizon=HORIZON).sel(issue_time=alone["issue_time"])
    np.testing.assert_allclose(alone["riverflow"], among["riverflow"], rtol=1e-5)


def test_forecasts_of_some_stations_are_those_of_all(run: RunDirectory):
    every = forecast(run.path, [issue()], horizon=HORIZON)["riverflow"]
    some = forecast(run.path, [issue()], horizon=HORIZON, stations=["101", "39001"])["riverflow"]
    assert some["station"].values.tolist() == ["101", "39001"]
    np.testing.assert_allclose(some, every.sel(station=["101", "39001"]), rtol=1e-5)


def test_the_last_day_of_the_data_can_be_the_issue_time(run: RunDirectory, prepared: tuple[World, Store]):
    store = prepared[1]
    made = forecast(run.path, horizon=HORIZON)
    assert made["issue_time"].values.astype("datetime64[D]")[0] == store.days[-1]
    assert np.isfinite(made["riverflow"]).all()


def test_weather_from_a_file_that_holds_what_was_observed_is_perfect_weather(
    prepared: tuple[World, Store], tmp_path: Path
):
    store = prepared[1]
    run = untrained_run(*prepared, tmp_path / "run", **ONE)
    path = tmp_path / "weather.nc"
    evap = xr.DataArray(
        np.array(store.read("evap", slice(ISSUE + 1, ISSUE + 1 + HORIZON))),
        dims=("time", "station"),
        coords={
            "time": (store.days[ISSUE] + np.arange(1, HORIZON + 1)).astype("datetime64[ns]"),
            "station": list(store.station_ids),
        },
        attrs={"units": "mm/d"},
    )
    evap.to_dataset(name="evap").to_netcdf(path, engine="h5netcdf")
    made = {}
    for name in store.names:  # of what was observed, nothing but evaporation after the issue time
        values = np.array(store.values(name))
        if name not in ("evap", "riverflow"):
            values[ISSUE + 1 :] = np.nan
        made[name] = values
    perfect = forecast(run.path, [issue()], data=OtherValues(store, made), horizon=HORIZON, forcing="perfect")
    assert same(forecast(run.path, [issue()], horizon=HORIZON, forcing=path), perfect)
    by_issue = xr.DataArray(
        evap.values[None],
        dims=("issue_time", "lead_time", "station"),
        coords={
            "issue_time": [np.datetime64(str(issue()), "ns")],
            "lead_time": np.arange(1, HORIZON + 1),
            "station": list(store.station_ids),
        },
        attrs={"units": "mm d-1"},
    )
    by_issue.to_dataset(name="evap").to_netcdf(tmp_path / "issues.nc", engine="h5netcdf")
    assert same(forecast(run.path, [issue()], horizon=HORIZON, forcing=tmp_path / "issues.nc"), perfect)
    with pytest.raises(DataError, match=r"issues\.nc: evap has no issue time"):
        forecast(run.path, [issue(1)], horizon=HORIZON, forcing=tmp_path / "issues.nc")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"units": "m/s"}, r"weather\.nc: evap is in m/s, the run's in mm/d"),
        ({"name": "rain"}, r"weather\.nc: has none of the run's weather series evap"),
        ({"dims": ("station", "day")}, r"evap has dimensions station, day"),
    ],
)
def test_a_weather_file_that_does_not_fit_is_refused(
    prepared: tuple[World, Store], tmp_path: Path, changes: dict[str, str], message: str
):
    run = untrained_run(*prepared, tmp_path / "run", **ONE)
    values = xr.DataArray(
        np.ones((4, 3)),
        dims=changes.get("dims", ("station", "time")),
        coords={"station": ["101", "39001", "9002", "27003"]},
        attrs={"units": changes.get("units", "mm/d")},
    )
    if "time" in values.dims:
        values = values.assign_coords(time=np.array([str(day(ISSUE + i)) for i in (1, 2, 3)], "datetime64[ns]"))
    values.to_dataset(name=changes.get("name", "evap")).to_netcdf(tmp_path / "weather.nc", engine="h5netcdf")
    with pytest.raises(DataError, match=message):
        forecast(run.path, [issue()], horizon=HORIZON, forcing=tmp_path / "weather.nc")


def test_several_runs_are_averaged(prepared: tuple[World, Store], tmp_path: Path):
    one = untrained_run(*prepared, tmp_path / "one", **ONE)
    two = untrained_run(*prepared, tmp_path / "two", **{**ONE, "training": {"lr": 0.5}})
    move_weights(two)
    alone = [forecast(path, [issue()], horizon=HORIZON)["riverflow"].values for path in (one.path, two.path)]
    together = forecast([one.path, two.path], [issue()], horizon=HORIZON)["riverflow"].values
    assert not np.allclose(*alone)
    np.testing.assert_allclose(together, np.mean(alone, axis=0), rtol=1e-5)


@pytest.mark.parametrize("suffix", [".nc", ".zarr", ".csv", ".parquet"])
def test_the_file_holds_the_forecast(prepared: tuple[World, Store], tmp_path: Path, suffix: str):
    run = untrained_run(*prepared, tmp_path / "run", **ONE)
    path = tmp_path / f"forecast{suffix}"
    made = forecast(run.path, [issue(), issue(1)], path, horizon=HORIZON)
    if suffix in (".nc", ".zarr"):
        how = {"engine": "h5netcdf"} if suffix == ".nc" else {"engine": "zarr", "consolidated": False}
        opened = xr.open_dataset(path, decode_timedelta=False, **how)
        np.testing.assert_array_equal(opened["riverflow"].values, made["riverflow"].values)
        assert opened["station"].values.tolist() == made["station"].values.tolist()
        assert opened["riverflow"].attrs["units"] == "m3/s" and opened["lead_time"].attrs["units"] == "days"
        opened.close()
        return
    table = pd.read_csv(path, dtype={"station": str}) if suffix == ".csv" else pd.read_parquet(path)
    assert len(table) == 2 * HORIZON * 4 and {"riverflow", "riverflow_specific", "riverflow_q0.9"} <= set(table)
    row = table[(table["station"] == "9002") & (table["lead_time"] == 3)].iloc[0]
    expected = made["riverflow"].sel(station="9002", lead_time=3).values[0]
    np.testing.assert_allclose(float(row["riverflow"]), expected, rtol=1e-5)
    if suffix == ".csv":
        with path.open() as file:
            assert next(csv.reader(file))[:3] == ["issue_time", "lead_time", "station"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"horizon": 0}, "the horizon is 0 days"),
        ({"horizon": 12}, "has windows of 12 days of which 3 at least must be known; ask for 9 days at most"),
        ({"issue_times": [date(1999, 1, 1)]}, "issue time 1999-01-01 is not within the data"),
        ({"issue_times": []}, "no issue time"),
        ({"stations": ["nowhere"]}, "station nowhere is not among those"),
        ({"output": "forecast.docx"}, r"take one of \.nc, \.zarr"),
    ],
)
def test_what_cannot_be_forecast_is_said_before_any_work(
    prepared: tuple[World, Store], tmp_path: Path, arguments: dict[str, object], message: str
):
    run = untrained_run(*prepared, tmp_path / "run", **ONE)
    with pytest.raises((ConfigError, DataError), match=message):
        forecast(run.path, **{"issue_times": [issue()], **arguments})  # type: ignore[arg-type]


def test_a_failed_forecast_leaves_no_file(prepared: tuple[World, Store], tmp_path: Path):
    run = untrained_run(*prepared, tmp_path / "run", **ONE)
    with pytest.raises(ConfigError):
        forecast(run.path, [issue()], tmp_path / "f.nc", horizon=99)
    assert not list(tmp_path.glob("*f.nc*"))


def test_issue_days_are_every_so_many_up_to_the_last() -> None:
    assert issue_days(date(2020, 2, 27), date(2020, 3, 4), 3) == [
        date(2020, 2, 27),
        date(2020, 3, 1),
        date(2020, 3, 4),
    ]
    assert issue_days(date(2020, 2, 27), None, 3) == [date(2020, 2, 27)]
    with pytest.raises(ConfigError, match="end"):
        issue_days(date(2020, 2, 27), date(2020, 2, 26), 1)
    with pytest.raises(ConfigError, match="every 0 days"):
        issue_days(date(2020, 2, 27), None, 0)


def test_runs_on_data_that_begin_on_other_days_see_the_same_days(tmp_path: Path, prepared: tuple[World, Store]):
    world = make_world(tmp_path / "later")
    later = prepare(world.config(f"data.train=[{FIRST + timedelta(days=30)}, {FIRST + timedelta(days=139)}]"))
    assert later.first_day > prepared[1].first_day
    runs = [
        untrained_run(*prepared, tmp_path / "run", **ONE).path,
        untrained_run(world, later, tmp_path / "later_run", **ONE).path,
    ]
    store = prepared[1]
    alone = [forecast(run, [issue()], data=store, horizon=HORIZON)["riverflow"].values for run in runs]
    together = forecast(runs, [issue()], horizon=HORIZON)["riverflow"].values
    np.testing.assert_allclose(together, np.mean(alone, axis=0), rtol=1e-5)


@pytest.mark.parametrize("sections", [ALL, ONE])
def test_stations_that_the_data_lack_are_not_forecast(
    tmp_path: Path, prepared: tuple[World, Store], sections: dict[str, dict[str, object]]
):
    run = untrained_run(*prepared, tmp_path / "run", **sections)
    fewer = prepare(make_world(tmp_path / "fewer").config("data.exclude_stations=[9002]"))
    made = forecast(run.path, [issue()], data=fewer, horizon=HORIZON)
    assert sorted(made["station"].values) == ["101", "27003", "39001"]
    for station in made["station"].values:
        area = fewer.areas[fewer.station_ids.index(station)]
        one = made.sel(station=station)
        np.testing.assert_allclose(one["riverflow_specific"], one["riverflow"] * 86.4 / area, rtol=1e-6)
    with pytest.raises(DataError, match="station 9002 is not among those"):
        forecast(run.path, [issue()], data=fewer, horizon=HORIZON, stations=["9002"])


def test_days_that_are_excluded_are_not_seen(tmp_path: Path, prepared: tuple[World, Store]):
    sections = {**ONE, "data": {**ONE["data"], "exclude_dates": [[str(day(ISSUE - 3)), str(day(ISSUE - 3))]]}}
    run = untrained_run(*prepared, tmp_path / "run", **sections)
    garbage = changed(prepared[1], list(prepared[1].names), ISSUE - 3, ISSUE - 2)
    assert same(*(forecast(run.path, [issue()], data=data, horizon=HORIZON) for data in (None, garbage)))


def test_a_run_of_grids_says_so_before_any_work(tmp_path: Path):
    world = make_world(tmp_path / "grids")
    for name in ("evap", "riverflow"):
        del world.raw["data"]["modalities"][name]
    world.raw["data"].pop("attributes")
    store = prepare(world.config())
    run = untrained_run(world, store, tmp_path / "run")
    with pytest.raises(ConfigError, match="grids are reconstructed, not forecast"):
        forecast(run.path, [issue()], horizon=HORIZON)


def weather_file(path: Path, leads: list[float], units: str, hours: list[int] | None = None) -> Path:
    stations = ["101", "39001", "9002", "27003"]
    if hours is None:
        dims, shape = ("issue_time", "lead_time", "station"), (1, len(leads), 4)
        coordinates = {
            "issue_time": [np.datetime64(str(issue()), "ns")],
            "lead_time": ("lead_time", leads, {"units": units}),
        }
    else:
        dims, shape = ("time", "station"), (len(hours), 4)
        first = np.datetime64(str(day(ISSUE + 1)), "h")
        coordinates = {"time": [(first + np.timedelta64(hour, "h")).astype("datetime64[ns]") for hour in hours]}
    values = np.arange(np.prod(shape), dtype=float).reshape(shape)
    made = xr.DataArray(values, dims=dims, coords={**coordinates, "station": stations}, attrs={"units": "mm/d"})
    made.to_dataset(name="evap").to_netcdf(path, engine="h5netcdf")
    return path


def test_lead_times_in_hours_are_days_by_24(tmp_path: Path, prepared: tuple[World, Store]):
    run = untrained_run(*prepared, tmp_path / "run", **ONE)
    days = weather_file(tmp_path / "days.nc", [1, 2, 3, 4], "days")
    hours = weather_file(tmp_path / "hours.nc", [24, 48, 72, 96], "hours")
    assert same(*(forecast(run.path, [issue()], horizon=HORIZON, forcing=path) for path in (days, hours)))
    other = weather_file(tmp_path / "weeks.nc", [1, 2, 3, 4], "weeks")
    with pytest.raises(DataError, match="lead_time is in weeks"):
        forecast(run.path, [issue()], horizon=HORIZON, forcing=other)


def test_weather_more_often_than_daily_is_refused(tmp_path: Path, prepared: tuple[World, Store]):
    run = untrained_run(*prepared, tmp_path / "run", **ONE)
    path = weather_file(tmp_path / "weather.nc", [], "", hours=[0, 12, 24, 36])
    with pytest.raises(DataError, match="evap has a time more than once; give one value a day and station"):
        forecast(run.path, [issue()], horizon=HORIZON, forcing=path)


def test_a_code_for_missing_weather_is_refused(tmp_path: Path, prepared: tuple[World, Store]):
    run = untrained_run(*prepared, tmp_path / "run", **ONE)
    path = weather_file(tmp_path / "weather.nc", [1, 2, 3, 4], "days")
    with xr.open_dataset(path, engine="h5netcdf", decode_timedelta=False) as opened:
        made = opened.load()
    made["evap"][0, 2, 1] = 9999.0
    made.to_netcdf(tmp_path / "coded.nc", engine="h5netcdf")
    with pytest.raises(
        DataError, match=rf"coded\.nc: evap of station 39001 on {issue(3)} \(issued {issue()}\) is 9999.*as NaN"
    ):
        forecast(run.path, [issue()], horizon=HORIZON, forcing=tmp_path / "coded.nc")
