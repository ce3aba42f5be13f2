import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.base.patches import cell_index
from hydromae.results.export import export
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.store.view import open_store
from support.readers_sources import write_nrfa
from support.sources import FIRST, HEIGHT, LAST, WIDTH, World, day_range, write_attributes


@pytest.fixture
def days_read(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    """Name, first day and day after the last of every reading of values."""
    read, calls = Store.read, []

    def recorded(store: Store, name: str, days: slice) -> np.ndarray:
        calls.append((name, days.start, days.stop))
        return read(store, name, days)

    monkeypatch.setattr(Store, "read", recorded)
    return calls


def full_grid(store: Store, name: str) -> np.ndarray:
    """The grid by the straightforward way: every patch put in its place."""
    size, (rows, columns) = store.patch_size, store.shape
    grid = np.full((store.n_days, rows, columns), np.nan, np.float32)
    values = store.read(name, slice(0, store.n_days))
    for position, patch in enumerate(store.valid_patches):
        row, column = divmod(int(patch), columns // size)
        block = values[:, position].reshape(-1, size, size)
        grid[:, row * size : (row + 1) * size, column * size : (column + 1) * size] = block
    return grid


def test_values_are_those_of_the_store_on_the_full_grid(prepared: tuple[World, Store]) -> None:
    store = prepared[1]
    data = open_store(store.path)
    np.testing.assert_array_equal(data.time.values.astype("datetime64[D]"), store.days)
    for name in ("precip", "soil"):
        assert data[name].dims == ("time", "y", "x") and data[name].dtype == np.float32
        np.testing.assert_array_equal(data[name].values, full_grid(store, name))
    for name in ("evap", "riverflow"):
        assert data[name].dims == ("time", "station")
        np.testing.assert_array_equal(data[name].values, store.read(name, slice(0, store.n_days)))
    assert list(data.station.values) == list(store.station_ids)


def test_values_kept_as_scaled_float16_are_shown_in_their_units(world: World) -> None:
    store = prepare(world.config("data.storage=float16"))
    data = open_store(store)
    assert data.soil.dtype == np.float32
    np.testing.assert_array_equal(data.soil.values, full_grid(store, "soil"))
    np.testing.assert_array_equal(data.riverflow.values, store.read("riverflow", slice(0, store.n_days)))
    np.testing.assert_allclose(data.riverflow.values, world.series["riverflow"][:, [1, 3, 0, 2]], rtol=0.01)


@pytest.mark.parametrize(
    "key",
    [
        (5, slice(None), slice(None)),
        (slice(60, 70), slice(None), slice(None)),
        (slice(3, 190, 7), 12, slice(None, None, -1)),
        (slice(None, None, -90), slice(13, 2, -3), 4),
        (slice(None), 7, 2),
        (-1, -1, -2),
        (np.array([199, 0, 64, 64]), slice(0, 5), np.array([9, 0])),
        (slice(10, 10), slice(None), 3),
    ],
)
def test_any_selection_is_that_of_the_whole_grid(prepared: tuple[World, Store], key: tuple[Any, ...]) -> None:
    whole = open_store(prepared[1])["soil"]
    expected = whole.copy(data=full_grid(prepared[1], "soil"))
    indexers = dict(zip(whole.dims, key, strict=True))
    np.testing.assert_array_equal(whole.isel(indexers).values, expected.isel(indexers).values)


@pytest.mark.parametrize("key", [(5, 2), (slice(3, 190, 7), np.array([3, 0])), (slice(None, None, -1), slice(None))])
def test_any_selection_is_that_of_all_stations(prepared: tuple[World, Store], key: tuple[Any, ...]) -> None:
    store = prepared[1]
    whole = open_store(store)["riverflow"]
    expected = whole.copy(data=store.read("riverflow", slice(0, store.n_days)))
    indexers = dict(zip(whole.dims, key, strict=True))
    np.testing.assert_array_equal(whole.isel(indexers).values, expected.isel(indexers).values)


def test_opening_needs_nothing_but_the_description(prepared: tuple[World, Store], tmp_path: Path) -> None:
    shutil.copy(prepared[1].path / "store.json", tmp_path)
    data = open_store(tmp_path)
    assert "precip" in repr(data) and data.precip.sel(time="2001-02").shape == (28, HEIGHT, WIDTH)
    with pytest.raises(DataError, match="npy"):
        _ = data.precip.sel(time="2001-02").values


def test_a_slice_reads_only_its_days(prepared: tuple[World, Store], days_read: list[tuple[str, int, int]]) -> None:
    data = open_store(prepared[1])
    _ = data.soil.sel(time=slice("2001-01-11", "2001-01-20")).values
    _ = data.riverflow.isel(time=7).values
    assert days_read == [("soil", 10, 20), ("riverflow", 7, 8)]


def test_a_cell_of_every_day_is_read_some_days_at_a_time(
    prepared: tuple[World, Store], days_read: list[tuple[str, int, int]]
) -> None:
    _ = open_store(prepared[1]).soil[:, 12, 3].values
    assert max(stop - start for _, start, stop in days_read) <= 64
    assert sum(stop - start for _, start, stop in days_read) == prepared[1].n_days


def test_a_data_set_goes_to_another_process_as_a_path(prepared: tuple[World, Store]) -> None:
    data = open_store(prepared[1])
    _ = data.soil[:3].values
    pickled = pickle.dumps(data[["soil", "riverflow"]])
    assert len(pickled) < 30_000 < data.soil.nbytes
    xr.testing.assert_equal(pickle.loads(pickled).soil, data.soil)


def test_it_says_what_its_numbers_are(prepared: tuple[World, Store]) -> None:
    store = prepared[1]
    data = open_store(store)
    assert data.attrs["Conventions"].startswith("CF-") and data.attrs["fingerprint"] == store.fingerprint
    assert data.attrs["train_period"] == "2001-01-01/2001-05-20" and "precip_train.h5" in data.attrs["source"]
    assert data.precip.units == "mm/d" and data.precip.standard_name == "lwe_precipitation_rate"
    assert data.riverflow.units == "m3/s" and data.riverflow.long_name == "river flow"
    assert data.soil.attrs["scaler_mean"] == store.scaler("soil").mean[0]
    assert data.riverflow.attrs["scaler_transform"] == "log"
    assert data.riverflow.attrs["scaler_factor"] == list(store.scaler("riverflow").factor or ())
    assert data.time.axis == "T" and "axis" not in data.y.attrs  # numbers of rows are no places
    assert data.station.attrs["cf_role"] == "timeseries_id"


def test_the_land_mask_is_that_of_the_kept_patches(prepared: tuple[World, Store]) -> None:
    store = prepared[1]
    expected = np.zeros(HEIGHT * WIDTH, np.int8)
    expected[cell_index(store.valid_patches, store.shape, store.patch_size)] = store.land
    mask = open_store(store).land_mask
    np.testing.assert_array_equal(mask.values, expected.reshape(HEIGHT, WIDTH))
    assert mask[4].values.tolist() == expected.reshape(HEIGHT, WIDTH)[4].tolist()


def test_attributes_are_variables_of_the_stations_under_valid_names(world: World) -> None:
    names = ["latitude", "catchment-area", "50-percentile", "a.b", "a-b", "evap"]
    columns = {name: [float(10 * i + j) for j in range(4)] for i, name in enumerate(names)}
    write_attributes(world.root / "attributes.csv", world.ids, columns)
    world.raw["data"]["attributes"]["columns"] = names
    store = prepare(world.config())
    data = open_store(store)
    valid = {"catchment_area", "attribute_50_percentile", "a_b", "attribute_a_b", "attribute_evap"}
    attributes = {str(n): v for n, v in data.data_vars.items() if v.dims == ("station",) and n != "area"}
    assert set(attributes) == valid
    assert {v.attrs["long_name"] for v in attributes.values()} == set(names) - {"latitude"}
    for variable in attributes.values():
        position = store.attribute_names.index(variable.attrs["long_name"])
        np.testing.assert_array_equal(variable.values, store.attributes[:, position])
    np.testing.assert_array_equal(data.area.values, store.areas)
    assert data.area.units == "km2" and data.latitude.units == "degrees_north"
    assert "latitude" in data.riverflow.coords and "latitude" not in data.precip.coords


def test_area_is_in_km2_also_where_the_table_calls_its_column_so(world: World) -> None:
    write_attributes(world.root / "attributes.csv", world.ids, {"area": [100.0, 20.0, 5.0, 400.0]})
    world.raw["data"]["attributes"].update(columns=["area"], area="area")
    store = prepare(world.config())
    data = open_store(store)
    np.testing.assert_array_equal(data.area.values, store.areas)
    assert data.area.units == "km2" and data.attribute_area.long_name == "area"


def test_a_store_of_series_alone_has_no_grid(world: World) -> None:
    world.raw["data"]["modalities"] = {"evap": world.raw["data"]["modalities"]["evap"]}
    data = open_store(prepare(world.config()))
    assert set(data.sizes) == {"time", "station"} and "land_mask" not in data


def test_a_store_of_grids_alone_has_no_stations(world: World) -> None:
    world.raw["data"]["modalities"] = {"soil": world.raw["data"]["modalities"]["soil"]}
    del world.raw["data"]["attributes"]
    data = open_store(prepare(world.config()))
    assert set(data.sizes) == {"time", "y", "x"} and set(data.data_vars) == {"soil", "land_mask"}


@pytest.mark.parametrize("column", ["name", "Station-Name", "gauge_name"])
def test_names_of_stations_stand_beside_their_ids_in_store_view_and_files(
    world: World, tmp_path: Path, column: str
) -> None:
    path = world.root / "attributes.csv"
    table = pd.read_csv(path, dtype=str)
    table[column] = [f"River at {station}" if station != "9002" else None for station in table["id"]]
    table.to_csv(path, index=False)
    store = prepare(world.config())
    expected = [f"River at {station}" if station != "9002" else "" for station in store.station_ids]
    assert store.station_names == tuple(expected) == Store.open(store.path).station_names
    assert list(open_store(store).riverflow["station_name"].values) == expected
    with xr.open_dataset(export(store, tmp_path / "out.nc", ["riverflow"]), engine="h5netcdf") as data:
        assert list(data.riverflow.coords["station_name"].values) == expected
        assert data["station_name"].attrs["standard_name"] == "platform_name"
    assert "station_name" not in export(store, tmp_path / "out.csv").read_text()


def test_names_of_nrfa_headers_reach_the_store_and_those_of_the_table_go_before(world: World) -> None:
    stations = ["39001", "9002", "27003", "101"]
    days = day_range(FIRST, LAST)
    for station in stations:
        flow = np.random.default_rng(0).lognormal(size=len(days))
        write_nrfa(world.root / f"{station}_gdf.csv", station, days, flow, name=f"Header {station}")
    raw = world.raw["data"]["modalities"]["riverflow"]
    raw["paths"] = [f"{station}_gdf.csv" for station in stations]
    raw.pop("variable", None)
    table = pd.read_csv(world.root / "attributes.csv", dtype=str)
    table["name"] = ["Table" if station == "9002" else None for station in table["id"]]
    table.to_csv(world.root / "attributes.csv", index=False)
    store = prepare(world.config())
    named = dict(zip(store.station_ids, store.station_names or (), strict=True))
    assert named == {"9002": "Table", "101": "Header 101", "39001": "Header 39001", "27003": "Header 27003"}


def test_names_change_no_fingerprint_and_a_store_without_them_has_none(world: World) -> None:
    before = prepare(world.config())
    assert before.station_names is None and "station_name" not in open_store(before).variables
    table = pd.read_csv(world.root / "attributes.csv", dtype=str)
    table["name"] = "a river"
    table.to_csv(world.root / "attributes.csv", index=False)
    assert prepare(world.config(), overwrite=True).fingerprint == before.fingerprint
