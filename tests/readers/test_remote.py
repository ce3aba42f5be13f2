"""Files and Zarr groups at addresses of servers that run on this machine."""

import os
import shutil
from datetime import date
from pathlib import Path

import fsspec
import numpy as np
import pytest
import xarray as xr

from hydromae.base.addresses import AddressPath, address_of, path_under
from hydromae.base.errors import DataError
from hydromae.config import ModalityConfig
from hydromae.readers.detect import Request, locate
from hydromae.store.store import Store
from support.readers_sources import write_netcdf
from support.servers import object_store, served, serving_too_much
from support.sources import day_range, write_table

DAYS = day_range(date(2010, 1, 30), date(2010, 2, 10))
VALUES = np.random.default_rng(0).gamma(1, 3, size=(len(DAYS), 4, 6))
VALUES[:, 0, :2] = np.nan
GRID = {"kind": "grid", "units": "mm"}


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HYDROMAE_CACHE", str(tmp_path / "copies"))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "served").mkdir()
    return tmp_path / "served"


@pytest.fixture
def web(folder):
    pytest.importorskip("aiohttp", reason="needs aiohttp: pip install 'hydromae[cloud]'")
    with served(folder) as address:
        yield address


@pytest.fixture(params=["here", "object store"])
def place(request, tmp_path, folder, monkeypatch):
    """A folder, and the address that what is put into it is at after `put`."""
    if request.param == "here":
        yield f"file://{folder}", lambda: None
        return
    with object_store(monkeypatch, tmp_path) as bucket:
        system = fsspec.filesystem("s3")

        def put():
            for file in folder.rglob("*"):
                if file.is_file():
                    system.put_file(str(file), f"{bucket}/{file.relative_to(folder).as_posix()}")

        yield bucket, put


def _open(*paths, **settings):
    modality = ModalityConfig(**(GRID | settings), paths=paths)
    located = locate("precip", modality, Path())
    return [one.reader.open(one.paths, Request("precip", modality)) for one in located], located


def test_an_address_keeps_its_slashes_wherever_a_path_loses_them():
    for address in ("s3://bucket/a/e.zarr", "https://host:80/a.nc", "zip://in/a.nc::https://host/a.zip"):
        assert str(AddressPath(address)) == address_of(Path(address)) == address == str(path_under("/data", address))
    assert path_under("/data", "file:///tmp/a.nc") == Path("/tmp/a.nc")
    assert not address_of("C:/data") and not address_of("rain/a.nc")
    assert path_under("/data", "a.nc") == Path("/data/a.nc")


@pytest.mark.parametrize(("zarr_format", "consolidated"), [(2, True), (3, True)])
def test_a_zarr_group_is_read_over_http_where_it_lies(web, folder, tmp_path, zarr_format, consolidated):
    path = write_netcdf(folder / "a.zarr", VALUES, DAYS, zarr_format=zarr_format)
    xr.open_zarr(path, consolidated=False, decode_times=False, mask_and_scale=False).to_zarr(
        folder / "b.zarr", zarr_format=zarr_format, consolidated=consolidated
    )
    (grid,), (located,) = _open(f"{web}/b.zarr")
    np.testing.assert_array_equal(grid.values, VALUES)
    assert located.why == f"a Zarr group of version {zarr_format} at an address"
    assert located.files == (f"{web}/b.zarr",) and not (tmp_path / "copies").exists()


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_what_describes_a_zarr_group_is_asked_for_once(folder, zarr_format):
    path = write_netcdf(folder / "a.zarr", VALUES, DAYS, zarr_format=zarr_format, chunks=(4, 4, 6))
    xr.open_zarr(path, consolidated=False, decode_times=False, mask_and_scale=False).to_zarr(
        folder / "b.zarr", zarr_format=zarr_format, consolidated=True
    )
    asked: list[str] = []
    with served(folder, asked) as web:
        (grid,), _ = _open(f"{web}/b.zarr")
        opened = len(asked)
        np.testing.assert_array_equal(grid.values, VALUES)
    assert len(set(asked)) == len(asked) and len(asked) == opened + 3  # chunks
    assert opened == (6 if zarr_format == 2 else 4)  # what describes it, and three coordinates


