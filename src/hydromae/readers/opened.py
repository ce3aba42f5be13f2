"""Opening netCDF, Zarr and what engines of xarray open, within the guards of each, for readers of grids and series."""

import sys
from collections.abc import Callable
from pathlib import Path

import xarray as xr

from hydromae.base.addresses import AddressPath
from hydromae.base.errors import ConfigError, DataError
from hydromae.readers.cf_axes import Opened, no_check
from hydromae.readers.files import require_file
from hydromae.readers.fill_values import masked
from hydromae.readers.guard import SPARSE, reading
from hydromae.readers.hdf5_file import check_packed, data_sets, may_burst, open_hdf5
from hydromae.readers.netcdf_file import classic_version, open_netcdf
from hydromae.readers.remote import bytes_below
from hydromae.readers.zarr_places import zarr_files, zarr_format
from hydromae.readers.zarr_store import open_zarr_store

# netCDF and Zarr have readers of their own, which look at what a file declares before a library believes it.
_GUARDED = {"netcdf4", "h5netcdf", "scipy", "zarr"}


def opened_netcdf(path: Path) -> Opened:
    """A netCDF file of version 4, or classic (versions 1 and 2).

    Raises:
        DataError: the file is absent, not netCDF or cut short.
    """
    data = open_netcdf(require_file(path))
    try:
        return Opened(path, data, path.stat().st_size, _check_before(path))
    except DataError:
        data.close()
        raise


def opened_zarr(path: Path, texts: bool = False) -> Opened:
    """A Zarr group: a folder, one .zip file, an icechunk repository or the address of one.

    Raises:
        DataError: there is no such group, or it is damaged or stored with unknown codecs.
    """
    if not zarr_format(path):
        raise DataError(f"{path}: is no Zarr group, which has zarr.json or .zgroup at its root; name one that has")
    with reading(path):
        data = open_zarr_store(path, texts)
        return Opened(path, data, _stored(path, data))


def opened_by_engine(path: Path, engine: str) -> Opened:
    """What an engine of xarray opens, whose chunks are unpacked by its own package, with that one's guards.

    Raises:
        ConfigError: the engine is not there, or is one that has a reader here.
        DataError: it cannot open the file.
    """
    if engine in _GUARDED:
        raise ConfigError(f"the engine {engine} is not named: leave the modality's key engine out, {path} is read here")
    if engine not in (engines := xr.backends.list_engines()):
        others = ", ".join(sorted(set(engines) - _GUARDED)) or "none"
        raise ConfigError(f"xarray has no engine {engine}, only {others}; install the package that brings it")
    with reading(path, f"cannot be opened by xarray's engine {engine}", "name another engine, or write it as netCDF"):
        data = masked(xr.open_dataset(path, engine=engine, decode_cf=False, cache=False))
        stored = path.stat().st_size if path.is_file() else sum(f.stat().st_size for f in path.rglob("*"))
    return Opened(path, data, stored, notes=(f"read by xarray's engine {engine}",))


def _check_before(path: Path) -> Callable[[str, range, int], None]:
    """A check of the chunks that are about to be read, which does nothing where no chunk is too large."""
    large: set[str] = set()
    if not classic_version(path):
        with open_hdf5(path) as file:
            large = {name for name, item in data_sets(path, file).items() if item.ndim >= 3 and may_burst(item)}

    def check(name: str, days: range, axis: int) -> None:
        if name in large:
            with open_hdf5(path) as file:
                check_packed(path, file[name], days, axis)

    return check if large else no_check


def _stored(path: Path, data: xr.Dataset) -> int:
    """Bytes of a group; at an address they are counted only where so much is declared that they matter."""
    if not isinstance(path, AddressPath):
        return sum(file.stat().st_size for file in zarr_files(path)) if path.is_dir() else path.stat().st_size
    counted = bytes_below(path) if any(values.size > SPARSE for values in data.values()) else None
    return sys.maxsize if counted is None else counted
