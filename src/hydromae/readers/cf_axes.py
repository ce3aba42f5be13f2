"""The axes of data in CF conventions, whatever file holds them and whatever lies at each time: maps or stations."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.base.stamps import Clocks
from hydromae.readers.cf_time import begins_of, is_time, note_on_calendar, notes_on_time, source_days, stamps_of
from hydromae.readers.dates import check_days, check_moments
from hydromae.readers.time_rules import TimeRules

_NAMES = {
    "y": {"projection_y_coordinate", "latitude", "grid_latitude"},
    "x": {"projection_x_coordinate", "longitude", "grid_longitude"},
}
_SHORT = {"y": {"y", "lat", "latitude", "northing", "rlat"}, "x": {"x", "lon", "longitude", "easting", "rlon"}}


def no_check(name: str, days: range, axis: int) -> None:
    """What is called before values are read where nothing needs a look."""


@dataclass(frozen=True)
class Opened:
    """A data set that was opened within the guards, no values read but those of coordinates.

    Attributes:
        path: where it is, for messages.
        data: times undecoded, values masked and scaled as they are read.
        stored: bytes on disk; a file that declares far more values than these bytes can hold is refused.
        before: called with the variable, the positions of times that are about to be read, and the axis that is time in
            the file.
        notes: how it was opened, where that is worth a sentence.
    """

    path: Path
    data: xr.Dataset
    stored: int
    before: Callable[[str, range, int], None] = no_check
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Times:
    """The times of a file as they are taken.

    Attributes:
        time: calendar days, or by the rules moments, in order and each once; datetime64 [kept].
        kept: which of the file's times these are, int64 [kept]: all but those without a real day.
        begins: when what each value covers begins, datetime64[s] [kept]; None where the file does not say it, or days
            are taken.
        notes: what was done, and which hours a value covers.
        clocks: the times of day of stamps that stand for days, in minutes.
    """

    time: np.ndarray
    kept: np.ndarray
    begins: np.ndarray | None
    notes: tuple[str, ...]
    clocks: tuple[int, ...]

    def span(self, read: range) -> range:
        """The positions in the file of positions among those that are kept."""
        return range(int(self.kept[read[0]]), int(self.kept[read[-1]]) + 1) if len(read) else read


def numeric_variables(data: xr.Dataset) -> list[xr.DataArray]:
    """The variables of numbers that are not the bounds of others."""
    bounds = {str(item.attrs.get("bounds")) for item in data.variables.values()}
    return [item for name, item in data.data_vars.items() if item.dtype.kind in "iuf" and name not in bounds]


def squeezed(data: xr.Dataset, values: xr.DataArray, dimensions: int, *kept: Hashable) -> xr.DataArray:
    """The values without dimensions of one entry that are neither time, y, x nor `kept`, as height.

    Unchanged where they have no more than as many `dimensions`.
    """
    if values.ndim <= dimensions:
        return values
    axes = known_axes(data, values) | set(kept)
    return values.isel({dim: 0 for dim in values.dims if values.sizes[dim] == 1 and dim not in axes})


def time_axis(path: Path, data: xr.Dataset, values: xr.DataArray) -> Hashable:
    """The dimension of `values` that is time.

    Raises:
        DataError: no dimension is.
    """
    for dim in values.dims:
        if dim in data.variables and is_time(data[dim]):
            return dim
    raise DataError(f"{path}: {values.name} has no time with units `days since ...`; write time as CF has it")


def times_of(
    path: Path,
    data: xr.Dataset,
    values: xr.DataArray,
    rules: TimeRules,
    allow_absent_days: bool,
    each: str,
) -> Times:
    """The days of the values, or the moments where the rules ask for them.

    Args:
        path: the file, for messages.
        data: holds the time of `values` and, where that names them, its bounds.
        values: the variable.
        rules: how its times are taken.
        allow_absent_days: accept days that are missing between the first and the last.
        each: what there is at each time, as `maps`, for messages.

    Raises:
        DataError: there is no time, its calendar is not the usual one and no rule is for it, or days are repeated,
            unordered or absent.
    """
    time = time_axis(path, data, values)
    if rules.calendar is not None:
        for name in {time, data[time].attrs.get("bounds")} & set(data.variables):
            data.variables[name].attrs["calendar"] = rules.calendar
    stamps, clocks = stamps_of(path, data[time], rules), Clocks()
    kept = np.flatnonzero(~np.isnat(stamps))
    if not kept.size:
        raise DataError(f"{path}: {values.name} has no times in its {time}; give a file with values")
    stamps = stamps[kept]
    own_days = source_days(path, data[time], rules)
    if own_days is not None and not allow_absent_days and (gaps := np.flatnonzero(np.diff(own_days) > 1)).size:
        raise DataError(
            f"{path}: lacks days of its calendar in its {time} after entry {gaps[0]}; add them, or set the modality's "
            f"allow_absent_days to true to take them as missing"
        )
    notes = [*note_on_calendar(data[time], rules)]
    if rules.sub_daily:
        check_moments(path, stamps, str(time))
        begins = begins_of(path, data, time, stamps) if own_days is None else None
        return Times(stamps, kept, begins, tuple(notes), ())
    days = clocks.days_of(stamps)
    clocks.check(path, str(time))
    check_days(path, stamps, allow_absent_days or own_days is not None, str(time), each=each)
    if own_days is None:
        methods = " ".join(str(values.attrs.get(key, "")) for key in ("cell_methods", "comment"))
        notes += notes_on_time(path, data, time, days, clocks, methods)
    return Times(days, kept, None, tuple(notes), clocks.minutes)


def axis_of(path: Path, data: xr.Dataset, values: xr.DataArray, axis: str) -> Hashable:
    """The dimension of `values` that is `axis`, y or x, by its coordinate's axis, standard name or own name.

    Raises:
        DataError: no dimension is.
    """
    for dim in values.dims:
        if is_axis(data, dim, axis):
            return dim
    dims = ", ".join(str(dim) for dim in values.dims)
    raise DataError(
        f"{path}: {values.name} over {dims} has no coordinate {axis} (axis {axis.upper()}), "
        f"so it is unclear which way its {'rows' if axis == 'y' else 'columns'} run; write it as CF has it"
    )


def is_axis(data: xr.Dataset, dim: Hashable, axis: str) -> bool:
    """Whether a dimension is y or x by its coordinate's axis, standard name or own name."""
    if dim not in data.variables:
        return False
    attrs = data[dim].attrs
    named = str(attrs.get("axis")) == axis.upper() or str(attrs.get("standard_name")) in _NAMES[axis]
    return named or str(dim).lower() in _SHORT[axis]


def known_axes(data: xr.Dataset, values: xr.DataArray) -> set[Hashable]:
    """The dimensions that are known as time, y or x."""
    return {
        dim
        for dim in values.dims
        if (dim in data.variables and is_time(data[dim])) or any(is_axis(data, dim, axis) for axis in _NAMES)
    }


def coordinate_falls(path: Path, coordinate: xr.DataArray) -> bool:
    """Whether a coordinate falls from cell to cell; DataError where it neither grows nor falls throughout."""
    steps = np.diff(coordinate.values)
    if not steps.size or not ((steps > 0).all() or (steps < 0).all()):
        raise DataError(f"{path}: its {coordinate.name} neither grows nor falls throughout; write the cells in order")
    return bool(steps[0] < 0)
