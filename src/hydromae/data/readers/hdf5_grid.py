"""Daily grids in HDF5: one data set [days, rows, columns] and the days' dates beside it."""

from datetime import date
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from hydromae.data.readers.dates import day_of
from hydromae.data.readers.files import require_file
from hydromae.errors import DataError

DEFAULT_VARIABLE = "data"
DATES = "dates"


def open_hdf5_grid(
    path: str | Path, variable: str | None = None, start: date | None = None, allow_absent_days: bool = False
) -> xr.DataArray:
    """Open a daily grid without reading its values: a slice in time reads those days only.

    Args:
        path: HDF5 file with the data set `variable` [days, rows, columns] and `dates` [days], as YYYY-MM-DD; 1-D data
            sets `y` and `x`, where they exist, become coordinates.
        variable: name of the data set; None is `data`.
        start: day of the first map, for files without `dates`.
        allow_absent_days: accept gaps in `dates`.

    Returns:
        [time, y, x] in the file's dtype, missing codes included; `time` holds calendar days.

    Raises:
        DataError: the file is absent, not HDF5 or cut short, the data set is absent or not 3-D, or the dates are
            absent, unreadable, too few or many, repeated, unordered or with gaps.
    """
    path, variable = require_file(Path(path)), variable or DEFAULT_VARIABLE
    try:
        with h5py.File(path, "r") as file:
            values = _data_set(path, file, variable)
            days = _days(path, file, len(values), start)
            lazy = _LazyDataSet(path, variable, values.shape, values.dtype)
            coordinates = {
                axis: (axis, np.asarray(file[axis][:], np.float64))
                for axis, length in zip(("y", "x"), values.shape[1:], strict=True)
                if isinstance(file.get(axis), h5py.Dataset) and file[axis].shape == (length,)
            }
    except OSError as error:
        raise DataError(f"{path}: is not an HDF5 file or is cut short ({error}); copy or download it again") from None
    _check_days(path, days, allow_absent_days)
    grid = xr.DataArray(
        indexing.LazilyIndexedArray(lazy),
        dims=("time", "y", "x"),
        coords={"time": days, **coordinates},
        name=variable,
    )
    grid.encoding["source"] = str(path)
    return grid


class _LazyDataSet(BackendArray):
    """Opens the file for each read, so that no handle is shared between processes."""

    def __init__(self, path: Path, variable: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.path, self.variable, self.shape, self.dtype = path, variable, shape, dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        read: np.ndarray = indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._read
        )
        return read

    def _read(self, key: tuple[int | slice, ...]) -> np.ndarray:
        try:
            with h5py.File(self.path, "r") as file:
                return np.asarray(file[self.variable][key])
        except (OSError, KeyError) as error:
            raise DataError(
                f"{self.path}: {self.variable} cannot be read at {key[0]} ({error}); copy or download the file again"
            ) from None


def _data_set(path: Path, file: h5py.File, variable: str) -> h5py.Dataset:
    found = file.get(variable)
    if not isinstance(found, h5py.Dataset):
        names = sorted(name for name, item in file.items() if isinstance(item, h5py.Dataset))
        listed = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
        raise DataError(
            f"{path}: has no data set {variable}, only {listed or 'none at all'}; "
            f"name it with the modality's key variable"
        )
    if found.ndim != 3 or 0 in found.shape:
        raise DataError(f"{path}: {variable} has shape {found.shape}; it must be [days, rows, columns], none empty")
    if not np.issubdtype(found.dtype, np.number) or np.issubdtype(found.dtype, np.complexfloating):
        raise DataError(f"{path}: {variable} has dtype {found.dtype}; it must hold real numbers")
    return found


def _days(path: Path, file: h5py.File, count: int, start: date | None) -> np.ndarray:
    dates = file.get(DATES)
    if not isinstance(dates, h5py.Dataset):
        if start is None:
            raise DataError(
                f"{path}: has no data set {DATES} that says which day each map is; "
                f"set the modality's key start to the day of the first one"
            )
        return np.datetime64(start, "D") + np.arange(count)
    if dates.shape != (count,):
        raise DataError(f"{path}: {DATES} has {dates.size} entries for {count} maps; write one date a map")
    if h5py.check_string_dtype(dates.dtype) is None:
        raise DataError(f"{path}: {DATES} has dtype {dates.dtype}; write dates as strings, YYYY-MM-DD")
    texts = dates.asstr(errors="replace")[:]
    days = [day_of(str(text)) for text in texts]
    if None in days:
        bad = days.index(None)
        raise DataError(f"{path}: entry {bad} of {DATES} is {texts[bad]!r}; write dates as YYYY-MM-DD")
    return np.array(days, "datetime64[D]")


def _check_days(path: Path, days: np.ndarray, allow_absent_days: bool) -> None:
    steps = np.diff(days).astype(np.int64)
    if (wrong := np.flatnonzero(steps < 0)).size:
        i = wrong[0]
        raise DataError(f"{path}: {DATES} are not in order, {days[i + 1]} follows {days[i]}; sort the maps by day")
    if (wrong := np.flatnonzero(steps == 0)).size:
        i = wrong[0]
        raise DataError(f"{path}: {DATES} has {days[i]} twice (maps {i} and {i + 1}); remove one")
    if not allow_absent_days and (wrong := np.flatnonzero(steps > 1)).size:
        raise DataError(
            f"{path}: {DATES} lacks {days[wrong[0]] + 1}; add the day, "
            f"or set the modality's allow_absent_days to true to take it as missing"
        )
