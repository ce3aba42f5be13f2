"""Daily grids in CF netCDF, as HadUK-Grid is: values read as they are asked for, rows from the north."""

from collections.abc import Hashable
from pathlib import Path

import h5py
import numpy as np
import xarray as xr

from hydromae.data.readers.files import require_file
from hydromae.data.readers.hdf5_grid import DATES
from hydromae.errors import DataError

_CLASSIC = b"CDF"
_CALENDARS = {"standard", "gregorian", "proleptic_gregorian"}
_NAMES = {"y": {"projection_y_coordinate", "latitude"}, "x": {"projection_x_coordinate", "longitude"}}
_SHORT = {"y": {"y", "lat", "latitude", "northing"}, "x": {"x", "lon", "longitude", "easting"}}


def is_netcdf(path: Path) -> bool:
    """Whether a file is netCDF: classic by its first bytes, netCDF-4 by its mark or by a time `... since ...`.

    HDF5 with the data set `dates` is `hdf5_grid`'s. A file that cannot be opened is netCDF if it is named so, for then
    the message about it speaks of netCDF.
    """
    if not path.is_file():
        return False
    with path.open("rb") as content:
        if content.read(3) == _CLASSIC:
            return True
    try:
        with h5py.File(path, "r") as file:
            if DATES in file:
                return False
            units = [item.attrs.get("units", b"") for item in file.values() if isinstance(item, h5py.Dataset)]
            return "_NCProperties" in file.attrs or any(" since " in str(unit) for unit in units)
    except (OSError, RuntimeError):
        return path.suffix == ".nc"


def open_netcdf_grid(path: str | Path, variable: str | None = None, allow_absent_days: bool = False) -> xr.DataArray:
    """Open a daily grid without reading its values; fill values become NaN, packed values are unpacked.

    The rows run from the north: where the y coordinate (axis Y, or latitude or projection_y_coordinate) grows from row
    to row, the rows are turned round, and the columns where x falls. A stamp at any time of a day stands for that
    calendar day.

    Args:
        path: netCDF-4 file with a variable over time, y and x, in any order.
        variable: its name; None takes the only one over three dimensions.
        allow_absent_days: accept days that are missing between the first and the last.

    Returns:
        [time, y, x] with y falling and x growing; `time` holds calendar days. The variable's and the coordinates'
        attributes (units among them) are kept; the attribute `notes` says what was done to stamps and rows.

    Raises:
        DataError: the file is absent, not netCDF-4 or cut short; the variable, time, y or x is absent or cannot be
            told; the calendar is not the usual one; or days are repeated, unordered or absent.
    """
    path = require_file(Path(path))
    data = _open(path)
    values = _variable(path, data, variable)
    time = _time(path, data, values)
    axes = {time: "time", **{_axis(path, data, values, axis): axis for axis in ("y", "x")}}
    stamps = _stamps(path, data[time])
    days = stamps.astype("datetime64[D]")
    _check_days(path, days, allow_absent_days)
    coordinates = {axis: data[dim].variable for dim, axis in axes.items() if axis != "time"}
    grid = xr.DataArray(
        values.variable.transpose(*axes),
        dims=("time", "y", "x"),
        coords={
            "time": days,
            **{axis: (axis, np.asarray(c.values, np.float64), c.attrs) for axis, c in coordinates.items()},
        },
        name=str(values.name),
        attrs=values.attrs,
    )
    notes = []
    hours = np.unique((stamps - days).astype("timedelta64[m]"))
    if hours.any():
        stamp = np.datetime_as_string(np.datetime64("2000-01-01") + hours[-1], unit="m")[11:]
        notes.append(f"stamps at {stamp} stand for their calendar day")
    for axis, falls, turned in (("y", True, "rows from the south were turned"), ("x", False, "columns were turned")):
        if _falls(path, grid[axis]) != falls:
            grid = grid.isel({axis: slice(None, None, -1)})
            notes.append(turned)
    grid.attrs["notes"] = tuple(notes)
    grid.encoding["source"] = str(path)
    return grid


