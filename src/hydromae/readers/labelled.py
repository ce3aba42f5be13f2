"""netCDF and Zarr that label their values by time and station: weather forecasts of others, and our own results."""

from pathlib import Path

import numpy as np
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.base.seal import check_seal
from hydromae.readers.cf_time import is_time, stamps_of
from hydromae.readers.guard import COPY, MAX_AXIS, check_memory, check_stored, reading
from hydromae.readers.hdf5_file import check_packed, data_sets, may_burst, open_hdf5
from hydromae.readers.netcdf_file import classic_version, open_netcdf
from hydromae.readers.zarr_store import open_zarr_store


def open_labelled(path: Path, advice: str = COPY) -> xr.Dataset:
    """A netCDF file or a Zarr folder, with missing values, packing and stamps as the readers of grids take them.

    Files that end with a hash of themselves, as our own results do, are compared with it first.

    Args:
        path: the file or folder.
        advice: what to do about one that is damaged.

    Returns:
        Values that are read when they are asked for, missing codes as NaN. Times over one dimension are moments to the
        second, datetime64[ns], in UTC where the file says an offset; differences of time are numbers with their units.

    Raises:
        DataError: it is neither, is damaged, leads to another file, declares more than any real file holds, or has a
            time that is no date in the standard calendar.
    """
    with reading(path, "cannot be opened as netCDF or Zarr", advice):
        if path.is_dir():
            data = open_zarr_store(path, texts=True)
        else:
            check_seal(path)
            data = open_netcdf(path, advice)
            _check_chunks(path)
        stored = path.stat().st_size if path.is_file() else sum(part.stat().st_size for part in path.rglob("*"))
        for name, variable in data.variables.items():
            if (longest := max(variable.shape, default=0)) > MAX_AXIS:
                raise DataError(
                    f"{path}: {name} declares {longest} entries of one dimension, more than the {MAX_AXIS} that are "
                    f"read; the file is damaged, or cut it into parts"
                )
            check_stored(path, name, variable.shape, variable.dtype.itemsize, stored)
        times = {dim: stamps_of(path, data[dim]) for dim in data.dims if dim in data.variables and is_time(data[dim])}
    return data.assign_coords({dim: (dim, moments.astype("datetime64[ns]")) for dim, moments in times.items()})


def load_labelled(path: Path, advice: str = COPY) -> xr.Dataset:
    """As `open_labelled`, with all values in memory."""
    with reading(path, "cannot be read", advice), open_labelled(path, advice) as data:
        check_memory(path, data.nbytes)
        return data.load()


def _check_chunks(path: Path) -> None:
    """Raise DataError where a chunk unpacks to more than it declares; `open_netcdf` looks at small data sets itself."""
    if classic_version(path):
        return
    with open_hdf5(path) as file:
        for values in data_sets(path, file).values():
            if values.ndim > 2 and may_burst(values):
                check_packed(path, values, range(values.shape[0]))


def without_single(values: xr.DataArray, *kept: str) -> xr.DataArray:
    """The values without dimensions of one entry, as height, but for those that are named."""
    return values.isel({dim: 0 for dim in values.dims if values.sizes[dim] == 1 and dim not in kept})


def whole_days(leads: np.ndarray) -> np.ndarray:
    """Lead times in days, of which those that are whole to the second are whole numbers."""
    rounded = np.rint(leads)
    return np.where(np.abs(leads - rounded) * 86400 <= 0.5, rounded, leads)
