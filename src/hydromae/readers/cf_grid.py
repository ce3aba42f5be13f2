"""Daily grids as the CF conventions write them, whatever file holds them: rows from the north, days, projection."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from hydromae.base.errors import DataError
from hydromae.readers.cf_axes import (
    Opened,
    axis_of,
    coordinate_falls,
    known_axes,
    numeric_variables,
    squeezed,
    time_axis,
    times_of,
)
from hydromae.readers.guard import check_maps, check_stored, reading
from hydromae.readers.hdf5_file import positions
from hydromae.readers.time_rules import TimeRules


def cf_grid(
    opened: Opened,
    variable: str | None,
    allow_absent_days: bool,
    rules: TimeRules = TimeRules(),  # noqa: B008  (it is frozen)
) -> xr.DataArray:
    """The grid of an opened data set, its values not read; fill values become NaN, packed values are unpacked.

    The rows run from the north: where the y coordinate (axis Y, or latitude or projection_y_coordinate) grows from row
    to row, the rows are turned round, and the columns where x falls. A stamp at any time of a day stands for that
    calendar day. Dimensions of one entry beside time, y and x, as height, are dropped. Coordinates of two dimensions,
    as latitude and longitude on a projection, are not read.

    Args:
        opened: the data set.
        variable: the variable over time, y and x, in any order; None takes the only one over these three.
        allow_absent_days: accept days that are missing between the first and the last.
        rules: how its times are taken.

    Returns:
        [time, y, x] with y falling and x growing; `time` holds calendar days, or by `rules` moments, with the
        coordinate `begins` where the file has bounds of time. The variable's and the coordinates'
        attributes (units among them) are kept; `notes` says what was done to stamps and rows and which hours a value
        covers; `grid_mapping_attrs` are the projection's attributes as CF has them, `crs_wkt` its text where given.

    Raises:
        DataError: the variable, time, y or x is absent or unclear; the calendar is not the usual one; days are
            repeated, unordered or absent; or more is declared than any real grid has.
    """
    path, data = opened.path, opened.data
    values = _variable(path, data, variable)
    stored_dims = data[values.name].dims
    time = time_axis(path, data, values)
    axes = {time: "time", **{axis_of(path, data, values, axis): axis for axis in ("y", "x")}}
    if len(axes) != 3:
        raise DataError(f"{path}: {values.name} has one dimension for two of time, y and x; write it as CF has it")
    ordered = values.variable.transpose(*axes)
    check_maps(path, values.name, ordered.shape, rules.sub_daily)
    check_stored(path, values.name, ordered.shape, 1, opened.stored)
    times = times_of(path, data, values, rules, allow_absent_days, "maps")
    if len(times.kept) < len(ordered):
        ordered = ordered.isel({time: times.kept})
    coordinates = {axis: data[dim].variable for dim, axis in axes.items() if axis != "time"}
    grid = xr.DataArray(
        indexing.LazilyIndexedArray(
            _Guarded(
                path,
                str(values.name),
                ordered,
                times.time,
                lambda name, read: opened.before(name, times.span(read), stored_dims.index(time)),
            )
        ),
        dims=("time", "y", "x"),
        coords={"time": times.time, **{axis: (axis, _numbers(path, c), c.attrs) for axis, c in coordinates.items()}},
        name=str(values.name),
        attrs={**values.attrs, **_projection(data, values)},
    )
    notes = [*times.notes]
    if times.begins is not None:
        grid = grid.assign_coords(begins=("time", times.begins))
    for axis, falls, turned in (("y", True, "rows from the south were turned"), ("x", False, "columns were turned")):
        if coordinate_falls(path, grid[axis]) != falls:
            grid = grid.isel({axis: slice(None, None, -1)})
            notes.append(turned)
    grid.attrs |= {"notes": (*notes, *opened.notes), "clocks": times.clocks}
    grid.encoding["source"] = str(path)
    chunks = values.encoding.get("chunksizes") or values.encoding.get("chunks")
    if chunks:
        grid.encoding["chunksizes"] = tuple(chunks[stored_dims.index(dim)] for dim in axes)
    return grid


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
    return [str(item.name) for item in numeric_variables(data) if squeezed(data, item, 3).ndim == 3]


def _variable(path: Path, data: xr.Dataset, name: str | None) -> xr.DataArray:
    grids = grid_variables(data)
    listed = ", ".join(grids) or "none"
    unlike = [str(n) for n, item in data.data_vars.items() if item.ndim > 3 and n not in grids and name in (None, n)]
    if unlike and (name is not None or not grids):
        sizes = data[unlike[0]].sizes
        axes = known_axes(data, data[unlike[0]])
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
    values = squeezed(data, data[name], 3)
    if 0 in values.shape:
        raise DataError(f"{path}: {name} has shape {values.shape}; none of its dimensions may be empty")
    return values


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
