"""Files made to do harm: links out of a file, sizes only declared, bombs and pickles."""

import gzip
import json
import pickle
import resource
import zipfile
import zlib
from pathlib import Path

import h5py
import numcodecs
import numpy as np
import pytest
import torch

from hydromae.base.errors import DataError
from hydromae.config import AttributesConfig
from hydromae.readers import (
    open_hdf5_grid,
    open_monthly_hdf5,
    open_netcdf_grid,
    open_table,
    open_zarr_grid,
    zarr_places,
)
from hydromae.readers.builtin import READERS
from hydromae.sources.attributes import read_attributes
from hydromae.sources.land_mask import read_land_mask
from support.fuzz_sources import DAYS, GRID, LAND
from support.readers_sources import write_months, write_netcdf
from support.sources import write_grid


def _bomb() -> bytes:
    """1.2 MB that unpack to 1.2 GB of zeros; after a full flush, equal pieces are packed as equal bytes."""
    packer, pieces = zlib.compressobj(9), 1150
    first, other = (packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    sums = ((pieces * 2**20) % 65521 << 16 | 1).to_bytes(4, "big")  # the Adler-32 of as many zeros
    return first + (pieces - 1) * other + packer.flush()[:-4] + sums


BOMB = _bomb()


@pytest.fixture(autouse=True)
def _memory_is_bounded():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 * 1024  # KiB


class Harm:
    """Unpickling it opens the file `harmed` in the current folder for writing."""

    def __reduce__(self):
        return (open, ("harmed", "w"))


def _replace(path: Path, name: str, **new) -> None:
    with h5py.File(path, "a") as file:
        del file[name]
        for key, value in new.items():
            file[key] = value


@pytest.mark.parametrize("name", ["data", "dates"])
@pytest.mark.parametrize(
    ("links", "message"),
    [
        (lambda n, other: {n: h5py.ExternalLink(str(other), n)}, "is a link to another file"),
        (lambda n, other: {n: h5py.SoftLink("/far"), "far": h5py.ExternalLink(str(other), n)}, "is a link to another"),
        (lambda n, other: {n: h5py.SoftLink("/far"), "far": h5py.SoftLink(f"/{n}")}, "leads back to itself"),
        (lambda n, other: {n: h5py.SoftLink("/nowhere")}, "has no data set"),
    ],
)
def test_links_out_of_an_hdf5_file_or_in_a_circle_are_refused(tmp_path, name, links, message):
    other = write_grid(tmp_path / "other.h5", GRID, DAYS)
    path = write_grid(tmp_path / "a.h5", GRID, DAYS)
    _replace(path, name, **links(name, other))
    with pytest.raises(DataError, match=rf"a\.h5: .*{message}"):
        open_hdf5_grid(path)
    assert all(isinstance(reader.accepts(path), str) for reader in READERS)


def test_links_inside_a_file_are_followed_and_groups_in_a_circle_left_alone(tmp_path):
    path = write_grid(tmp_path / "a.h5", GRID, DAYS, "rain")
    with h5py.File(path, "a") as file:
        file["data"] = h5py.SoftLink("/rain")
        file.create_group("group")["again"] = file["/"]
    assert (open_hdf5_grid(path).values == GRID).all() and (
        open_hdf5_grid(path, "group/again/rain").values == GRID
    ).all()


def test_values_kept_in_another_file_are_refused(tmp_path):
    (tmp_path / "secret").write_bytes(bytes(GRID.nbytes))
    other = write_grid(tmp_path / "other.h5", GRID, DAYS)
    for name in ("external.h5", "virtual.h5"):
        path = write_grid(tmp_path / name, GRID, DAYS)
        with h5py.File(path, "a") as file:
            del file["data"]
            if name == "external.h5":
                file.create_dataset("data", GRID.shape, "f4", external=[(str(tmp_path / "secret"), 0, GRID.nbytes)])
            else:
                layout = h5py.VirtualLayout(GRID.shape, "f4")
                layout[:] = h5py.VirtualSource(str(other), "data", GRID.shape)
                file.create_virtual_dataset("data", layout)
        with pytest.raises(DataError, match=rf"{name}: data keeps its values in another file"):
            open_hdf5_grid(path)


@pytest.mark.parametrize("shape", [(10**12, 1, 1), (10, 10**6, 10**5), (10**4, 10**4, 10**4), (10**5, 10**3, 10**4)])
@pytest.mark.parametrize("form", ["hdf5", "netcdf", "months"])
def test_sizes_that_hdf5_only_declares_are_refused(tmp_path, shape, form):
    if form == "months":
        folder = write_months(tmp_path / "months", GRID, DAYS)
        with h5py.File(folder / "2000-02.h5", "a") as file:
            del file["2000-02-01"]
            file.create_dataset("2000-02-01", (shape[0], shape[1] * shape[2]), "f4", chunks=(1, 1))
        with pytest.raises(DataError, match=r"2000-02\.h5: (.* declares|2000-02-01 has)"):
            open_monthly_hdf5(folder)
        return
    path = tmp_path / ("a.nc" if form == "netcdf" else "a.h5")
    with h5py.File(path, "w") as file:
        values = file.create_dataset("data", shape, "f4", chunks=(1, 1, 1))
        for axis, (name, length) in enumerate(zip(("time", "y", "x"), shape, strict=True)):
            file.create_dataset(name, (length,), "f8", chunks=(1,))
            file[name].make_scale(name)
            values.dims[axis].attach_scale(file[name])
        file["time"].attrs["units"] = "days since 2000-01-01"
    opened = open_netcdf_grid if form == "netcdf" else open_hdf5_grid
    with pytest.raises(DataError, match=r"a\.(nc|h5): .*declares"):
        opened(path)


def test_a_chunk_too_large_to_be_read_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", (1000, 1000, 1000), "f4", chunks=(500, 1000, 1000), compression="gzip")
    with pytest.raises(DataError, match=r"a\.h5: data is stored in chunks of 2000000000 bytes"):
        open_hdf5_grid(tmp_path / "a.h5")


@pytest.mark.parametrize("form", ["hdf5", "netcdf", "dates"])
def test_a_chunk_that_unpacks_to_more_than_it_declares_is_refused(tmp_path, form):
    path = tmp_path / "a.nc"
    if form == "netcdf":
        write_netcdf(path, GRID, DAYS)
    else:
        write_grid(path, GRID, DAYS)
    name = {"hdf5": "data", "netcdf": "rainfall", "dates": "dates"}[form]
    with h5py.File(path, "a") as file:
        old = file[name]
        content, attrs = old[:], {key: value for key, value in old.attrs.items() if key in ("units", "_FillValue")}
        scales = [dim[0] for dim in old.dims] if form == "netcdf" else []
        del file[name]
        new = file.create_dataset(name, data=content, chunks=(1, *content.shape[1:]), compression="gzip")
        new.attrs.update(attrs)
        for axis, scale in enumerate(scales):
            new.dims[axis].attach_scale(scale)
        new.id.write_direct_chunk((2,) + (0,) * (content.ndim - 1), BOMB)
    with pytest.raises(DataError, match=r"a\.nc: .*unpacks to more than the \d+ bytes"):
        (open_netcdf_grid if form == "netcdf" else open_hdf5_grid)(path).load()


@pytest.mark.parametrize("packed", ["zlib", "gzip", "zstd", "blosc"])
def test_a_zarr_chunk_that_unpacks_to_more_than_it_declares_is_refused(tmp_path, packed):
    path = write_netcdf(tmp_path / "a.zarr", GRID, DAYS, zarr_format=2, chunks=(5, 4, 6))
    described = json.loads((path / "rainfall/.zarray").read_text())
    (path / "rainfall/.zarray").write_text(json.dumps(described | {"compressor": {"id": packed}}))
    zstd = b"\x28\xb5\x2f\xfd\xe0" + (10**12).to_bytes(8, "little") + bytes(100)
    blosc = bytes([2, 1, 0x21, 8]) + (2**31 - 17).to_bytes(4, "little") + bytes(100)
    content = {"zlib": BOMB, "gzip": _gzip(BOMB), "zstd": zstd, "blosc": blosc}[packed]
    (path / "rainfall/0.0.0").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.zarr: rainfall/0\.0\.0 unpacks to more than a chunk"):
        open_zarr_grid(path)[:5].load()  # the other chunks are packed as they were


def _gzip(packed: bytes) -> bytes:
    """The same deflated stream between the header and an end of gzip."""
    return gzip.compress(b"")[:10] + packed[2:-4] + bytes(8)


def test_a_zip_entry_that_unpacks_hugely_is_refused(tmp_path, monkeypatch):
    assert zarr_places.MAX_CHUNK == 2**30
    monkeypatch.setattr(zarr_places, "MAX_CHUNK", 2**24)  # a gigabyte takes seconds to pack
    with (
        zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as content,
        content.open("zarr.json", "w", force_zip64=True) as entry,
    ):
        for _ in range(20):
            entry.write(bytes(2**20))
    with pytest.raises(DataError, match=r"a\.zip: an entry unpacks to more than"):
        open_zarr_grid(tmp_path / "a.zip")


def _repeated(begin: bytes, piece: bytes, count: int) -> bytes:
    """What gzip makes of `begin` and many equal pieces; after a full flush, equal pieces are packed as equal bytes."""
    packer, checksum = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS), zlib.crc32(begin)
    first = packer.compress(begin) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(count):
        checksum = zlib.crc32(piece, checksum)
    length = len(begin) + count * len(piece)
    end = checksum.to_bytes(4, "little") + (length % 2**32).to_bytes(4, "little")
    return gzip.compress(b"")[:10] + first + count * again + packer.flush() + end


