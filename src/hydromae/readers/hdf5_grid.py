"""Daily grids in HDF5: one data set [days, rows, columns] and the days' dates beside it."""

from datetime import date
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from hydromae.base.errors import DataError
from hydromae.base.stamps import Clocks, stamps_of_texts
from hydromae.readers.dates import check_days, check_moments
from hydromae.readers.files import require_file
from hydromae.readers.guard import check_maps, check_stored, reading
from hydromae.readers.hdf5_file import check_packed, data_sets, find_data_set, may_burst, open_hdf5, positions
from hydromae.readers.monthly_hdf5 import month_files

DEFAULT_VARIABLE = "data"
DATES = "dates"
_SUFFIXES = (".h5", ".hdf5", ".hdf")
_DATE_BYTES = 64  # more than any date; entries of another length are no dates
_DATES_AT_ONCE = 64


def is_hdf5_grid(path: Path) -> str:
    """What an HDF5 file holds; a damaged file counts as HDF5 by its suffix, so that the message is about HDF5."""
    if not path.is_file():
        return ""
    named = f"named {path.suffix}, though it cannot be opened" if path.suffix in _SUFFIXES else ""
    try:
        if not h5py.is_hdf5(path):
            return named
        with open_hdf5(path) as file:
            shapes = {name: list(item.shape) for name, item in data_sets(path, file).items()}
    except (DataError, OSError):
        return named
    grids = {name: shape for name, shape in shapes.items() if len(shape) == 3}
    name = DEFAULT_VARIABLE if DEFAULT_VARIABLE in grids or not grids else next(iter(grids))
    dates = "and" if DATES in shapes else "without"
    return f"HDF5 with {name} {grids[name]} {dates} dates" if grids else "HDF5 without a data set of three dimensions"


def open_hdf5_grid(
    path: str | Path,
    variable: str | None = None,
    start: date | None = None,
    allow_absent_days: bool = False,
    sub_daily: bool = False,
) -> xr.DataArray:
    """Open a daily grid without reading its values: a slice in time reads those days only.

    Args:
        path: HDF5 file with the data set `variable` [days, rows, columns] and `dates` [days], as YYYY-MM-DD or
            YYYYMMDD, text or whole numbers; 1-D data sets `y` and `x`, where they exist, become coordinates.
        variable: name of the data set; None is `data`.
        start: day of the first map, for files without `dates`.
        allow_absent_days: accept gaps in `dates`.
        sub_daily: `dates` are moments, as YYYY-MM-DD HH:MM, and `time` is these.

    Returns:
        [time, y, x] in the file's dtype, missing codes included; `time` holds calendar days. The attribute `dated` is
        False where the days are counted from `start`.

    Raises:
        DataError: the file is absent, not HDF5 or cut short, the data set is absent, not 3-D, in another file or
            larger than any real one, or the dates are absent, unreadable, too few or many, repeated, unordered or with
            gaps.
    """
    path, variable = require_file(Path(path)), variable or DEFAULT_VARIABLE
    with open_hdf5(path) as file:
        values = _data_set(path, file, variable, sub_daily)
        dated = find_data_set(path, file, DATES) is not None
        clocks, stamps = Clocks(), _stamps(path, file, len(values), start)
        days = clocks.days_of(stamps)
        lazy = _LazyDataSet(path, variable, values.shape, values.dtype, may_burst(values), days)
        chunks = values.chunks
        coordinates = {
            axis: (axis, np.asarray(values_on_axis[:], np.float64))
            for axis, length in zip(("y", "x"), values.shape[1:], strict=True)
            if (values_on_axis := find_data_set(path, file, axis)) is not None and values_on_axis.shape == (length,)
        }
    if sub_daily:
        check_moments(path, stamps, DATES)
        clocks = Clocks()  # which concern days
    else:
        clocks.check(path, DATES)
        check_days(path, stamps, allow_absent_days, DATES)
    grid = xr.DataArray(
        indexing.LazilyIndexedArray(lazy),
        dims=("time", "y", "x"),
        coords={"time": stamps if sub_daily else days, **coordinates},
        name=variable,
        attrs={"notes": clocks.notes(), "clocks": clocks.minutes},
    )
    if not dated:
        grid.attrs["dated"] = False
    grid.encoding["source"] = str(path)
    if chunks:
        grid.encoding["chunksizes"] = chunks
    return grid


