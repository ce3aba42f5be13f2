"""Readers: one file a format, each returning an xarray of one variable over calendar days; `detect` chooses."""

from hydromae.data.readers.camels_gb import open_camels_gb
from hydromae.data.readers.hdf5_grid import open_hdf5_grid
from hydromae.data.readers.monthly_hdf5 import open_monthly_hdf5
from hydromae.data.readers.netcdf_grid import open_netcdf_grid
from hydromae.data.readers.nrfa_gdf import open_nrfa_gdf
from hydromae.data.readers.table import open_table

__all__ = [
    "open_camels_gb",
    "open_hdf5_grid",
    "open_monthly_hdf5",
    "open_netcdf_grid",
    "open_nrfa_gdf",
    "open_table",
]
