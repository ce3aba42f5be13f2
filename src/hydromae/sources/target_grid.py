"""All grids on the same cells: the rows of each from the north, and other cells brought to those of one grid."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from jaxtyping import Float

from hydromae.base.errors import DataError
from hydromae.base.units import same_units
from hydromae.readers.coordinates import same_centres
from hydromae.sources.cells import Regrid, same_cells
from hydromae.sources.regridding import Cells, bilinear, coarsen, conservative, edges, nearest
from hydromae.sources.source import Source
from hydromae.sources.systems import across


def bring_to_target(grids: Sequence[Source], target_grid: str | None, system: str | None = None) -> list[Source]:
    """The grids on the cells of one of them, read by their `regrid` where their own cells are others.

    Args:
        grids: sources of kind grid, in the order of the configuration.
        target_grid: the modality whose cells all are brought to; None is the first.
        system: of the grids whose files do not say in which system of coordinates they are.

    Raises:
        DataError: a grid has other cells and no `regrid`, or one that cannot be applied to it.
    """
    if not grids:
        return []
    target = next((grid for grid in grids if grid.name == (target_grid or grids[0].name)), None)
    if target is None:
        raise DataError(f"data.target_grid is {target_grid}, which is none of the grids that could be opened")
    brought = [_brought(grid, target, system) for grid in grids]
    if not target.cells.placed:
        _check_agreement([grid for grid in brought if grid.regrid is None], target)
    return brought


def _check_agreement(grids: Sequence[Source], target: Source) -> None:
    """Raise DataError where two grids lie in other places, which a target without coordinates cannot show."""
    placed = [grid for grid in grids if grid.cells.placed]
    for grid in placed[1:]:
        if not same_cells(grid.cells, placed[0].cells):
            raise DataError(
                f"{grid.pieces[0].path}: {_elsewhere(grid.cells, placed[0].cells, placed[0])}, and {target.name} does "
                f"not say where its cells lie; set data.target_grid to the right one, or bring all to the same cells"
            )


def _brought(grid: Source, target: Source, system: str | None) -> Source:
    cells, target_cells = grid.cells, target.cells
    if same_cells(cells, target_cells):
        return grid
    path, (height, width), (rows, columns) = grid.pieces[0].path, cells.shape, target_cells.shape
    key, rule = f"data.modalities.{grid.name}.regrid", grid.settings.regrid
    if rule is None:
        differing = f"has {height} x {width} cells, but {target.pieces[0].path} has {rows} x {columns}"
        if cells.shape == target_cells.shape:
            differing = _elsewhere(cells, target_cells, target)
        raise DataError(
            f"{path}: {differing}; bring all grids to the same cells, or set {key} to coarsen, nearest, bilinear "
            f"or conservative"
        )
    where = f"{path}: cannot be brought to the {rows} x {columns} cells of {target.name} by {key} {rule}"
    if rule == "coarsen":
        check_blocks(cells, target_cells, where)
        return replace(grid, regrid=Regrid(rule, target_cells, partial(coarsen, shape=target_cells.shape)))
    if (regrid := across(grid, target, rule, system)) is not None:
        return replace(grid, regrid=regrid)
    _check_placed(grid, target, cells, target_cells, where)
    apply = {"nearest": nearest, "bilinear": bilinear, "conservative": conservative}[rule]
    return replace(grid, regrid=Regrid(rule, target_cells, partial(apply, source=cells, target=target_cells)))


def check_blocks(cells: Cells, target_cells: Cells, where: str) -> None:
    """Raise DataError, which begins with `where`, unless each target cell is a whole block of cells."""
    (height, width), (rows, columns) = cells.shape, target_cells.shape
    if height % rows or width % columns:
        raise DataError(
            f"{where}: {height} x {width} cells are not whole blocks of cells for each of {rows} x {columns}; "
            f"take conservative"
        )
    for axis, a, b in (("y", cells.y, target_cells.y), ("x", cells.x, target_cells.x)):
        if a is not None and b is not None and not same_centres(a.reshape(len(b), -1).mean(axis=1), b):
            raise DataError(
                f"{where}: the borders of its blocks and of those cells differ in {axis}; take conservative"
            )


def _check_placed(grid: Source, target: Source, cells: Cells, target_cells: Cells, where: str) -> None:
    for source, its_cells in ((grid, cells), (target, target_cells)):
        if not its_cells.placed or min(its_cells.shape) < 2:
            raise DataError(
                f"{where}: {source.pieces[0].path} does not say where its cells lie; write its y and x as 1-D data "
                f"sets or coordinates, or take coarsen where blocks of cells fit"
            )
    assert cells.y is not None and cells.x is not None and target_cells.y is not None and target_cells.x is not None
    for axis, a, b in (("y", -cells.y, -target_cells.y), ("x", cells.x, target_cells.x)):
        units = [_units_of(source, axis) for source in (grid, target)]
        if all(units) and not same_units(*units):
            raise DataError(
                f"{where}: its {axis} is in {units[0]} and that of {target.name} in {units[1]}; convert one"
            )
        if not (any_within(a, edges(b)) and any_within(b, edges(a))):
            raise DataError(f"{where}: they have no place in common in {axis}; write both in one system of coordinates")


def _units_of(grid: Source, axis: str) -> str:
    said = (piece.values[axis].attrs.get("units") for piece in grid.pieces if axis in piece.values.coords)
    return next((str(units) for units in said if units is not None), "")


def any_within(centres: Float[np.ndarray, "cell"], borders: Float[np.ndarray, "edge"]) -> bool:
    """Whether a centre lies between the outermost borders."""
    return bool(((centres >= borders[0]) & (centres <= borders[-1])).any())


def _elsewhere(cells: Cells, target_cells: Cells, target: Source) -> str:
    (height, width), offset = cells.shape, _offset(cells, target_cells)
    return f"has {height} x {width} cells like {target.pieces[0].path}, but in other places ({offset})"


def _offset(cells: Cells, other: Cells) -> str:
    for axis, a, b in (("y", cells.y, other.y), ("x", cells.x, other.x)):
        if a is not None and b is not None and not same_centres(a, b):
            worst = int(np.abs(a - b).argmax())
            return f"{axis} {a[worst]:g} against {b[worst]:g}"
    raise AssertionError("cells of the same places have no offset")
