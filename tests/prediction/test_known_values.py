"""What means missing, and what is possible, holds for every value that a run is shown, by whatever door."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from hydromae.base.errors import ConfigError, DataError
from hydromae.prediction.predictor import Predictor
from hydromae.runs.directory import RunDirectory
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.tasks.forecast import forecast
from hydromae.tasks.infill import infill
from support.series_run import series_world
from support.sources import FIRST, World
from support.untrained import untrained_run

ISSUE, HORIZON = 150, 4
CODES = [-99999.0, 1e20, -999.0]
ONE: dict[str, Any] = {"model": {"series_patch_size": 1, "series_patch_days": 1}}


def store_of(root: Path, change: Callable[[World], None] = lambda world: None, **data: Any) -> tuple[World, Store]:
    """A series world prepared under `root`; `change` is done to its values and settings before."""
    world = series_world(root, **data)
    world.raw["model"] = {}
    change(world)
    world.write_series()
    return world, prepare(world.config())


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run to whose data -999 means missing, and -1 mm/d is the least evaporation."""

    def limit(world: World) -> None:
        evap = world.raw["data"]["modalities"]["evap"]
        world.raw["data"]["modalities"]["evap"] = {**evap, "minimum": -1.0}

    world, store = store_of(tmp_path_factory.mktemp("knowing"), limit, missing_values=CODES)
    return untrained_run(world, store, tmp_path_factory.mktemp("run") / "run", **ONE)


def written(path: Path, values: np.ndarray, by_issue: bool, fill: float | None = None) -> Path:
    """Evaporation [lead, station] after the issue time, over time or over issue and lead time."""
    day = np.datetime64(FIRST, "D") + np.timedelta64(ISSUE, "D")
    stations = ["39001", "9002", "27003", "101"]
    if by_issue:
        dims, given = ("issue_time", "lead_time", "station"), values[None]
        coordinates = {"issue_time": [day.astype("datetime64[ns]")], "lead_time": np.arange(1, HORIZON + 1)}
    else:
        dims, given = ("time", "station"), values
        coordinates = {"time": (day + np.arange(1, HORIZON + 1)).astype("datetime64[ns]")}
    made = xr.DataArray(given, dims=dims, coords={**coordinates, "station": stations}, attrs={"units": "mm/d"})
    made.to_dataset(name="evap").to_netcdf(path, engine="h5netcdf", encoding={"evap": {"_FillValue": fill}})
    return path


@pytest.mark.parametrize(
    ("by_issue", "code", "dtype"),
    [(False, -99999, np.float64), (True, -999, np.float64), (True, -99999, np.int32), (False, 1e20, np.float64)],
)
def test_a_missing_code_in_a_file_of_weather_is_missing(
    knowing: RunDirectory, tmp_path: Path, by_issue: bool, code: float, dtype: type
) -> None:
    weather = np.arange(HORIZON * 4, dtype=float).reshape(HORIZON, 4)
    coded, missing = weather.copy(), weather.copy()
    coded[1, 2], missing[1, 2] = code, np.nan
    one = written(tmp_path / "coded.nc", coded.astype(dtype), by_issue)
    two = written(tmp_path / "nan.nc", missing, by_issue, np.nan)
    three = written(tmp_path / "zero.nc", np.nan_to_num(missing), by_issue)
    issue = [FIRST + timedelta(days=ISSUE)]
    found = [forecast(knowing.path, issue, horizon=HORIZON, forcing=path)["riverflow"].values for path in (one, two)]
    assert found[0].tobytes() == found[1].tobytes()
    as_zero = forecast(knowing.path, issue, horizon=HORIZON, forcing=three)["riverflow"].values
    assert not np.array_equal(found[0], as_zero)  # the weather of that day counts


def spoil(world: World, value: float) -> None:
    world.series["evap"][ISSUE - 1, 1] = value


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Store]:
    """Data by a configuration that does not know -999, and the same with NaN there."""
    made = [
        store_of(tmp_path_factory.mktemp("coded"), lambda world, value=value: spoil(world, value))[1]
        for value in (-999.0, np.nan)
    ]
    assert made[0].read("evap", slice(ISSUE - 1, ISSUE))[0, made[0].station_ids.index("9002")] == -999
    return made[0], made[1]


def test_a_code_that_another_configuration_left_in_its_store_is_missing_to_the_run(
    knowing: RunDirectory, coded: tuple[Store, Store], tmp_path: Path
) -> None:
    read = [Predictor(knowing.path, store).read(ISSUE - 5, 10) for store in coded]
    torch.testing.assert_close(read[0]["evap"], read[1]["evap"], equal_nan=True, rtol=0, atol=0)
    issue = [FIRST + timedelta(days=ISSUE)]
    made = [forecast(knowing.path, issue, data=store, horizon=HORIZON)["riverflow"].values for store in coded]
    assert made[0].tobytes() == made[1].tobytes()
    day = slice("2001-05-25", "2001-06-05")
    period = (date(2001, 5, 25), date(2001, 6, 5))
    filled = [infill(knowing.path, tmp_path / f"{i}.nc", data=store, period=period) for i, store in enumerate(coded)]
    for file in filled:
        assert file["evap_flag"].sel(station="9002", time="2001-05-30").item() == 1
    assert filled[0]["evap"].sel(time=day).values.tobytes() == filled[1]["evap"].sel(time=day).values.tobytes()
    for file in filled:
        file.close()


def test_a_value_beyond_the_limits_of_the_run_is_named(knowing: RunDirectory, tmp_path: Path) -> None:
    store = store_of(tmp_path, lambda world: spoil(world, -5.0))[1]
    with pytest.raises(DataError, match=r"evap of station 9002 on 2001-05-30 is -5 mm/d, below .* \(-1\)") as found:
        forecast(knowing.path, [FIRST + timedelta(days=ISSUE)], data=store, horizon=HORIZON)
    # Its remedies, to the letter.
    assert "among data.missing_values" in str(found.value) and "data.modalities.evap.exclude_dates" in str(found.value)

    def exclude(world: World) -> None:
        spoil(world, -5.0)
        evap = world.raw["data"]["modalities"]["evap"]
        world.raw["data"]["modalities"]["evap"] = {**evap, "exclude_dates": ["2001-05-30"]}

    for name, mended in (
        ("codes", store_of(tmp_path / "codes", lambda world: spoil(world, -5.0), missing_values=[-5.0])[1]),
        ("days", store_of(tmp_path / "days", exclude)[1]),
    ):
        made = forecast(knowing.path, [FIRST + timedelta(days=ISSUE)], data=mended, horizon=HORIZON)
        assert np.isfinite(made["riverflow"]).all(), name


def test_rounded_values_that_hide_the_codes_of_the_run_are_refused(knowing: RunDirectory, tmp_path: Path) -> None:
    store = store_of(tmp_path / "one", storage="float16")[1]
    with pytest.raises(ConfigError, match=r"holds evap as rounded numbers \(float16\)") as found:
        Predictor(knowing.path, store)
    overrides = str(found.value).split("prepare it anew with ")[1]
    # The remedy, to the letter.
    assert overrides == "data.missing_values=[-99999,1e+20,-999] data.modalities.evap.minimum=-1 " + (
        "data.modalities.evap.maximum=50"
    )
    world = series_world(tmp_path / "two", storage="float16")
    world.raw["model"] = {}
    Predictor(knowing.path, prepare(world.config(*overrides.split(" "))))


def test_the_runs_own_store_is_read_as_it_is(knowing: RunDirectory) -> None:
    predictor = Predictor(knowing.path)
    assert not any(predictor.data._known.concerns(name) for name in predictor.store.names)
