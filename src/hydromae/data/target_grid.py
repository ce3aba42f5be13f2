"""All grids on the same cells: the rows of each from the north, and other cells brought to those of one grid."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from jaxtyping import Float

from hydromae.config import ModalityConfig
from hydromae.data.readers.coordinates import same_centres
from hydromae.data.readers.units import same_units
from hydromae.data.regrid import Cells, bilinear, coarsen, conservative, edges, nearest
from hydromae.errors import DataError

if TYPE_CHECKING:
    from hydromae.data.sources import Source

_LATITUDE = {"latitude", "degrees_north", "degree_north"}


@dataclass(frozen=True)
class Regrid:
    """How maps of a source become maps on the target's cells.

    Attributes:
        rule: the configured rule.
        target: the cells of what comes out.
        apply: float32 [day, row, column], NaN where missing -> the same on the target's cells.
    """

    rule: str
    target: Cells
    apply: Callable[[Float[np.ndarray, "day row column"]], Float[np.ndarray, "day new_row new_column"]]


def cells_of(values: xr.DataArray) -> Cells:
    """The cells of a reader's grid [time, y, x]."""
    y, x = (np.asarray(values[axis].values, np.float64) if axis in values.coords else None for axis in ("y", "x"))
    geographic = "y" in values.coords and bool(_LATITUDE & {str(text) for text in values["y"].attrs.values()})
    _, height, width = values.shape
    return Cells((height, width), y, x, geographic)


def north_first(values: xr.DataArray, name: str, settings: ModalityConfig, path: Path) -> xr.DataArray:
    """A reader's grid with its rows from the north and its columns from the west, and a note where they were turned.

    A coordinate says which way they run; without one `row_order` says it of the rows, and columns are from the west.

    Raises:
        DataError: a coordinate neither grows nor falls.
    """
    turned = []
    for axis, falls, what in (("y", True, "rows"), ("x", False, "columns")):
        if axis in values.coords and values.sizes[axis] > 1:
            steps = np.diff(values[axis].values)
            if not ((steps > 0).all() or (steps < 0).all()):
                raise DataError(
                    f"{path}: its {axis} neither grows nor falls throughout; write the {what} of {name} in order"
                )
            if bool(steps[0] < 0) != falls:
                values = values.isel({axis: slice(None, None, -1)})
                turned.append(f"{what} were turned, as {axis} says they run from the {'south' if falls else 'east'}")
        elif axis == "y" and axis not in values.coords and settings.row_order == "south_first":
            values = values.isel({axis: slice(None, None, -1)})
            turned.append("rows from the south were turned, as row_order says")
    if turned:
        values.attrs["notes"] = (*values.attrs.get("notes", ()), *turned)
    return values


def bring_to_target(grids: Sequence["Source"], target_grid: str | None) -> list["Source"]:
    """The grids on the cells of one of them, read by their `regrid` where their own cells are others.

    Args:
        grids: sources of kind grid, in the order of the configuration.
        target_grid: the modality whose cells all are brought to; None is the first.

    Raises:
        DataError: a grid has other cells and no `regrid`, or one that cannot be applied to it.
    """
    if not grids:
        return []
    target = next((grid for grid in grids if grid.name == (target_grid or grids[0].name)), None)
    if target is None:
        raise DataError(f"data.target_grid is {target_grid}, which is none of the grids that could be opened")
    brought = [_brought(grid, target) for grid in grids]
    if not target.cells.placed:
        _check_agreement([grid for grid in brought if grid.regrid is None], target)
    return brought


def same_cells(one: Cells, other: Cells) -> bool:
    """Whether shapes are equal and, where both say where their cells lie, the centres too."""
    if one.shape != other.shape:
        return False
    return all(a is None or b is None or same_centres(a, b) for a, b in ((one.y, other.y), (one.x, other.x)))


def _check_agreement(grids: Sequence["Source"], target: "Source") -> None:
    """Raise DataError where two grids lie in other places, which a target without coordinates cannot tell."""
    placed = [grid for grid in grids if grid.cells.placed]
    for grid in placed[1:]:
        if not same_cells(grid.cells, placed[0].cells):
            raise DataError(
                f"{grid.pieces[0].path}: {_elsewhere(grid.cells, placed[0].cells, placed[0])}, and {target.name} does "
                f"not say where its cells lie; set data.target_grid to the right one, or bring all to the same cells"
            )


