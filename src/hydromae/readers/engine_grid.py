"""Grids in whatever else xarray opens by an engine that another package brings."""

from pathlib import Path

import xarray as xr

from hydromae.readers.cf_grid import cf_grid
from hydromae.readers.guard import reading
from hydromae.readers.opened import opened_by_engine
from hydromae.readers.time_rules import TimeRules


def open_engine_grid(
    path: Path, engine: str, variable: str | None, allow_absent_days: bool, rules: TimeRules
) -> xr.DataArray:
    """As `open_netcdf_grid`, by an engine; its chunks are unpacked by that package, whose guards are its own.

    Raises:
        ConfigError: the engine is not there, or is one that has a reader here.
        DataError: it cannot open the file, or the file is not as `cf_grid` needs it.
    """
    opened = opened_by_engine(path, engine)
    with reading(path, f"cannot be read by xarray's engine {engine}", "name another engine, or write it as netCDF"):
        return cf_grid(opened, variable, allow_absent_days, rules)