@pytest.mark.parametrize("kind", ["endless", "announced"])
@pytest.mark.parametrize("key", ["zarr.json", "time/c/0", "rainfall/c/0/0/0"])
def test_a_server_that_sends_too_much_fills_no_memory(folder, kind, key):
    pytest.importorskip("aiohttp", reason="needs aiohttp: pip install 'hydromae[cloud]'")
    path = write_netcdf(folder / "a.zarr", VALUES, DAYS)
    data = xr.open_zarr(path, consolidated=False, decode_times=False, mask_and_scale=False)
    data.to_zarr(folder / "b.zarr", zarr_format=3, consolidated=True)
    sent: list[int] = []
    with serving_too_much(folder, {f"/b.zarr/{key}": kind}, sent) as web:
        said = "announces 10000000000000 bytes" if kind == "announced" else "sends more bytes"
        advice = rf"/b\.zarr/{key}: its server {said} where at most \d+ are expected"
        if key == "zarr.json":  # then it is not known to be Zarr, and is copied as a file that is none
            advice = r"b\.zarr: is no grid of a known format|b\.zarr: is no file and no Zarr group"
        with pytest.raises(DataError, match=advice):
            _open(f"{web}/b.zarr")[0][0].load()
    assert sum(sent) < 60 * 2**20  # of what the system holds on its way, too


def test_parts_of_shards_from_a_server_that_sends_whole_files_are_refused(web, folder):
    path = write_netcdf(folder / "a.zarr", VALUES, DAYS)
    data = xr.open_zarr(path, chunks=None, consolidated=False, decode_times=False, mask_and_scale=False)
    encoding = {"rainfall": {"chunks": (2, 4, 6), "shards": (12, 4, 6)}}
    data.load().drop_encoding().to_zarr(folder / "b.zarr", encoding=encoding, consolidated=True)
    (grid,), _ = _open(f"{web}/b.zarr")
    with pytest.raises(DataError, match="it may not know requests for a part of a file"):
        grid[2:4].load()
    (here,), _ = _open(str(folder / "b.zarr"))
    np.testing.assert_array_equal(here[2:4].values, VALUES[2:4])


@pytest.mark.parametrize("name", ["a.nc", "a.zip"])
def test_a_file_over_http_is_read_from_its_copy(web, folder, tmp_path, name):
    if name == "a.zip":
        shutil.make_archive(str(folder / "a"), "zip", write_netcdf(tmp_path / "a.zarr", VALUES, DAYS))
    else:
        write_netcdf(folder / name, VALUES, DAYS)
    (grid,), (located,) = _open(f"{web}/{name}")
    np.testing.assert_array_equal(grid.values, VALUES)
    assert located.paths[0].name == name and located.paths[0].parent.parent == tmp_path / "copies"


def test_a_file_inside_of_a_zip_file_is_read(web, folder, tmp_path):
    write_netcdf(tmp_path / "a.nc", VALUES, DAYS)
    shutil.make_archive(str(folder / "in"), "zip", tmp_path, "a.nc")
    (grid,), _ = _open(f"zip://a.nc::{web}/in.zip")
    np.testing.assert_array_equal(grid.values, VALUES)


def test_patterns_tables_groups_and_changes_at_an_address(place, folder):
    address, put = place
    write_netcdf(folder / "rain_1.nc", VALUES[:5], DAYS[:5])
    write_netcdf(folder / "rain_2.nc", VALUES[5:], DAYS[5:])
    write_netcdf(folder / "all.zarr", VALUES, DAYS)
    flow = np.arange(2.0 * len(DAYS)).reshape(-1, 2)
    write_table(folder / "flow.csv", DAYS, ["a", "b"], {"flow": flow})
    put()
    grids, located = _open(f"{address}/rain_*.nc")
    np.testing.assert_array_equal(np.concatenate([grid.values for grid in grids]), VALUES)
    where = address.removeprefix("file://")
    assert [one.files for one in located] == [(f"{where}/rain_1.nc",), (f"{where}/rain_2.nc",)]
    (grid,), _ = _open(f"{address}/all.zarr")
    np.testing.assert_array_equal(grid.values, VALUES)
    (series,), _ = _open(f"{address}/flow.csv", kind="series", units="m3/s", variable="flow")
    np.testing.assert_array_equal(series.values, flow)
    write_table(folder / "flow.csv", DAYS, ["a", "b"], {"flow": flow + 100})
    put()
    (series,), _ = _open(f"{address}/flow.csv", kind="series", units="m3/s", variable="flow")
    np.testing.assert_array_equal(series.values, flow + 100)


