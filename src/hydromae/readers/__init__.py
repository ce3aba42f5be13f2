"""Readers, one module for each format. Each returns one variable over calendar days; `detect` chooses the reader.

A package of your own needs `Reader` and `Request` to register another format (docs/data.md).
"""

from hydromae.readers.camels_gb import open_camels_gb
from hydromae.readers.caravan import open_caravan
from hydromae.readers.hdf5_grid import open_hdf5_grid
from hydromae.readers.monthly_hdf5 import open_monthly_hdf5
from hydromae.readers.netcdf_grid import open_netcdf_grid
from hydromae.readers.nrfa_gdf import open_nrfa_gdf
from hydromae.readers.reader import Reader, Request
from hydromae.readers.table import open_table
from hydromae.readers.zarr_grid import open_zarr_grid

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
