from pathlib import Path

import h5netcdf
import numpy as np
import pytest
import xarray as xr

from hydromae.base.patches import cell_index
from hydromae.results.netcdf import FieldFile
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from support.sources import World

NAMES = ["soil", "riverflow"]


def write(path: Path, store: Store, days: slice) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Write random fields in two pieces and return them whole."""
    random = np.random.default_rng(0)
    length = days.stop - days.start
    fields = {}
    with FieldFile(path, store, NAMES, store.days[days], {"title": "a test", "ratio": 0.4}) as file:
        for name in NAMES:
            shape = (length, *store.values(name).shape[1:])
            made = tuple(random.random(shape, np.float32) for _ in range(2))
            fields[name] = (*made, random.integers(0, 4, shape).astype(np.int8))
            for piece in (slice(0, 4), slice(4, length)):
                file.write(name, piece.start, *(field[piece] for field in fields[name]))
    return fields


def test_what_is_written_in_pieces_is_read_whole_on_the_full_grid(
    prepared: tuple[World, Store], tmp_path: Path
) -> None:
    store = prepared[1]
    fields = write(tmp_path / "fields.nc", store, slice(30, 37))
    index = cell_index(store.valid_patches, store.shape, store.patch_size)
    with xr.open_dataset(tmp_path / "fields.nc", engine="h5netcdf") as file:
        for name, written in fields.items():
            for suffix, values, sea in zip(("", "_reconstructed", "_state"), written, (np.nan, np.nan, 3), strict=True):
                expected = values
                if name == "soil":
                    expected = np.full((7, 150), sea, values.dtype)
                    expected[:, index] = values
                    expected = expected.reshape(7, 15, 10)
                np.testing.assert_array_equal(file[name + suffix].values, expected)


def test_the_file_says_what_its_numbers_are(prepared: tuple[World, Store], tmp_path: Path) -> None:
    write(tmp_path / "fields.nc", prepared[1], slice(30, 37))
    with xr.open_dataset(tmp_path / "fields.nc", engine="h5netcdf") as file:
        np.testing.assert_array_equal(file.time.values.astype("datetime64[D]"), prepared[1].days[30:37])
        assert file.attrs["Conventions"] == "CF-1.11" and file.attrs["title"] == "a test" and file.attrs["ratio"] == 0.4
        assert file.soil.dims == ("time", "y", "x") and file.riverflow.dims == ("time", "station")
        assert file.soil.units == "1" and file.riverflow.units == "m3/s"
        assert file.riverflow.standard_name == "water_volume_transport_in_river_channel"
        assert file.riverflow_reconstructed.long_name == "river flow, reconstructed where hidden"
        assert list(file.station.values) == list(prepared[1].station_ids)
        assert file.station.attrs["cf_role"] == "timeseries_id"
        np.testing.assert_array_equal(file.latitude.values, prepared[1].attributes[:, 0])
        assert file.latitude.units == "degrees_north" and "latitude" in file.riverflow.coords
        assert file.soil_state.attrs["flag_meanings"].split() == ["visible", "target", "ignored", "missing"]
        assert list(file.soil_state.attrs["flag_values"]) == [0, 1, 2, 3]
        assert np.diff(file.y.values).max() < 0 < np.diff(file.x.values).min()


def test_a_store_of_series_alone_writes_no_grid(world: World, tmp_path: Path) -> None:
    world.raw["data"]["modalities"] = {"evap": world.raw["data"]["modalities"]["evap"]}
    store = prepare(world.config())
    with FieldFile(tmp_path / "fields.nc", store, ["evap"], store.days[:3], {}):
        pass
    with xr.open_dataset(tmp_path / "fields.nc", engine="h5netcdf") as file:
        assert set(file.sizes) == {"time", "station"}


def test_values_are_compressed_a_day_of_a_grid_at_a_time(prepared: tuple[World, Store], tmp_path: Path) -> None:
    write(tmp_path / "fields.nc", prepared[1], slice(30, 37))
    with h5netcdf.File(tmp_path / "fields.nc", "r") as file:
        assert file.variables["soil"].chunks == (1, 15, 10)
        assert all(file.variables[name].compression == "gzip" for name in ("soil", "soil_state", "riverflow"))


def test_the_file_is_closed_when_writing_fails(prepared: tuple[World, Store], tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="midway"),
        FieldFile(tmp_path / "f.nc", prepared[1], NAMES, prepared[1].days[:3], {}),
    ):
        raise RuntimeError("midway")
    h5netcdf.File(tmp_path / "f.nc", "r+").close()


def test_what_the_sources_say_of_the_grid_is_said_again(
    prepared: tuple[World, Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"grid_mapping": {"grid_mapping_name": "transverse_mercator"}}
    monkeypatch.setattr(Store, "coordinates", said)
    write(tmp_path / "fields.nc", prepared[1], slice(30, 37))
    with xr.open_dataset(tmp_path / "fields.nc", engine="h5netcdf") as file:
        for name in ("soil", "soil_reconstructed"):
            assert file[file[name].attrs["grid_mapping"]].attrs["grid_mapping_name"] == "transverse_mercator"
        assert "grid_mapping" not in file.riverflow.attrs
