"""Daily grids as the CF conventions write them, whatever file holds them: rows from the north, days, projection."""

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from hydromae.base.errors import DataError
from hydromae.base.stamps import Clocks
from hydromae.readers.cf_time import begins_of, is_time, note_on_calendar, notes_on_time, source_days, stamps_of
from hydromae.readers.dates import check_days, check_moments
from hydromae.readers.guard import check_maps, check_stored, reading
from hydromae.readers.hdf5_file import positions
from hydromae.readers.time_rules import TimeRules

_NAMES = {
    "y": {"projection_y_coordinate", "latitude", "grid_latitude"},
    "x": {"projection_x_coordinate", "longitude", "grid_longitude"},
}
_SHORT = {"y": {"y", "lat", "latitude", "northing", "rlat"}, "x": {"x", "lon", "longitude", "easting", "rlon"}}


def cf_grid(
    path: Path,
    data: xr.Dataset,
    variable: str | None,
    allow_absent_days: bool,
    stored: int,
    before: Callable[[str, range, int], None] = lambda name, days, axis: None,
    rules: TimeRules = TimeRules(),  # noqa: B008  (it is frozen)
) -> xr.DataArray:
    """The grid of an opened data set, its values not read; fill values become NaN, packed values are unpacked.

    The rows run from the north: where the y coordinate (axis Y, or latitude or projection_y_coordinate) grows from row
    to row, the rows are turned round, and the columns where x falls. A stamp at any time of a day stands for that
    calendar day. Dimensions of one entry beside time, y and x, as height, are dropped. Coordinates of two dimensions,
    as latitude and longitude on a projection, are not read.

    Args:
        path: where it is, for messages.
        data: opened with undecoded times, values masked and scaled as they are read.
        variable: the variable over time, y and x, in any order; None takes the only one over these three.
        allow_absent_days: accept days that are missing between the first and the last.
        stored: bytes on disk; a file that declares far more values than these bytes can hold is refused.
        rules: how its times are taken.
        before: called with the variable, the positions of days that are about to be read, and the axis that is time in
            the file.

    Returns:
        [time, y, x] with y falling and x growing; `time` holds calendar days, or by `rules` moments, with the
        coordinate `begins` where the file has bounds of time. The variable's and the coordinates'
        attributes (units among them) are kept; `notes` says what was done to stamps and rows and which hours a value
        covers; `grid_mapping_attrs` are the projection's attributes as CF has them, `crs_wkt` its text where given.

    Raises:
        DataError: the variable, time, y or x is absent or unclear; the calendar is not the usual one; days are
            repeated, unordered or absent; or more is declared than any real grid has.
    """
    values = _variable(path, data, variable)
    stored_dims = data[values.name].dims
    time = _time(path, data, values)
    if rules.calendar is not None:
        for name in {time, data[time].attrs.get("bounds")} & set(data.variables):
            data.variables[name].attrs["calendar"] = rules.calendar
    axes = {time: "time", **{axis_of(path, data, values, axis): axis for axis in ("y", "x")}}
    if len(axes) != 3:
        raise DataError(f"{path}: {values.name} has one dimension for two of time, y and x; write it as CF has it")
    ordered = values.variable.transpose(*axes)
    check_maps(path, values.name, ordered.shape, rules.sub_daily)
    check_stored(path, values.name, ordered.shape, 1, stored)
    stamps, clocks = stamps_of(path, data[time], rules), Clocks()
    kept = np.flatnonzero(~np.isnat(stamps))
    ordered, stamps = (ordered, stamps) if len(kept) == len(stamps) else (ordered.isel({time: kept}), stamps[kept])
    own_days = source_days(path, data[time], rules)
    if own_days is not None and not allow_absent_days and (gaps := np.flatnonzero(np.diff(own_days) > 1)).size:
        raise DataError(
            f"{path}: lacks days of its calendar in its {time} after entry {gaps[0]}; add them, or set the modality's "
            f"allow_absent_days to true to take them as missing"
        )
    begins = None
    if rules.sub_daily:
        check_moments(path, stamps, str(time))
        days = stamps
        begins = begins_of(path, data, time, stamps) if own_days is None else None
    else:
        days = clocks.days_of(stamps)
        clocks.check(path, str(time))
        check_days(path, stamps, allow_absent_days or own_days is not None, str(time))
    coordinates = {axis: data[dim].variable for dim, axis in axes.items() if axis != "time"}
    grid = xr.DataArray(
        indexing.LazilyIndexedArray(
            _Guarded(
                path,
                str(values.name),
                ordered,
                days,
                lambda name, read: before(name, _span(kept, read), stored_dims.index(time)),
            )
        ),
        dims=("time", "y", "x"),
        coords={"time": days, **{axis: (axis, _numbers(path, c), c.attrs) for axis, c in coordinates.items()}},
        name=str(values.name),
        attrs={**values.attrs, **_projection(data, values)},
    )
    methods = " ".join(str(values.attrs.get(key, "")) for key in ("cell_methods", "comment"))
    notes = [*note_on_calendar(data[time], rules)]
    if not rules.sub_daily and own_days is None:
        notes += notes_on_time(path, data, time, days, clocks, methods)
    elif begins is not None:
        grid = grid.assign_coords(begins=("time", begins))
    for axis, falls, turned in (("y", True, "rows from the south were turned"), ("x", False, "columns were turned")):
        if coordinate_falls(path, grid[axis]) != falls:
            grid = grid.isel({axis: slice(None, None, -1)})
            notes.append(turned)
    grid.attrs |= {"notes": tuple(notes), "clocks": clocks.minutes}
    grid.encoding["source"] = str(path)
    chunks = values.encoding.get("chunksizes") or values.encoding.get("chunks")
    if chunks:
        grid.encoding["chunksizes"] = tuple(chunks[stored_dims.index(dim)] for dim in axes)
    return grid


