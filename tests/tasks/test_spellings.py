"""A trained model finds its stations in other data, in weather files, folds and lists, however they are spelled."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import ConfigError, DataError
from hydromae.config.read import build_config
from hydromae.folds.folds import Folds
from hydromae.prediction.choices import chosen_stations
from hydromae.prediction.predictor import Predictor
from hydromae.results.export import export
from hydromae.runs.directory import RunDirectory
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.tasks.evaluate_ungauged import _held_out
from hydromae.tasks.forecast import forecast
from hydromae.tasks.weather import open_weather
from support.series_run import series_run, series_world
from support.small import small_config
from support.sources import FIRST
from support.untrained import ALL, untrained_run

ORDER = ("9002", "101", "39001", "27003")
ISSUE = np.datetime64(FIRST) + np.timedelta64(150, "D")


def padded_store(root: Path) -> Store:
    """The series world with ids of eight digits in its attributes, so in its store."""
    world = series_world(root)
    frame = pd.read_csv(world.root / "attributes.csv")
    frame.assign(id=frame["id"].map("{:08d}".format)).to_csv(world.root / "attributes.csv", index=False)
    config = small_config(world, root / "run", data=world.raw["data"], model={"series_patch_size": 1})
    return prepare(config)


@pytest.fixture(scope="module")
def padded(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return padded_store(tmp_path_factory.mktemp("padded"))


def station_scaled(raw: dict[str, Any]) -> dict[str, Any]:
    return {**raw, "scaling_per": "station"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return series_run(tmp_path_factory.mktemp("run"), change_flow=station_scaled, exclude_stations=["27003"])


def test_scalers_and_forecasts_are_those_of_the_same_stations(run: RunDirectory, padded: Store) -> None:
    assert padded.station_ids == tuple(f"{int(i):08d}" for i in ORDER)
    own, other = Predictor(run.path), Predictor(run.path, padded)
    known = [ORDER.index(station) for station in own.stations]
    for part in ("mean", "std", "factor"):
        mine, theirs = (getattr(one.data.scalers["riverflow"], part) for one in (own, other))
        np.testing.assert_array_equal(np.array(theirs)[known], mine)


def test_a_run_that_sees_all_stations_at_once_gives_the_same_forecast(prepared: Any, tmp_path: Path) -> None:
    world, store = prepared
    path = untrained_run(world, store, tmp_path / "run", **ALL).path
    raw = {**world.raw, "data": {**world.raw["data"], "store": str(tmp_path / "padded"), "root": str(world.root)}}
    frame = pd.read_csv(world.root / "attributes.csv")
    frame.assign(id=frame["id"].map("{:08d}".format)).to_csv(tmp_path / "padded.csv", index=False)
    raw["data"]["attributes"] = {**raw["data"]["attributes"], "path": str(tmp_path / "padded.csv")}
    other = prepare(build_config(raw))
    one, two = (forecast(path, [ISSUE], data=data, horizon=3) for data in (None, other))
    assert two["station"].values.tolist() == [f"{int(i):08d}" for i in one["station"].values]
    np.testing.assert_array_equal(two["riverflow"].values, one["riverflow"].values)
    chosen = forecast(path, [ISSUE], data=other, horizon=3, stations=["39001", "0101.0"])
    assert chosen["station"].values.tolist() == ["00039001", "00000101"]
    np.testing.assert_array_equal(chosen["riverflow"].values, one["riverflow"].sel(station=["39001", "101"]).values)


def weather_file(path: Path, ids: list[Any], values: np.ndarray) -> Path:
    coords = {"time": (ISSUE + np.arange(1, 5)).astype("datetime64[ns]"), "station": np.array(ids)}
    weather = xr.DataArray(values, coords, ("time", "station"), "evap", {"units": "mm/d"}).to_dataset()
    if path.suffix == ".nc":
        weather.to_netcdf(path, engine="h5netcdf")
    else:
        weather.to_zarr(path, consolidated=False)
    return path


def opened(predictor: Predictor, path: Path) -> xr.DataArray:
    known = predictor.model.shapes, ["riverflow"], predictor.data, predictor.config.data
    return open_weather(path, *known).series["evap"]


@pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")
@pytest.mark.parametrize(
    "spell",
    [int, float, lambda i: i.encode(), lambda i: f"{int(i):08d}", lambda i: f"{i}.0", lambda i: f" {i}"],
    ids=["int", "float", "bytes", "zeros", "point", "blank"],
)
@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_weather_files_name_stations_in_any_spelling(
    run: RunDirectory, padded: Store, tmp_path: Path, spell: Any, suffix: str
) -> None:
    values = np.random.default_rng(0).uniform(0, 4, (4, 4)).astype(np.float32)
    path = weather_file(tmp_path / f"w{suffix}", [spell(i) for i in reversed(ORDER)], values)
    for predictor in (Predictor(run.path), Predictor(run.path, padded)):
        columns = [3 - ORDER.index(str(int(station))) for station in predictor.stations]
        np.testing.assert_array_equal(opened(predictor, path).values, values[:, columns])


def test_a_weather_file_with_a_station_under_two_spellings_is_refused(run: RunDirectory, tmp_path: Path) -> None:
    path = weather_file(tmp_path / "w.nc", ["39001", "039001"], np.ones((4, 2)))
    with pytest.raises(DataError, match=r"w\.nc: evap: has the stations 39001 and 039001, which may be one"):
        opened(Predictor(run.path), path)


@pytest.mark.parametrize("wanted", [["1013500"], ["01013500.0"], [" 1013500 "], ["1013500", "01013500"]])
def test_a_station_is_chosen_by_any_spelling(wanted: list[str]) -> None:
    assert chosen_stations(["7", "01013500"], wanted) == [1]
    with pytest.raises(DataError, match="station 1013501 is not among"):
        chosen_stations(["7", "01013500"], ["1013501"])


def test_a_station_is_exported_by_any_spelling(padded: Store, tmp_path: Path) -> None:
    export(padded, tmp_path / "a.csv", stations=["39001", "101.0"])
    table = pd.read_csv(tmp_path / "a.csv", dtype={"ID": str})
    assert set(table["ID"]) == {"00039001", "00000101"}


def test_ungauged_stations_are_those_that_no_run_knew_by_any_spelling(
    run: RunDirectory, padded: Store, tmp_path: Path
) -> None:
    predictors = [Predictor(run.path, padded)]
    assert _held_out(predictors, None, None, 0) == ["00027003"]
    assert _held_out(predictors, ["27003.0"], None, 0) == ["00027003"]
    with pytest.raises(ConfigError, match="was trained on station 00039001, so it is not ungauged"):
        _held_out(predictors, ["39001"], None, 0)
    numbers = {"latitude": 50.0, "longitude": 0.0, "cluster": 0, "nearest_training_km": 1.0}
    rows = [
        {"station": station, "fold": fold, "nearest_training_station": "9002.0", **numbers}
        for fold, station in enumerate(("9002.0", "27003.0"))
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "folds.csv", index=False)
    assert Folds.read(tmp_path / "folds.csv").held_out(1) == ["27003"]
    assert _held_out(predictors, None, tmp_path / "folds.csv", 1) == ["00027003"]