class _LazyDataSet(BackendArray):
    """Opens the file for each read, so that no handle is shared between processes."""

    def __init__(
        self,
        path: Path,
        variable: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        may_burst: bool,
        days: np.ndarray,
    ) -> None:
        self.path, self.variable, self.shape, self.dtype, self.may_burst = path, variable, shape, dtype, may_burst
        self.days = days

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        read: np.ndarray = indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._read
        )
        return read

    def _read(self, key: tuple[int | slice, ...]) -> np.ndarray:
        asked = np.atleast_1d(self.days[key[0]])
        problem = f"{self.variable} cannot be read" + (f" from {asked[0]} to {asked[-1]}" if len(asked) else "")
        with reading(self.path, problem, "copy or download the file again"), h5py.File(self.path, "r") as file:
            values = file[self.variable]
            if self.may_burst:
                check_packed(self.path, values, positions(key[0], len(values)))
            return np.asarray(values[key])


def _data_set(path: Path, file: h5py.File, variable: str, sub_daily: bool) -> h5py.Dataset:
    values = find_data_set(path, file, variable)
    if values is None:
        names = sorted(data_sets(path, file))
        listed = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
        advice = "name it with the modality's key variable"
        if path in month_files(path.parent):
            advice = f"it is one month: give the folder, {path.parent}"
        raise DataError(f"{path}: has no data set {variable}, only {listed or 'none at all'}; {advice}")
    if values.ndim != 3 or 0 in values.shape:
        raise DataError(f"{path}: {variable} has shape {values.shape}; it must be [days, rows, columns], none empty")
    if values.dtype.kind not in "iuf":
        raise DataError(f"{path}: {variable} has dtype {values.dtype}; it must hold real numbers")
    check_maps(path, variable, values.shape, sub_daily)
    check_stored(path, variable, values.shape, values.dtype.itemsize, path.stat().st_size)
    return values


def _stamps(path: Path, file: h5py.File, count: int, start: date | None) -> np.ndarray:
    dates = find_data_set(path, file, DATES)
    if dates is None:
        if start is None:
            raise DataError(
                f"{path}: has no data set {DATES} that says which day each map is; "
                f"set the modality's key start to the day of the first one"
            )
        return (np.datetime64(start, "D") + np.arange(count)).astype("datetime64[s]")
    if dates.shape != (count,):
        raise DataError(f"{path}: {DATES} has {dates.size} entries for {count} maps; write one date a map")
    texts = _texts(path, dates)
    stamps = stamps_of_texts(texts)
    if (wrong := np.flatnonzero(np.isnat(stamps))).size:
        text = texts[wrong[0]][:_DATE_BYTES]
        raise DataError(f"{path}: entry {wrong[0]} of {DATES} is {text!r}; write dates as YYYY-MM-DD")
    return stamps


def _texts(path: Path, dates: h5py.Dataset) -> list[str]:
    if dates.dtype.kind in "iu":
        return [str(number) for number in dates[:].tolist()]
    kind = h5py.check_string_dtype(dates.dtype)
    if kind is None or (kind.length or 0) > _DATE_BYTES:
        raise DataError(f"{path}: {DATES} has dtype {dates.dtype}; write dates as strings, YYYY-MM-DD")
    texts: list[str] = []
    # A few at a time: all entries may refer to one text that is as long as the file.
    for first in range(0, len(dates), _DATES_AT_ONCE):
        part = dates.asstr(errors="replace")[first : first + _DATES_AT_ONCE]
        texts += [str(text)[: _DATE_BYTES + 1] for text in part]
    return texts
