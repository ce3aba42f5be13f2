"""Grids in CF Zarr, version 2 or 3: a folder, a zip file or an icechunk repository, here or at an address."""

import sys
from pathlib import Path

import xarray as xr

from hydromae.base.addresses import AddressPath, path_under
from hydromae.base.errors import DataError
from hydromae.readers.cf_grid import cf_grid
from hydromae.readers.guard import SPARSE, reading
from hydromae.readers.icechunk_store import is_icechunk
from hydromae.readers.remote import bytes_below
from hydromae.readers.time_rules import TimeRules
from hydromae.readers.zarr_store import open_zarr_store, zarr_format


def is_zarr(path: Path) -> str:
    """Which version of Zarr a folder or zip file is, by the description at its root."""
    version = zarr_format(path)
    if not version:
        return ""
    within = " in icechunk" if is_icechunk(path) else ""
    return f"a Zarr group of version {version}{within}{' at an address' if isinstance(path, AddressPath) else ''}"


def zarr_files(path: Path) -> list[Path]:
    """Every file of a Zarr folder, [] for anything else."""
    if not path.is_dir() or not zarr_format(path):
        return []
    return sorted(file for file in path.rglob("*") if file.is_file())


def open_zarr_grid(
    path: str | Path,
    variable: str | None = None,
    allow_absent_days: bool = False,
    rules: TimeRules = TimeRules(),  # noqa: B008  (it is frozen)
) -> xr.DataArray:
    """Open a daily grid without reading its values; `cf_grid` says what is returned and what is refused.

    Args:
        path: a Zarr group: a folder, one .zip file, an icechunk repository or the address of one, with a variable over
            time, y and x, in any order.
        variable: its name; None takes the only one over these three.
        allow_absent_days: accept days that are missing between the first and the last.
        rules: how its times are taken.

    Raises:
        DataError: there is no such group, it is damaged or stored with unknown codecs, or is not
            as `cf_grid` needs it.
    """
    path = path if isinstance(path, Path) else path_under("", path)
    if not zarr_format(path):
        raise DataError(f"{path}: is no Zarr group, which has zarr.json or .zgroup at its root; name one that has")
    with reading(path):
        data = open_zarr_store(path)
        return cf_grid(path, data, variable, allow_absent_days, _stored(path, data), rules=rules)


def _stored(path: Path, data: xr.Dataset) -> int:
    """Bytes of a group; at an address they are counted only where so much is declared that they matter."""
    if not isinstance(path, AddressPath):
        return sum(file.stat().st_size for file in zarr_files(path)) if path.is_dir() else path.stat().st_size
    counted = bytes_below(path) if any(values.size > SPARSE for values in data.values()) else None
    return sys.maxsize if counted is None else counted
