"""Daily grids in CF netCDF, as HadUK-Grid is: values are read when they are asked for, rows from the north."""

from pathlib import Path

import xarray as xr

from hydromae.base.errors import DataError
from hydromae.readers.cf_grid import cf_grid
from hydromae.readers.guard import reading
from hydromae.readers.hdf5_file import data_sets, open_hdf5
from hydromae.readers.hdf5_grid import DATES
from hydromae.readers.netcdf_file import NETCDF, classic_version
from hydromae.readers.opened import opened_netcdf
from hydromae.readers.time_rules import TimeRules


def is_netcdf_grid(path: Path) -> str:
    """What makes a file netCDF: classic by its first bytes, netCDF-4 by its mark or by a time `... since ...`.

    HDF5 with the data set `dates` belongs to `hdf5_grid`. A file that cannot be opened counts as netCDF if it is named
    so, so that the message about it speaks of netCDF.
    """
    if not path.is_file():
        return ""
    version = classic_version(path)
    if version:
        return f"classic netCDF, version {version}"
    named = f"named {path.suffix}, though it cannot be opened" if path.suffix in NETCDF else ""
    try:
        with open_hdf5(path) as file:
            items = data_sets(path, file)
            timed = any(" since " in str(item.attrs.get("units", "")) for item in items.values())
            if DATES in items or not (timed or "_NCProperties" in file.attrs):
                return ""
            grids = [f"{name} {list(item.shape)}" for name, item in items.items() if item.ndim >= 3]
    except DataError:
        return named
    return f"netCDF-4 with {', '.join(grids[:3]) or 'no variable over time, y and x'}"


def open_netcdf_grid(
    path: str | Path,
    variable: str | None = None,
    allow_absent_days: bool = False,
    rules: TimeRules = TimeRules(),  # noqa: B008  (it is frozen)
) -> xr.DataArray:
    """Open a daily grid without reading its values; `cf_grid` says what is returned and what is refused.

    Args:
        path: netCDF of version 4, or classic (versions 1 and 2), with a variable over time, y and x, in any order.
        variable: its name; None takes the only one over these three.
        allow_absent_days: accept days that are missing between the first and the last.
        rules: how its times are taken.

    Raises:
        DataError: the file is absent, not netCDF or cut short, or not as `cf_grid` needs it.
    """
    path = Path(path)
    opened = opened_netcdf(path)
    try:
        with reading(path):
            return cf_grid(opened, variable, allow_absent_days, rules)
    except DataError:
        opened.data.close()
        raise
