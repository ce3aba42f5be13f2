"""Grids in CF Zarr, version 2 or 3: a folder, a zip file or an icechunk repository, here or at an address."""

from pathlib import Path

import xarray as xr

from hydromae.base.addresses import AddressPath, path_under
from hydromae.readers.cf_grid import cf_grid
from hydromae.readers.guard import reading
from hydromae.readers.icechunk_store import is_icechunk
from hydromae.readers.opened import opened_zarr
from hydromae.readers.time_rules import TimeRules
from hydromae.readers.zarr_places import zarr_format


def is_zarr(path: Path) -> str:
    """Which version of Zarr a folder or zip file is, by the description at its root."""
    version = zarr_format(path)
    if not version:
        return ""
    within = " in icechunk" if is_icechunk(path) else ""
    return f"a Zarr group of version {version}{within}{' at an address' if isinstance(path, AddressPath) else ''}"


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
    opened = opened_zarr(path)
    with reading(path):
        return cf_grid(opened, variable, allow_absent_days, rules)
