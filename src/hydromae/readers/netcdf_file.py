"""Opening netCDF, of version 4 and classic, without taking memory that a hostile file only declares."""

from pathlib import Path
from typing import Any, Final

import xarray as xr

from hydromae.base.errors import DataError
from hydromae.readers.fill_values import masked
from hydromae.readers.guard import COPY, MAX_ENTRIES, reading
from hydromae.readers.hdf5_file import data_sets, open_hdf5

NETCDF: Final = (".nc", ".nc4", ".cdf")  # suffixes
_MAX_CHUNKS = 50_000  # of a coordinate: HDF5 takes kilobytes for each


def classic_version(path: Path) -> int:
    """The version byte of classic netCDF (1, 2 or 5), 0 where a file is something else."""
    with path.open("rb") as content:
        magic = content.read(4)
    return magic[3] if magic[:3] == b"CDF" and len(magic) == 4 else 0


def open_netcdf(path: Path, advice: str = COPY) -> xr.Dataset:
    """A netCDF file with undecoded times; values are masked and scaled when they are read.

    Args:
        path: the file.
        advice: what to do about one that is damaged.

    Raises:
        DataError: it is no netCDF of a kind that is read, is cut short, links to another file, or declares a coordinate
            larger than any real one.
    """
    version = classic_version(path)
    options: dict[str, Any]
    if version:
        if version not in (1, 2):
            raise DataError(f"{path}: is netCDF of the kind CDF-{version}, not read; convert it with `nccopy -k nc4`")
        problem, engine, options = "is classic netCDF that is damaged or cut short", "scipy", {}
    else:
        # Plain HDF5 has no names of dimensions: the message comes later, when the time is looked for.
        problem, engine, options = "is not netCDF-4 or is cut short", "h5netcdf", {"phony_dims": "access"}
        with open_hdf5(path, problem, advice) as file:
            for name, item in data_sets(path, file).items():
                if item.ndim == 1:
                    _check_coordinate(path, name, len(item), item.chunks[0] if item.chunks else len(item))
    with reading(path, problem, advice):
        raw = xr.open_dataset(
            path,
            engine=engine,
            mask_and_scale=False,
            decode_times=False,
            decode_timedelta=False,
            cache=False,
            **options,
        )
        return masked(raw)


def _check_coordinate(path: Path, name: str, length: int, chunk: int) -> None:
    """Raise DataError where a coordinate is too large to be read, as each is when a file is opened."""
    if length > MAX_ENTRIES or length > chunk * _MAX_CHUNKS:
        raise DataError(
            f"{path}: {name} declares {length} entries in chunks of {chunk}, more than the {MAX_ENTRIES} entries or "
            f"{_MAX_CHUNKS} chunks that are read; the file is damaged, or cut it into parts"
        )
