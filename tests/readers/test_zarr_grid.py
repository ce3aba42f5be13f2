import json
import pickle
import shutil
from datetime import date

import numpy as np
import pytest
import xarray as xr
import zarr

from hydromae.base.errors import DataError
from hydromae.readers import open_netcdf_grid, open_zarr_grid
from hydromae.readers.zarr_grid import is_zarr
from hydromae.readers.zarr_places import zarr_files
from support.readers_sources import write_netcdf
from support.sources import day_range

DAYS = day_range(date(2010, 1, 30), date(2010, 2, 10))
VALUES = np.random.default_rng(0).gamma(1, 3, size=(len(DAYS), 4, 6))
VALUES[:, 0, :2] = np.nan
SHARDS = {
    "chunk_shape": [1, 4, 6],
    "codecs": [{"name": "bytes"}, {"name": "zstd"}],
    "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}],
}


def _store(tmp_path, zarr_format=3, **changes):
    return write_netcdf(tmp_path / "a.zarr", VALUES, DAYS, zarr_format=zarr_format, **changes)


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("zipped", [False, True])
def test_zarr_gives_what_netcdf_gives(tmp_path, zarr_format, zipped):
    path = _store(tmp_path, zarr_format)
    if zipped:
        shutil.make_archive(str(tmp_path / "b"), "zip", path)
        path = tmp_path / "b.zip"
    grid, expected = open_zarr_grid(path), open_netcdf_grid(write_netcdf(tmp_path / "a.nc", VALUES, DAYS))
    assert grid.identical(expected) and "rows from the south were turned" in grid.attrs["notes"]
    np.testing.assert_array_equal(grid[3:5, 1:, ::2].values, VALUES[3:5, 1:, ::2])
    assert is_zarr(path) == f"a Zarr group of version {zarr_format}"


def test_a_slice_in_time_reads_only_its_chunks(tmp_path):
    path = _store(tmp_path)
    for chunk in (path / "rainfall/c").iterdir():
        if chunk.name not in ("3", "4"):
            (chunk / "0/0").write_bytes(b"damaged")
    grid = open_zarr_grid(path)
    np.testing.assert_array_equal(grid[3:5].values, VALUES[3:5])
    with pytest.raises(DataError, match=r"a\.zarr: rainfall cannot be read from 2010-02-03 to 2010-02-04"):
        grid[4:6].values  # noqa: B018


def _sharded(tmp_path, location="end"):
    path = _store(tmp_path, chunks=(12, 4, 6))
    shutil.rmtree(path / "rainfall")
    # Rows run from the south, as `write_netcdf` has them.
    array = zarr.create_array(
        path, name="rainfall", shape=VALUES.shape, dtype="f8", fill_value=np.nan, chunks=(1, 2, 6), shards={
            "shape": (6, 4, 6), "index_location": location},
        dimension_names=("time", "projection_y_coordinate", "projection_x_coordinate"),
    )  # fmt: skip
    array[:] = VALUES[:, ::-1]
    return path


@pytest.mark.parametrize("location", ["end", "start"])
def test_shards_give_the_values_that_chunks_give(tmp_path, location):
    grid = open_zarr_grid(_sharded(tmp_path, location))
    np.testing.assert_array_equal(grid.values, VALUES)
    np.testing.assert_array_equal(grid[4:8, 1:3].values, VALUES[4:8, 1:3])
    assert grid.encoding["chunksizes"] == (1, 2, 6)


@pytest.mark.parametrize("days", [slice(0, 6), slice(2, 3)])
def test_a_chunk_in_a_shard_that_unpacks_to_more_than_it_declares_is_refused(tmp_path, days):
    path = _sharded(tmp_path)
    shard = path / "rainfall/c/0/0/0"
    content = bytearray(shard.read_bytes())
    places = np.frombuffer(content[-(16 * 12 + 4) : -4], "<u8").reshape(3 * 4, 2)  # [day and half of the rows, 2]
    bomb = zarr.codecs.ZstdCodec()._zstd_codec.encode(bytes(10**6))
    first, length = places[4].tolist()  # of day 2
    assert len(bomb) <= length
    content[first : first + len(bomb)] = bomb
    shard.write_bytes(content)
    with pytest.raises(DataError, match=r"rainfall/c/0/0/0 unpacks to more than a chunk of its array"):
        open_zarr_grid(path)[days].values  # noqa: B018