def _span(kept: np.ndarray, read: range) -> range:
    """The positions in the file of positions among those that are kept."""
    return range(int(kept[read[0]]), int(kept[read[-1]]) + 1) if len(read) else read


class _Guarded(BackendArray):
    """Lazy values [time, y, x] whose reading fails with one DataError that names the days."""

    def __init__(
        self, path: Path, name: str, values: xr.Variable, days: np.ndarray, before: Callable[[str, range], None]
    ) -> None:
        self.path, self.name, self.values, self.days, self.before = path, name, values, days, before
        self.shape: tuple[int, ...] = values.shape
        self.dtype: np.dtype[Any] = values.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        read: np.ndarray = indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._read
        )
        return read

    def _read(self, key: tuple[int | slice, ...]) -> np.ndarray:
        days = np.atleast_1d(self.days[key[0]])
        span = f"from {days[0]} to {days[-1]}" if len(days) else "on no day"
        with (
            reading(self.path, f"{self.name} cannot be read {span}", "copy or download the file again"),
            np.errstate(all="ignore"),  # unpacking beyond the dtype becomes inf, which is found and named later
        ):
            self.before(self.name, positions(key[0], len(self.days)))
            return np.asarray(self.values[key].values)


def grid_variables(data: xr.Dataset) -> list[str]:
    """The numeric variables over time, y and x, without bounds; further dimensions of one entry do not count."""
    bounds = {str(item.attrs.get("bounds")) for item in data.variables.values()}
    return [
        str(name)
        for name, item in data.data_vars.items()
        if item.dtype.kind in "iuf" and name not in bounds and squeezed(data, item).ndim == 3
    ]


def squeezed(data: xr.Dataset, values: xr.DataArray) -> xr.DataArray:
    """The values without dimensions of one entry that are neither time, y nor x; unchanged where there are three."""
    if values.ndim <= 3:
        return values
    axes = _known_axes(data, values)
    return values.isel({dim: 0 for dim in values.dims if values.sizes[dim] == 1 and dim not in axes})


