"""Readers: one file a format, each returning an xarray of one variable over calendar days; `detect` chooses.

`Reader` and `Request` are what a package of one's own needs to register another format (docs/data.md).
"""

from hydromae.data.readers.camels_gb import open_camels_gb
from hydromae.data.readers.caravan import open_caravan
from hydromae.data.readers.hdf5_grid import open_hdf5_grid
from hydromae.data.readers.monthly_hdf5 import open_monthly_hdf5
from hydromae.data.readers.netcdf_grid import open_netcdf_grid
from hydromae.data.readers.nrfa_gdf import open_nrfa_gdf
from hydromae.data.readers.reader import Reader, Request
from hydromae.data.readers.table import open_table
from hydromae.data.readers.zarr_grid import open_zarr_grid

__all__ = [
    "Reader",
    "Request",
    "open_camels_gb",
    "open_caravan",
    "open_hdf5_grid",
    "open_monthly_hdf5",
    "open_netcdf_grid",
    "open_nrfa_gdf",
    "open_table",
    "open_zarr_grid",
]