def _open(path: Path) -> xr.Dataset:
    with path.open("rb") as content:
        if content.read(3) == _CLASSIC:
            raise DataError(f"{path}: is classic netCDF, which is not read; convert it with `nccopy -k nc4`")
    try:
        return xr.open_dataset(path, engine="h5netcdf", decode_times=False, decode_timedelta=False, cache=False)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: is not netCDF-4 or is cut short ({reason}); copy or download it again") from None


def _variable(path: Path, data: xr.Dataset, name: str | None) -> xr.DataArray:
    grids = [str(found) for found, item in data.data_vars.items() if item.ndim == 3 and item.dtype.kind in "iuf"]
    listed = ", ".join(grids) or "none"
    if name is None and len(grids) != 1:
        raise DataError(
            f"{path}: has {len(grids)} variables over three dimensions ({listed}), not one; "
            f"name one with the modality's key variable"
        )
    name = name or grids[0]
    if name not in grids:
        raise DataError(f"{path}: has no variable {name} over time, y and x, only {listed}; name one of those")
    values = data[name]
    if 0 in values.shape:
        raise DataError(f"{path}: {name} has shape {values.shape}; none of its dimensions may be empty")
    return values


def _time(path: Path, data: xr.Dataset, values: xr.DataArray) -> Hashable:
    for dim in values.dims:
        if dim in data.variables and " since " in str(data[dim].attrs.get("units", "")):
            return dim
    raise DataError(f"{path}: {values.name} has no time with units `days since ...`; write time as CF has it")


def _axis(path: Path, data: xr.Dataset, values: xr.DataArray, axis: str) -> Hashable:
    for dim in values.dims:
        if dim not in data.variables:
            continue
        attrs = data[dim].attrs
        if attrs.get("axis") == axis.upper() or attrs.get("standard_name") in _NAMES[axis]:
            return dim
        if str(dim).lower() in _SHORT[axis]:
            return dim
    dims = ", ".join(str(dim) for dim in values.dims)
    raise DataError(
        f"{path}: {values.name} over {dims} has no coordinate {axis} (axis {axis.upper()}), "
        f"so which way its {'rows' if axis == 'y' else 'columns'} run cannot be told; write it as CF has it"
    )


def _stamps(path: Path, time: xr.DataArray) -> np.ndarray:
    calendar = str(time.attrs.get("calendar", "standard")).lower()
    if calendar not in _CALENDARS:
        raise DataError(
            f"{path}: has the calendar {calendar}, whose days are not those of the records; convert it to standard"
        )
    try:
        decoded = xr.decode_cf(xr.Dataset({"stamps": ("stamp", time.values, time.attrs)}))["stamps"].values
    except (ValueError, OverflowError, ImportError) as error:
        units = time.attrs.get("units")
        raise DataError(f"{path}: its time in {units!r} cannot be read ({error}); write it as CF has it") from None
    if decoded.dtype.kind != "M" or np.isnat(decoded).any():
        raise DataError(f"{path}: its time is not a date everywhere; write it as CF has it")
    return np.asarray(decoded)


def _falls(path: Path, coordinate: xr.DataArray) -> bool:
    steps = np.diff(coordinate.values)
    if not steps.size or not ((steps > 0).all() or (steps < 0).all()):
        raise DataError(f"{path}: its {coordinate.name} neither grows nor falls throughout; write the cells in order")
    return bool(steps[0] < 0)


def _check_days(path: Path, days: np.ndarray, allow_absent_days: bool) -> None:
    steps = np.diff(days).astype(np.int64)
    if (wrong := np.flatnonzero(steps <= 0)).size:
        i = wrong[0]
        what = f"has {days[i]} twice" if steps[i] == 0 else f"is not in order, {days[i + 1]} follows {days[i]}"
        raise DataError(f"{path}: its time {what}; write one map a day, in order")
    if not allow_absent_days and (wrong := np.flatnonzero(steps > 1)).size:
        raise DataError(
            f"{path}: its time lacks {days[wrong[0]] + 1}; add the day, "
            f"or set the modality's allow_absent_days to true to take it as missing"
        )
