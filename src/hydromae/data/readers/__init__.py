"""Readers: one file a format, each returning an xarray of one variable over calendar days."""

from hydromae.data.readers.hdf5_grid import open_hdf5_grid
from hydromae.data.readers.table import open_table

__all__ = ["open_hdf5_grid", "open_table"]