def test_a_table_that_unpacks_hugely_takes_little_memory(tmp_path):
    rows = b"".join(b"2000-01-01,%d,1.0\n" % i for i in range(1000))
    assert gzip.decompress(_repeated(b"date\n", rows, 3)) == b"date\n" + 3 * rows
    for name, begin, piece, count in (
        ("rows", b"date,ID,flow\n", rows, 4000),
        ("line", b"date,ID,flow\n", b"a" * 2**20, 400),
        ("header", b"", b"a" * 2**20, 400),
    ):
        (tmp_path / f"{name}.csv.gz").write_bytes(_repeated(begin, piece, count))
        with pytest.raises(DataError, match=rf"{name}\.csv\.gz: "):
            open_table(tmp_path / f"{name}.csv.gz", "flow")


@pytest.mark.parametrize("shape", ["(1000000, 1000000)", "(-1, 4)", "(4,", "(6, 4), 'x': 1", "(True, 4)"])
def test_a_header_of_numpy_that_lies_is_refused(tmp_path, shape):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(192)
    (tmp_path / "m.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"m\.npy: "):
        read_land_mask(tmp_path / "m.npy")


def test_an_archive_or_objects_under_the_name_of_an_array_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "a.npy").open("wb") as file:
        np.savez(file, LAND)
    np.save(tmp_path / "b.npy", np.array([[Harm(), 1]], object), allow_pickle=True)
    (tmp_path / "c.npy").write_bytes(pickle.dumps(Harm()))
    for name in ("a", "b", "c"):
        with pytest.raises(DataError, match=rf"{name}\.npy: cannot be read"):
            read_land_mask(tmp_path / f"{name}.npy")
    assert not (tmp_path / "harmed").exists()


