"""Daily grids in CF Zarr, version 2 or 3, a folder or a zip file."""

from pathlib import Path

import xarray as xr

from hydromae.base.errors import DataError
from hydromae.readers.cf_grid import cf_grid
from hydromae.readers.guard import reading
from hydromae.readers.zarr_store import open_zarr_store, zarr_format


def is_zarr(path: Path) -> str:
    """Which version of Zarr a folder or zip file is, by the description at its root."""
    version = zarr_format(path)
    return f"a Zarr group of version {version}" if version else ""


def zarr_files(path: Path) -> list[Path]:
    """Every file of a Zarr folder, [] for anything else."""
    if not path.is_dir() or not zarr_format(path):
        return []
    return sorted(file for file in path.rglob("*") if file.is_file())


def open_zarr_grid(path: str | Path, variable: str | None = None, allow_absent_days: bool = False) -> xr.DataArray:
    """Open a daily grid without reading its values; `cf_grid` says what is returned and what is refused.

    Args:
        path: a Zarr group, as a folder or in one .zip file, with a variable over time, y and x, in any order.
        variable: its name; None takes the only one over these three.
        allow_absent_days: accept days that are missing between the first and the last.

    Raises:
        DataError: there is no such group, it is damaged, stored in shards or with unknown codecs, or is not
            as `cf_grid` needs it.
    """
    path = Path(path)
    if not zarr_format(path):
        raise DataError(f"{path}: is no Zarr group, which has zarr.json or .zgroup at its root; name one that has")
    stored = sum(file.stat().st_size for file in zarr_files(path)) if path.is_dir() else path.stat().st_size
    with reading(path):
        return cf_grid(path, open_zarr_store(path), variable, allow_absent_days, stored)