def test_an_icechunk_repository_in_an_object_store_is_read(tmp_path, folder, monkeypatch):
    icechunk = pytest.importorskip("icechunk", reason="needs icechunk: pip install 'hydromae[icechunk]'")
    with object_store(monkeypatch, tmp_path) as bucket:
        here = {"endpoint_url": os.environ["AWS_ENDPOINT_URL"], "allow_http": True, "force_path_style": True}
        storage = icechunk.s3_storage(bucket=bucket.removeprefix("s3://"), prefix="a/rain", from_env=True, **here)
        session = icechunk.Repository.create(storage).writable_session("main")
        plain = write_netcdf(tmp_path / "a.zarr", VALUES, DAYS)
        xr.open_zarr(plain, consolidated=False, decode_times=False).to_zarr(session.store, consolidated=False)
        session.commit("rain")
        (grid,), (located,) = _open(f"{bucket}/a/rain")
        np.testing.assert_array_equal(grid.values, VALUES)
        assert located.why == "a Zarr group of version 3 in icechunk at an address"


def test_what_is_not_at_an_address_is_one_sentence(web):
    with pytest.raises(DataError, match=rf"{web}/none\.nc: is no file and no Zarr group"):
        _open(f"{web}/none.nc")
    with pytest.raises(DataError, match=r"http://127\.0\.0\.1:9/a\.nc: cannot be reached .*check the address"):
        _open("http://127.0.0.1:9/a.nc")


def test_a_package_that_is_missing_is_named_with_the_command():
    fsspec.register_implementation("far", "no_such_package.System", errtxt="get it", clobber=True)
    with pytest.raises(DataError, match=r"far://a/b\.nc: a package .*get it.*pip install 'hydromae\[cloud\]'"):
        _open("far://a/b.nc")


def test_check_and_prepare_read_addresses_as_they_read_files(hydromae, world, tmp_path, web, folder):
    import yaml

    here = world.raw["data"]["modalities"]
    write_netcdf(folder / "rain.nc", np.nan_to_num(world.grids["precip"]), world.days)
    write_netcdf(folder / "soil.zarr", np.nan_to_num(world.grids["soil"]), world.days, units="1", chunks=(50, 15, 10))
    group = xr.open_zarr(folder / "soil.zarr", consolidated=False, decode_times=False, mask_and_scale=False)
    group.to_zarr(folder / "soil_2.zarr")
    here["precip"] = {"paths": f"{web}/rain.nc"}
    here["soil"] = {"paths": f"{web}/soil_2.zarr"}
    shutil.copy(world.root / "attributes.csv", folder)
    world.raw["data"]["attributes"]["path"] = f"{web}/attributes.csv"
    (tmp_path / "my.yaml").write_text(yaml.safe_dump(world.raw))
    code, out, err = hydromae("check", tmp_path / "my.yaml")
    assert code in (0, 1) and "zarr_grid" in out, out + err
    code, out, err = hydromae("prepare", tmp_path / "my.yaml")
    assert code == 0, err
    store = Store.open(world.raw["data"]["store"])
    sources = {file.role: file for file in store.provenance.sources}
    assert sources["soil"].path == f"{web}/soil_2.zarr" and sources["precip"].path == f"{web}/rain.nc"
    precip = xr.open_dataset(store.path, engine="hydromae")["precip"][3].values
    kept = np.isfinite(precip)
    np.testing.assert_allclose(precip[kept], np.nan_to_num(world.grids["precip"])[3][kept], rtol=1e-6)
    assert kept.sum() == store.land.sum()