def test_a_shard_that_is_cut_short_is_refused(tmp_path):
    path = _sharded(tmp_path)
    (path / "rainfall/c/1/0/0").write_bytes(b"short")
    with pytest.raises(DataError, match="rainfall/c/1/0/0 is cut short"):
        open_zarr_grid(path)[6:8].values  # noqa: B018


def test_the_newest_commit_of_an_icechunk_repository_is_read(tmp_path):
    icechunk = pytest.importorskip("icechunk", reason="icechunk is not installed: pip install 'hydromae[icechunk]'")
    repository = icechunk.Repository.create(icechunk.local_filesystem_storage(str(tmp_path / "rain")))
    plain = xr.open_zarr(_store(tmp_path), consolidated=False, decode_times=False)
    for factor in (3, 1):
        session = repository.writable_session("main")
        (plain * factor).assign_coords(plain.coords).to_zarr(session.store, mode="w", consolidated=False)
        session.commit(f"times {factor}")
    path = tmp_path / "rain"
    assert is_zarr(path) == "a Zarr group of version 3 in icechunk" and zarr_files(path)
    np.testing.assert_array_equal(open_zarr_grid(path).values, VALUES)


def test_every_file_of_a_store_is_listed(tmp_path):
    path = _store(tmp_path)
    files = {file.relative_to(path).as_posix() for file in zarr_files(path)}
    assert {"zarr.json", "rainfall/zarr.json"} | {f"rainfall/c/{day}/0/0" for day in range(len(DAYS))} < files


def _change(path, **changes):
    found = json.loads(path.read_text())
    path.write_text(json.dumps(found | changes))


def test_a_store_whose_codec_would_run_code_is_refused(tmp_path):
    class Harm:
        def __reduce__(self):
            return (open, (str(tmp_path / "harmed"), "w"))

    path = _store(tmp_path, 2)
    _change(path / "rainfall/.zarray", filters=[{"id": "pickle"}], compressor=None)
    (path / "rainfall/0.0.0").write_bytes(pickle.dumps(Harm()))
    with pytest.raises(DataError, match=r"a\.zarr: rainfall is stored with pickle, which is not read"):
        open_zarr_grid(path)
    # An array of objects is never read, so that the store can be.
    shutil.copytree(path / "rainfall", path / "names")
    _change(path / "names/.zarray", dtype="|O")
    shutil.rmtree(path / "rainfall")
    with pytest.raises(DataError, match="has 0 variables over three dimensions"):
        open_zarr_grid(path)
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("rainfall", {"shape": [10**4, 10**4, 10**4]}, "declares .* (cells|values)|conflicting sizes"),
        ("rainfall", {"shape": [10**12, 4, 6]}, "declares|conflicting sizes"),
        ("time", {"shape": [10**12]}, "time declares 1000000000000 entries"),
        (
            "rainfall",
            {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [10**5] * 3}}},
            "in chunks of",
        ),
        ("rainfall", {"shape": [-1, 4, 6]}, "has the shape"),
        ("rainfall", {"shape": "many"}, "is no Zarr group that can be read|has the shape"),
        (
            "rainfall",
            {"codecs": [{"name": "sharding_indexed", "configuration": SHARDS | {"chunk_shape": [1, 3, 6]}}]},
            "no whole number of chunks",
        ),
        ("rainfall", {"codecs": [{"name": "sharding_indexed", "configuration": SHARDS}] * 2}, "in an unusual way"),
        (
            "rainfall",
            {"codecs": [{"name": "sharding_indexed", "configuration": SHARDS | {"codecs": [{"name": "pickle"}]}}]},
            "stored with pickle",
        ),
    ],
)
def test_what_metadata_only_declare_is_refused(tmp_path, name, changes, message):
    path = _store(tmp_path)
    _change(path / name / "zarr.json", **changes)
    with pytest.raises(DataError, match=rf"a\.zarr: .*({message})"):
        open_zarr_grid(path)


def test_a_folder_that_is_no_zarr_group_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"is no Zarr group, which has zarr\.json or \.zgroup"):
        open_zarr_grid(tmp_path)
    assert not is_zarr(tmp_path) and not zarr_files(tmp_path)