def test_tensors_that_run_code_or_only_declare_their_size_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"mask": Harm()}, "a.pt")
    torch.save(Harm(), "b.pt", _use_new_zipfile_serialization=False)
    torch.save(torch.zeros(1).expand(10**6, 10**6), "c.pt")
    torch.save(torch.zeros(4, 4, dtype=torch.complex64), "d.pt")
    torch.save([torch.zeros(2, 2)], "e.pt")
    torch.save(torch.eye(3).to_sparse(), "f.pt")
    torch.save(torch.zeros(2, 2), "whole.pt")
    with (
        zipfile.ZipFile("whole.pt") as whole,
        zipfile.ZipFile("g.pt", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bomb,
    ):
        for entry in whole.infolist():
            with bomb.open(entry.filename, "w") as file:
                for _ in range(1000 if entry.filename.endswith("data/0") else 0):
                    file.write(bytes(2**20))
                file.write(whole.read(entry))
    for name in "abcdefg":
        with pytest.raises(DataError, match=rf"{name}\.pt: "):
            read_land_mask(tmp_path / f"{name}.pt")
    assert not (tmp_path / "harmed").exists()


def test_texts_where_numbers_should_be_are_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = np.array([[["rain"]]], "S4")
        file["dates"] = np.array(["2000-01-01"], "S10")
    with pytest.raises(DataError, match=r"a\.h5: data has dtype"):
        open_hdf5_grid(tmp_path / "a.h5")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["data"] = GRID
        file["dates"] = np.linspace(0, 1, len(DAYS))
    with pytest.raises(DataError, match=r"b\.h5: dates has dtype float64"):
        open_hdf5_grid(tmp_path / "b.h5")


def test_a_table_of_attributes_too_large_for_stations_is_refused(tmp_path):
    with (tmp_path / "a.csv").open("wb") as file:
        file.truncate(2**30)  # a sparse file
    with pytest.raises(DataError, match=r"a\.csv: has 1073741824 bytes, too many for one row a station"):
        read_attributes(tmp_path / "a.csv", AttributesConfig(), ())


def test_one_long_text_that_all_dates_refer_to_is_refused(tmp_path):
    path = write_grid(tmp_path / "a.h5", GRID, DAYS)
    _replace(path, "dates", dates=["x" * 10**6] * len(DAYS))
    with pytest.raises(DataError, match=r"a\.h5: entry 0 of dates is 'x{64}'"):
        open_hdf5_grid(path)


def test_a_heap_of_texts_over_which_hdf5_would_loop_for_ever_is_refused(tmp_path):
    path = write_netcdf(tmp_path / "a.nc", GRID, DAYS)
    content = bytearray(path.read_bytes())
    heap = content.index(b"GCOL")
    content[heap + 16 : heap + 32] = bytes(16)  # the first entry: index 0, free space of no size
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.nc: is not netCDF-4 or is cut short|a heap of texts is damaged"):
        open_netcdf_grid(path)
    assert [reader.name for reader in READERS if reader.accepts(path)] == ["netcdf_grid"]


@pytest.mark.parametrize("place", [3, 8, 12, 16])
def test_a_blosc_chunk_whose_header_points_outside_it_is_refused(tmp_path, place):
    path = write_netcdf(tmp_path / "a.zarr", GRID, DAYS, zarr_format=2, chunks=(5, 4, 6))
    described = json.loads((path / "rainfall/.zarray").read_text())
    packed = numcodecs.Blosc().encode(np.repeat(np.arange(60.0), 2))
    (path / "rainfall/.zarray").write_text(json.dumps(described | {"compressor": {"id": "blosc"}}))
    content = bytearray(packed)
    content[place : place + (1 if place == 3 else 4)] = bytes(1) if place == 3 else b"\xff\xff\xff\x7f"
    (path / "rainfall/0.0.0").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.zarr: rainfall/0\.0\.0 is damaged"):
        open_zarr_grid(path)[:5].load()
    (path / "rainfall/0.0.0").write_bytes(packed)
    np.testing.assert_array_equal(open_zarr_grid(path)[:5].values.ravel()[:6], np.repeat(np.arange(60.0), 2)[18:24])
