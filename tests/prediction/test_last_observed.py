"""A forecast says how old its newest observation is, and which stations it has nothing of."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.tasks.forecast import forecast
from support.series_run import series_world
from support.sources import FIRST, World
from support.untrained import ALL, untrained_run

HORIZON = 3
IDS = ["39001", "9002", "27003", "101"]


def days(*positions: int) -> list[object]:
    return [FIRST + timedelta(days=position) for position in positions]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Windows of 28 days. 9002 is never observed before day 120, 27003 not from day 100 to 159, 101 not on day 150."""
    world = series_world(tmp_path_factory.mktemp("world"))
    world.raw["model"] = {}
    flow = world.series["riverflow"]
    flow[:] = np.abs(np.nan_to_num(flow, nan=1.0))
    flow[:120, 1] = np.nan
    flow[100:160, 2] = np.nan
    flow[150, 3] = np.nan
    world.write_series()
    masking = {"strategies": {"forecast": 1}}
    model = {"series_patch_size": 1}
    data = {"window": 28, "exclude_dates": ["2001-07-10"]}  # day 190
    output = tmp_path_factory.mktemp("run") / "run"
    return untrained_run(world, prepare(world.config()), output, masking=masking, model=model, data=data).path


def test_days_since_observed_are_counted_to_the_issue_time(run: Path) -> None:
    found = forecast(run, days(110, 150, 190), horizon=HORIZON)["days_since_observed"]
    assert found.dims == ("issue_time", "station")
    expected = pd.DataFrame([[0, np.nan, 11, 0], [0, 0, 51, 1], [1, 1, 1, 1]], columns=IDS)
    np.testing.assert_array_equal(found.sel(station=IDS), expected)


@pytest.mark.parametrize("suffix", [".nc", ".zarr", ".csv", ".parquet"])
def test_every_format_has_the_days_since_observed(run: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    forecast(run, days(110, 150), path, horizon=HORIZON)
    if suffix in (".nc", ".zarr"):
        how = {"engine": "h5netcdf"} if suffix == ".nc" else {"engine": "zarr", "consolidated": False}
        with xr.open_dataset(path, decode_timedelta=None, **how) as file:  # as a user opens it
            found = file["days_since_observed"].sel(station=IDS)
            assert found.dtype == np.float32 and found.attrs["units"] == "d"
            np.testing.assert_array_equal(found, [[0, np.nan, 11, 0], [0, 0, 51, 1]])
        return
    table = pd.read_csv(path, dtype={"station": str}) if suffix == ".csv" else pd.read_parquet(path)
    assert len(table) == 2 * HORIZON * 4
    for _, rows in table.groupby(["issue_time", "station"]):
        assert rows["days_since_observed"].nunique(dropna=False) == 1
    last = table[table["lead_time"] == HORIZON].set_index(["station"])["days_since_observed"]
    np.testing.assert_array_equal(last["27003"], [11, 51])
    np.testing.assert_array_equal(last["9002"], [np.nan, 0])


def test_forecasts_without_any_flow_in_sight_are_warned_of(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    forecast(run, days(110, 150), horizon=HORIZON)
    said = next(record.getMessage() for record in caplog.records if "no riverflow was observed" in record.getMessage())
    assert said.startswith("2 of 8 forecasts") and "in the 25 days" in said
    assert "from 2001-04-21 on" in said and "stations 9002, 27003" in said
    caplog.clear()
    forecast(run, days(180), horizon=HORIZON)
    assert "observed" not in caplog.text


def test_a_station_that_falls_away_is_named(
    prepared: tuple[World, Store], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world, store = prepared
    path = untrained_run(world, store, tmp_path / "run", **ALL).path
    root, before = tmp_path / "fewer", world.raw["data"]
    fewer = prepare(world.config("data.exclude_stations=[9002]", f"data.store={root}"))
    assert before["store"] != str(root)
    made = forecast(path, days(150), data=fewer, horizon=HORIZON)
    expected = f"{fewer.path}: station 9002 of the run is not in the data, so nothing is predicted there"
    assert made.attrs["stations_left_out"] == expected and expected in caplog.text
    caplog.clear()
    few = untrained_run(world, fewer, tmp_path / "few", **ALL).path
    made = forecast(few, days(150), data=store, horizon=HORIZON)
    assert "station 9002 of the data is not known to the run" in made.attrs["stations_left_out"]
    assert made.attrs["stations_left_out"] in caplog.text
    caplog.clear()
    assert forecast(path, days(150), horizon=HORIZON).attrs["stations_left_out"] == "none"
    assert "nothing is predicted there" not in caplog.text


def test_perfect_weather_that_ends_before_the_horizon_is_warned_of(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    forecast(run, days(195, 198), horizon=HORIZON, forcing="perfect")
    assert "the data end on 2001-07-19, so that 1 of 2 forecasts lack" in caplog.text
    caplog.clear()
    forecast(run, days(196), horizon=HORIZON, forcing="perfect")
    assert "lack" not in caplog.text
