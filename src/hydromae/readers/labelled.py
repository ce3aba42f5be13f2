"""netCDF and Zarr of others that label their values by time and station, as files of weather forecasts do."""

from pathlib import Path

import numpy as np
import xarray as xr

from hydromae.readers.cf_time import is_time, stamps_of
from hydromae.readers.guard import reading
from hydromae.readers.netcdf_file import open_netcdf
from hydromae.readers.zarr_store import open_masked, zarr_format


def open_labelled(path: Path) -> xr.Dataset:
    """A netCDF file or a Zarr folder, with missing values, packing and stamps as the readers of grids take them.

    Returns:
        Values that are read when they are asked for, missing codes as NaN. Times over one dimension are moments to the
        second, datetime64[ns], in UTC where the file says an offset; differences of time are numbers with their units.

    Raises:
        DataError: it is neither, is damaged, or has a time that is no date in the standard calendar.
    """
    if path.is_dir():
        with reading(path, "cannot be opened as Zarr", "write it again"):
            data = open_masked(path, zarr_format(path))
    else:
        data = open_netcdf(path)
    times = {dim: stamps_of(path, data[dim]) for dim in data.dims if dim in data.variables and is_time(data[dim])}
    return data.assign_coords({dim: (dim, moments.astype("datetime64[ns]")) for dim, moments in times.items()})


def without_single(values: xr.DataArray, *kept: str) -> xr.DataArray:
    """The values without dimensions of one entry, as height, but for those that are named."""
    return values.isel({dim: 0 for dim in values.dims if values.sizes[dim] == 1 and dim not in kept})


def whole_days(leads: np.ndarray) -> np.ndarray:
    """Lead times in days, of which those that are whole to the second are whole numbers."""
    rounded = np.rint(leads)
    return np.where(np.abs(leads - rounded) * 86400 <= 0.5, rounded, leads)
