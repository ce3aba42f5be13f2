"""Daily series of stations in netCDF, Zarr, and whatever else an engine of xarray opens."""

from pathlib import Path

import xarray as xr

from hydromae.base.errors import DataError
from hydromae.readers.cf_axes import Opened
from hydromae.readers.cf_series import cf_series, identified
from hydromae.readers.guard import reading
from hydromae.readers.hdf5_file import data_sets, open_hdf5
from hydromae.readers.netcdf_file import classic_version, open_netcdf
from hydromae.readers.opened import opened_by_engine, opened_netcdf, opened_zarr
from hydromae.readers.reader import Request
from hydromae.readers.time_rules import TimeRules


def is_netcdf_series(path: Path) -> str:
    """What makes a file netCDF with series: a variable over time and stations, whose ids can be found."""
    if not path.is_file():
        return ""
    try:
        version = classic_version(path)
        if not version and not _may_be(path):
            return ""
        with reading(path), open_netcdf(path) as data:
            found = [f"{name} {list(shape)}" for name, shape in identified(data).items()]
    except DataError:
        return ""
    said = f"{', '.join(found[:3])}{', ...' if len(found) > 3 else ''}"
    return f"{'classic netCDF' if version else 'netCDF-4'} with {said} over time and stations" if found else ""


def _may_be(path: Path) -> bool:
    """Whether an HDF5 file holds a time and a table; folders of thousands of other files are looked through so."""
    with open_hdf5(path) as file:
        items = data_sets(path, file).values()
        return any(" since " in str(item.attrs.get("units", "")) for item in items) and any(i.ndim >= 2 for i in items)


def open_netcdf_series(path: Path, request: Request) -> xr.DataArray:
    """Read one variable of the stations of a file; `cf_series` says what is returned and what is refused."""
    opened = opened_netcdf(path)
    with opened.data:
        return _series(opened, request)


def open_zarr_series(path: Path, request: Request) -> xr.DataArray:
    """As `open_netcdf_series`, of a Zarr group; see `opened_zarr`."""
    return _series(opened_zarr(path, texts=True), request)


def open_engine_series(path: Path, request: Request) -> xr.DataArray:
    """As `open_netcdf_series`, by the engine that the settings name; see `opened_by_engine`."""
    opened = opened_by_engine(path, str(request.settings.engine))
    with opened.data:
        return _series(opened, request)


def _series(opened: Opened, request: Request) -> xr.DataArray:
    settings = request.settings
    with reading(opened.path):
        return cf_series(opened, settings.variable, settings.id_column, TimeRules.of(settings))