def _brought(grid: "Source", target: "Source") -> "Source":
    cells, wanted = grid.cells, target.cells
    if same_cells(cells, wanted):
        return grid
    path, (height, width), (rows, columns) = grid.pieces[0].path, cells.shape, wanted.shape
    key, rule = f"data.modalities.{grid.name}.regrid", grid.settings.regrid
    if rule is None:
        differing = f"has {height} x {width} cells, but {target.pieces[0].path} has {rows} x {columns}"
        if cells.shape == wanted.shape:
            differing = _elsewhere(cells, wanted, target)
        raise DataError(
            f"{path}: {differing}; bring all grids to the same cells, or set {key} to coarsen, nearest, bilinear "
            f"or conservative"
        )
    where = f"{path}: cannot be brought to the {rows} x {columns} cells of {target.name} by {key} {rule}"
    if rule == "coarsen":
        _check_blocks(cells, wanted, where)
        return replace(grid, regrid=Regrid(rule, wanted, partial(coarsen, shape=wanted.shape)))
    _check_placed(grid, target, cells, wanted, where)
    apply = {"nearest": nearest, "bilinear": bilinear, "conservative": conservative}[rule]
    return replace(grid, regrid=Regrid(rule, wanted, partial(apply, source=cells, target=wanted)))


def _check_blocks(cells: Cells, wanted: Cells, where: str) -> None:
    (height, width), (rows, columns) = cells.shape, wanted.shape
    if height % rows or width % columns:
        raise DataError(
            f"{where}: {height} x {width} cells are not whole blocks of cells for each of {rows} x {columns}; "
            f"take conservative"
        )
    for axis, a, b in (("y", cells.y, wanted.y), ("x", cells.x, wanted.x)):
        if a is not None and b is not None and not same_centres(a.reshape(len(b), -1).mean(axis=1), b):
            raise DataError(
                f"{where}: the borders of its blocks and of those cells differ in {axis}; take conservative"
            )


def _check_placed(grid: "Source", target: "Source", cells: Cells, wanted: Cells, where: str) -> None:
    for source, found in ((grid, cells), (target, wanted)):
        if not found.placed or min(found.shape) < 2:
            raise DataError(
                f"{where}: {source.pieces[0].path} does not say where its cells lie; write its y and x as 1-D data "
                f"sets or coordinates, or take coarsen where blocks of cells fit"
            )
    assert cells.y is not None and cells.x is not None and wanted.y is not None and wanted.x is not None
    for axis, a, b in (("y", -cells.y, -wanted.y), ("x", cells.x, wanted.x)):
        units = [_units_of(source, axis) for source in (grid, target)]
        if all(units) and not same_units(*units):
            raise DataError(
                f"{where}: its {axis} is in {units[0]} and that of {target.name} in {units[1]}; convert one"
            )
        if not (_any_within(a, edges(b)) and _any_within(b, edges(a))):
            raise DataError(f"{where}: they have no place in common in {axis}; write both in one system of coordinates")


def _units_of(grid: "Source", axis: str) -> str:
    said = (piece.values[axis].attrs.get("units") for piece in grid.pieces if axis in piece.values.coords)
    return next((str(units) for units in said if units is not None), "")


def _any_within(centres: Float[np.ndarray, "cell"], borders: Float[np.ndarray, "edge"]) -> bool:
    return bool(((centres >= borders[0]) & (centres <= borders[-1])).any())


def _elsewhere(cells: Cells, wanted: Cells, target: "Source") -> str:
    (height, width), offset = cells.shape, _offset(cells, wanted)
    return f"has {height} x {width} cells like {target.pieces[0].path}, but in other places ({offset})"


def _offset(one: Cells, other: Cells) -> str:
    for axis, a, b in (("y", one.y, other.y), ("x", one.x, other.x)):
        if a is not None and b is not None and not same_centres(a, b):
            worst = int(np.abs(a - b).argmax())
            return f"{axis} {a[worst]:g} against {b[worst]:g}"
    raise AssertionError("cells of the same places have no offset")
