"""Grids in whatever else xarray opens by an engine that another package brings."""

from pathlib import Path

import xarray as xr

from hydromae.base.errors import ConfigError
from hydromae.readers.cf_grid import cf_grid
from hydromae.readers.fill_values import masked
from hydromae.readers.guard import reading
from hydromae.readers.time_rules import TimeRules

# netCDF and Zarr have readers of their own, which look at what a file declares before a library believes it.
_GUARDED = {"netcdf4", "h5netcdf", "scipy", "zarr"}


def open_engine_grid(
    path: Path, engine: str, variable: str | None, allow_absent_days: bool, rules: TimeRules
) -> xr.DataArray:
    """As `open_netcdf_grid`, by an engine; its chunks are unpacked by that package, whose guards are its own.

    Raises:
        ConfigError: the engine is not there, or is one that has a reader here.
        DataError: it cannot open the file, or the file is not as `cf_grid` needs it.
    """
    if engine in _GUARDED:
        raise ConfigError(f"the engine {engine} is not named: leave the modality's key engine out, {path} is read here")
    if engine not in (engines := xr.backends.list_engines()):
        others = ", ".join(sorted(set(engines) - _GUARDED)) or "none"
        raise ConfigError(f"xarray has no engine {engine}, only {others}; install the package that brings it")
    with reading(path, f"cannot be opened by xarray's engine {engine}", "name another engine, or write it as netCDF"):
        data = masked(xr.open_dataset(path, engine=engine, decode_cf=False, cache=False))
        stored = path.stat().st_size if path.is_file() else sum(f.stat().st_size for f in path.rglob("*"))
        grid = cf_grid(path, data, variable, allow_absent_days, stored, rules=rules)
    grid.attrs["notes"] = (*grid.attrs["notes"], f"read by xarray's engine {engine}")
    return grid