def _variable(path: Path, data: xr.Dataset, name: str | None) -> xr.DataArray:
    grids = grid_variables(data)
    listed = ", ".join(grids) or "none"
    unlike = [str(n) for n, item in data.data_vars.items() if item.ndim > 3 and n not in grids and name in (None, n)]
    if unlike and (name is not None or not grids):
        sizes = data[unlike[0]].sizes
        axes = _known_axes(data, data[unlike[0]])
        chosen = next((dim for dim in sizes if dim not in axes and sizes[dim] > 1), next(iter(sizes)))
        raise DataError(
            f"{path}: {unlike[0]} has the dimensions {', '.join(f'{dim} ({size})' for dim, size in sizes.items())}, "
            f"not time, y and x; write one entry of {chosen}, as xarray.open_dataset(...).isel({chosen}=[0]) gives the "
            f"first, or a mean over it"
        )
    if name is None and len(grids) != 1:
        raise DataError(
            f"{path}: has {len(grids)} variables over three dimensions ({listed}), not one; "
            f"name one with the modality's key variable"
        )
    name = name or grids[0]
    if name not in grids:
        raise DataError(f"{path}: has no variable {name} over time, y and x, only {listed}; name one of those")
    values = squeezed(data, data[name])
    if 0 in values.shape:
        raise DataError(f"{path}: {name} has shape {values.shape}; none of its dimensions may be empty")
    return values


def _time(path: Path, data: xr.Dataset, values: xr.DataArray) -> Hashable:
    for dim in values.dims:
        if dim in data.variables and is_time(data[dim]):
            return dim
    raise DataError(f"{path}: {values.name} has no time with units `days since ...`; write time as CF has it")


def axis_of(path: Path, data: xr.Dataset, values: xr.DataArray, axis: str) -> Hashable:
    """The dimension of `values` that is `axis`, y or x, by its coordinate's axis, standard name or own name.

    Raises:
        DataError: no dimension is.
    """
    for dim in values.dims:
        if _is_axis(data, dim, axis):
            return dim
    dims = ", ".join(str(dim) for dim in values.dims)
    raise DataError(
        f"{path}: {values.name} over {dims} has no coordinate {axis} (axis {axis.upper()}), "
        f"so it is unclear which way its {'rows' if axis == 'y' else 'columns'} run; write it as CF has it"
    )


def _is_axis(data: xr.Dataset, dim: Hashable, axis: str) -> bool:
    if dim not in data.variables:
        return False
    attrs = data[dim].attrs
    named = str(attrs.get("axis")) == axis.upper() or str(attrs.get("standard_name")) in _NAMES[axis]
    return named or str(dim).lower() in _SHORT[axis]


def _known_axes(data: xr.Dataset, values: xr.DataArray) -> set[Hashable]:
    """The dimensions that are known as time, y or x."""
    return {
        dim
        for dim in values.dims
        if (dim in data.variables and is_time(data[dim])) or any(_is_axis(data, dim, axis) for axis in _NAMES)
    }


def coordinate_falls(path: Path, coordinate: xr.DataArray) -> bool:
    """Whether a coordinate falls from cell to cell; DataError where it neither grows nor falls throughout."""
    steps = np.diff(coordinate.values)
    if not steps.size or not ((steps > 0).all() or (steps < 0).all()):
        raise DataError(f"{path}: its {coordinate.name} neither grows nor falls throughout; write the cells in order")
    return bool(steps[0] < 0)


def _numbers(path: Path, coordinate: xr.Variable) -> np.ndarray:
    with reading(path, "a coordinate is not of numbers", "write it as CF has it"):
        return np.asarray(coordinate.values, np.float64)


def _projection(data: xr.Dataset, values: xr.DataArray) -> dict[str, Any]:
    """The attributes of the variable that `grid_mapping` names, plain numbers and texts."""
    named = str(values.attrs.get("grid_mapping") or values.encoding.get("grid_mapping") or "")
    name = named.split(":")[0].strip()  # CF's extended form is `name: x y`
    if name not in data.variables:
        return {}
    attrs = {str(key): value.tolist() if isinstance(value, np.ndarray | np.generic) else value
             for key, value in data[name].attrs.items()}  # fmt: skip
    attrs = {key: v[0] if isinstance(v, list) and len(v) == 1 else v for key, v in attrs.items()}
    wkt = attrs.get("crs_wkt") or attrs.get("spatial_ref")
    return {"grid_mapping_attrs": attrs, **({"crs_wkt": str(wkt)} if wkt else {})}
