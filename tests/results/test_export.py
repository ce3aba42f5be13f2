import shutil
import warnings
from pathlib import Path
from typing import Any

import h5netcdf
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import ConfigError, DataError
from hydromae.config.read import build_config
from hydromae.readers.detect import READERS
from hydromae.results.export import export
from hydromae.results.write import write_result
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.store.view import open_store
from support.sources import World

ARRAYS, TABLES = (".nc", ".zarr"), (".csv", ".parquet")


def read(path: Path) -> xr.Dataset:
    """Open with plain xarray, where a warning is an error, and load."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with xr.open_dataset(path, engine="h5netcdf" if path.suffix == ".nc" else "zarr") as data:
            loaded: xr.Dataset = data.load()
    return loaded


def read_table(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.read_csv(path, dtype={"ID": str, "evap": np.float32, "riverflow": np.float32}, parse_dates=["date"])


def bits(values: np.ndarray) -> np.ndarray:
    """The bits of each number, with one pattern for all that is missing."""
    return np.where(np.isnan(values), np.float32(np.nan), values).view(np.int32)


@pytest.mark.parametrize("suffix", ARRAYS)
def test_plain_xarray_reads_what_the_store_holds_bit_for_bit(
    prepared: tuple[World, Store], tmp_path: Path, suffix: str
) -> None:
    store = prepared[1]
    data, expected = read(export(store, tmp_path / f"out{suffix}")), open_store(store).load()
    assert set(data.variables) == set(expected.variables)
    for name in store.names:
        assert data[name].dtype == np.float32
        np.testing.assert_array_equal(bits(data[name].values), bits(expected[name].values))
    xr.testing.assert_equal(data.assign_coords(station=data.station.astype(object)), expected)


@pytest.mark.parametrize("suffix", [*ARRAYS, *TABLES])
@pytest.mark.parametrize(
    ("file", "position", "named"),
    [
        ("values/riverflow.npy", -1, "riverflow.npy: days 2001-07-12 to 2001-07-19 differ"),
        ("attributes.npy", -1, "attributes.npy: its content differs"),
    ],
)
def test_a_damaged_store_is_not_exported(
    prepared: tuple[World, Store], tmp_path: Path, suffix: str, file: str, position: int, named: str
) -> None:
    path = shutil.copytree(prepared[1].path, tmp_path / "store")
    content = bytearray((path / file).read_bytes())
    content[position] ^= 1
    (path / file).write_bytes(content)
    with pytest.raises(DataError, match=named):
        export(path, tmp_path / f"out{suffix}")
    assert not (tmp_path / f"out{suffix}").exists()


def test_days_that_are_not_exported_are_not_compared(prepared: tuple[World, Store], tmp_path: Path) -> None:
    path = shutil.copytree(prepared[1].path, tmp_path / "store")
    file = path / "values" / "riverflow.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert read(export(path, tmp_path / "a.nc", period=("2001-01-01", "2001-07-11"))).sizes["time"] == 192


@pytest.mark.parametrize("suffix", ARRAYS)
def test_a_file_says_what_its_numbers_are(prepared: tuple[World, Store], tmp_path: Path, suffix: str) -> None:
    data = read(export(prepared[1].path, tmp_path / f"out{suffix}"))
    assert data.attrs["Conventions"].startswith("CF-") and data.attrs["fingerprint"] == prepared[1].fingerprint
    assert data.time.axis == "T" and data.y.dtype == np.float64
    assert np.diff(data.y.values).max() < 0 < np.diff(data.x.values).min()
    assert data.precip.units == "mm/d" and data.station.attrs["cf_role"] == "timeseries_id"
    assert "latitude" in data.riverflow.coords and "latitude" in data.catchment_area.coords
    assert data.land_mask.dtype == np.int8 and list(data.land_mask.attrs["flag_values"]) == [0, 1]
    assert np.allclose(data.riverflow.attrs["scaler_factor"], prepared[1].scaler("riverflow").factor)


@pytest.mark.parametrize("suffix", TABLES)
def test_a_table_has_a_row_a_day_and_station_bit_for_bit(
    prepared: tuple[World, Store], tmp_path: Path, suffix: str
) -> None:
    store = prepared[1]
    table = read_table(export(store, tmp_path / f"out{suffix}"))
    assert list(table.columns) == ["date", "ID", "evap", "riverflow"]
    assert list(table["ID"][:4]) == list(store.station_ids)
    np.testing.assert_array_equal(table["date"][::4].to_numpy().astype("datetime64[D]"), store.days)
    for name in ("evap", "riverflow"):
        values = table[name].to_numpy(np.float32).reshape(store.n_days, -1)
        np.testing.assert_array_equal(bits(values), bits(np.array(store.read(name, slice(0, store.n_days)))))


def test_rows_of_a_table_that_are_missing_are_blank(prepared: tuple[World, Store], tmp_path: Path) -> None:
    lines = export(prepared[1], tmp_path / "out.csv", names=["riverflow"]).read_text().splitlines()
    assert lines[:2] == ["date,ID,riverflow", "2001-01-01,9002,"]


@pytest.mark.parametrize("suffix", ARRAYS)
def test_preparing_from_an_export_gives_the_same_values(world: World, tmp_path: Path, suffix: str) -> None:
    if suffix == ".zarr" and not any("zarr" in reader.name for reader in READERS):
        pytest.skip("there is no reader of Zarr")
    store = prepare(world.config())
    export(store, world.root / f"grids{suffix}", names=["precip", "soil"])
    export(store, world.root / "table.csv", names=["evap"])
    export(store, world.root / "table.parquet", names=["riverflow"])
    modalities: dict[str, dict[str, Any]] = {
        "precip": {"paths": f"grids{suffix}", "variable": "precip"},
        "soil": {"paths": f"grids{suffix}", "variable": "soil"},
        "evap": {"paths": "table.csv", "variable": "evap"},
        "riverflow": {"paths": "table.parquet", "variable": "riverflow"},
    }
    raw = {**world.raw, "data": {**world.raw["data"], "modalities": modalities, "store": str(tmp_path / "again")}}
    again = prepare(build_config(raw, ()))
    for name in store.names:
        days = slice(0, store.n_days)
        np.testing.assert_array_equal(bits(np.array(again.read(name, days))), bits(np.array(store.read(name, days))))


@pytest.mark.parametrize("suffix", [*ARRAYS, *TABLES])
def test_modalities_days_and_stations_are_chosen(prepared: tuple[World, Store], tmp_path: Path, suffix: str) -> None:
    whole = open_store(prepared[1])
    path = export(
        prepared[1],
        tmp_path / f"out{suffix}",
        names=["riverflow"],
        period=("2001-02-03", "2001-02-05"),
        stations=["27003", "9002"],
    )
    expected = whole.riverflow.sel(time=slice("2001-02-03", "2001-02-05"), station=["27003", "9002"])
    if suffix in TABLES:
        values = read_table(path)["riverflow"].to_numpy(np.float32).reshape(3, 2)
    else:
        data = read(path)
        assert set(data.sizes) == {"time", "station"} and set(data.data_vars) & set(prepared[1].names) == {"riverflow"}
        assert list(data.station.values) == ["27003", "9002"]
        all_factors = dict(zip(prepared[1].station_ids, prepared[1].scaler("riverflow").factor or (), strict=True))
        assert list(data.riverflow.attrs["scaler_factor"]) == [all_factors["27003"], all_factors["9002"]]
        values = data.riverflow.values
    np.testing.assert_array_equal(bits(values), bits(expected.values))


def test_grids_alone_have_no_stations(prepared: tuple[World, Store], tmp_path: Path) -> None:
    data = read(export(prepared[1], tmp_path / "out.nc", names=["soil"]))
    assert set(data.sizes) == {"time", "y", "x"} and set(data.data_vars) == {"soil", "land_mask"}


@pytest.mark.parametrize("suffix", ARRAYS)
def test_what_the_sources_say_of_the_grid_is_said_again(
    prepared: tuple[World, Store], tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    metres = {"units": "m", "standard_name": "projection_x_coordinate"}
    said = {"x": {**metres, "_FillValue": 1e20}, "grid_mapping": {"grid_mapping_name": "transverse_mercator"}}
    monkeypatch.setattr(Store, "coordinates", said)
    monkeypatch.setattr(Store, "x", 2500.0 + 5000 * np.arange(10))
    data = read(export(prepared[1], tmp_path / f"out{suffix}"))
    assert {**metres, "axis": "X"}.items() <= data.x.attrs.items() and "_FillValue" not in data.x.attrs
    np.testing.assert_array_equal(data.x.values, 2500.0 + 5000 * np.arange(10))
    assert data[data.soil.attrs["grid_mapping"]].attrs["grid_mapping_name"] == "transverse_mercator"
    assert "grid_mapping" not in data.riverflow.attrs


def test_nothing_is_guessed_of_a_grid_without_coordinates(prepared: tuple[World, Store], tmp_path: Path) -> None:
    data = read(export(prepared[1], tmp_path / "out.nc"))
    assert data.y.units == "1" and "grid_mapping" not in data.soil.attrs and "crs" not in data


def test_a_netcdf_grid_is_compressed_a_day_at_a_time(prepared: tuple[World, Store], tmp_path: Path) -> None:
    with h5netcdf.File(export(prepared[1], tmp_path / "out.nc"), "r") as file:
        assert file.variables["soil"].chunks == (1, 15, 10)
        assert file.variables["soil"].compression == file.variables["riverflow"].compression == "gzip"


@pytest.mark.parametrize("suffix", ARRAYS)
def test_values_are_read_some_days_at_a_time(
    prepared: tuple[World, Store], tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, lengths = Store.read, []

    def recorded(store: Store, name: str, days: slice) -> np.ndarray:
        lengths.append(days.stop - days.start)
        return original(store, name, days)

    monkeypatch.setattr(Store, "read", recorded)
    export(prepared[1], tmp_path / f"out{suffix}", names=["soil"])
    assert max(lengths) <= 32 and sum(lengths) == prepared[1].n_days


@pytest.mark.parametrize("suffix", [*ARRAYS, *TABLES])
def test_a_file_that_is_there_is_replaced_only_when_told(
    prepared: tuple[World, Store], tmp_path: Path, suffix: str
) -> None:
    path = export(prepared[1], tmp_path / f"out{suffix}", names=["evap"])
    with pytest.raises(DataError, match="is there already"):
        export(prepared[1], path, names=["riverflow"])
    export(prepared[1], path, names=["riverflow"], overwrite=True)
    names = read_table(path) if suffix in TABLES else read(path)
    assert "riverflow" in names and "evap" not in names
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_a_folder_that_is_no_zarr_is_never_replaced(prepared: tuple[World, Store], tmp_path: Path) -> None:
    (tmp_path / "out.zarr").mkdir()
    (tmp_path / "out.zarr" / "thesis.tex").write_text("x")
    with pytest.raises(DataError, match="was not written by hydromae"):
        export(prepared[1], tmp_path / "out.zarr", overwrite=True)
    assert (tmp_path / "out.zarr" / "thesis.tex").is_file()


@pytest.mark.parametrize("suffix", [*ARRAYS, *TABLES])
@pytest.mark.parametrize("before", [True, False])
def test_a_failure_leaves_what_was_there_and_nothing_else(
    prepared: tuple[World, Store], tmp_path: Path, suffix: str, before: bool
) -> None:
    path = tmp_path / f"out{suffix}"
    if before:
        export(prepared[1], path, names=["riverflow"])

    def stop(stage: str, done: float) -> None:
        if done > 0:
            raise RuntimeError("midway")

    with pytest.raises(RuntimeError, match="midway"):
        export(prepared[1], path, names=["evap"], overwrite=True, on_progress=stop)
    assert [found.name for found in tmp_path.iterdir()] == ([path.name] if before else [])
    if before:
        assert "riverflow" in (read_table(path) if suffix in TABLES else read(path))


def test_progress_grows_to_the_whole(prepared: tuple[World, Store], tmp_path: Path) -> None:
    shares: list[float] = []
    export(prepared[1], tmp_path / "out.nc", on_progress=lambda stage, done: shares.append(done))
    assert shares == sorted(shares) and shares[-1] == 1 and len(shares) > 5


@pytest.mark.parametrize(
    ("name", "choice", "words"),
    [
        ("out.tif", {}, "take one of .nc, .zarr, .csv, .parquet"),
        ("out.nc", {"names": ["riverflo"]}, "did you mean riverflow"),
        ("out.nc", {"names": []}, "no modality is named"),
        ("out.csv", {"names": ["soil"]}, "soil is a grid"),
        ("out.nc", {"period": ("2000-12-31", "2001-02-01")}, "which has 2001-01-01 to 2001-07-19"),
        ("out.nc", {"period": ("2001-02-02", "2001-02-01")}, "is no part"),
        ("out.nc", {"period": ("February", "2001-02-01")}, "write it as YYYY-MM-DD"),
        ("out.nc", {"stations": ["3901"]}, "did you mean 39001"),
        ("out.nc", {"stations": []}, "no station is named"),
    ],
)
def test_a_wrong_choice_is_refused(
    prepared: tuple[World, Store], tmp_path: Path, name: str, choice: dict[str, Any], words: str
) -> None:
    with pytest.raises((ConfigError, DataError), match=words):
        export(prepared[1], tmp_path / name, **choice)
    assert not list(tmp_path.iterdir())


def test_an_address_is_refused_before_any_work(
    prepared: tuple[World, Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for address in ("https://bucket/e.zarr", "gs://bucket/folder/e.nc", "https://host/e.csv", "s3://bucket/e.nc"):
        with pytest.raises(ConfigError, match=f"{address}: is an address.*write to a path here and copy it there"):
            export(prepared[1], address, overwrite=True)
    assert not list(tmp_path.iterdir())


def test_a_store_of_grids_alone_makes_no_table(world: World, tmp_path: Path) -> None:
    world.raw["data"]["modalities"] = {"soil": world.raw["data"]["modalities"]["soil"]}
    del world.raw["data"]["attributes"]
    with pytest.raises(ConfigError, match="has no series"):
        export(prepare(world.config()), tmp_path / "out.csv")


def test_a_station_of_a_store_of_grids_alone_is_refused(world: World, tmp_path: Path) -> None:
    world.raw["data"]["modalities"] = {"soil": world.raw["data"]["modalities"]["soil"]}
    del world.raw["data"]["attributes"]
    with pytest.raises(DataError, match="has no series, so no stations"):
        export(prepare(world.config()), tmp_path / "out.nc", stations=["39001"])


def test_long_attributes_fit_into_netcdf(tmp_path: Path) -> None:
    flow = ("time", np.zeros(1, np.float32), {"scaler_mean": list(np.arange(20_000.0))})
    write_result(xr.Dataset({"flow": flow}, attrs={"source": "a file\n" * 20_000}), tmp_path / "long.nc")
    assert len(read(tmp_path / "long.nc").attrs["source"]) == 140_000


def test_a_table_of_a_store_with_grids_says_that_they_are_left_out(
    prepared: tuple[World, Store], tmp_path: Path
) -> None:
    told: list[str] = []
    export(prepared[1], tmp_path / "a.csv", on_progress=lambda stage, done: told.append(stage))
    assert any(text.startswith("leaving out precip, soil:") for text in told)
    told.clear()
    export(prepared[1], tmp_path / "b.csv", ["evap"], on_progress=lambda stage, done: told.append(stage))
    assert not any("leaving out" in text for text in told)
