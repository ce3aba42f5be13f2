"""Grids in different systems of coordinates: national grids, rotated poles, latitude and longitude."""

from collections.abc import Callable
from functools import partial

import numpy as np
from jaxtyping import Float, Int
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from hydromae.base.errors import DataError
from hydromae.sources.cells import Regrid
from hydromae.sources.conservative_between import Places, conservative_between
from hydromae.sources.coordinates import coordinates_of
from hydromae.sources.regridding import corners, edges, holding
from hydromae.sources.source import Source

_DEGREES = 4326  # EPSG code of latitude and longitude
_METRES = {"km": 1000.0}
# Places this close, in shares of a cell, are the same: two files may describe one system in different words.
_TOLERANCE = 0.01


def system_of(grid: Source, given: str | None = None) -> CRS | None:
    """The system that the cells of a grid lie in, as its files say it, else as the configuration does; None unknown.

    Raises:
        DataError: the files say it in a way that is not understood.
    """
    piece = grid.pieces[0]
    said = coordinates_of(piece.values)
    axis = said.get("y", {})
    if mapping := said.get("grid_mapping"):
        try:
            return CRS.from_cf(mapping)
        except (CRSError, KeyError) as error:
            raise DataError(
                f"{piece.path}: its grid mapping is not understood ({error}); write it as CF has it"
            ) from None
    if axis.get("standard_name") == "latitude" or str(axis.get("units", "")) in ("degrees_north", "degree_north"):
        return CRS.from_epsg(_DEGREES)
    return None if given is None else CRS.from_user_input(given)


def across(grid: Source, target: Source, rule: str, given: str | None) -> Regrid | None:
    """How a grid comes to the cells of one in another system; None where both are in one, or it is not known.

    Raises:
        DataError: the rule cannot be applied between two systems, or they have no place in common.
    """
    own, other = system_of(grid, given), system_of(target, given)
    cells, target_cells = grid.cells, target.cells
    if own is None or other is None or not (cells.placed and target_cells.placed) or min(cells.shape) < 2:
        return None
    y, x = _centres(grid, own, target, other)
    assert target_cells.y is not None and target_cells.x is not None
    steps = [float(np.abs(np.diff(axis)).min()) if len(axis) > 1 else 1.0 for axis in (target_cells.y, target_cells.x)]
    rows, columns = np.meshgrid(target_cells.y, target_cells.x, indexing="ij")
    scales = _scale(target, other) / _scale(grid, own)
    moved = max(np.abs(y - rows * scales).max() / steps[0], np.abs(x - columns * scales).max() / steps[1])
    if own.is_geographic == other.is_geographic and moved <= _TOLERANCE * scales:
        return None
    where = f"{grid.pieces[0].path}: cannot be brought to the cells of {target.name} by {rule}"
    if rule == "conservative" and min(target_cells.shape) < 2:
        raise DataError(f"{where}, whose extent one row or column does not say; take bilinear or nearest")
    assert cells.y is not None and cells.x is not None
    if own.is_geographic:
        west = edges(cells.x)[0]
        x = west + (x - west) % 360
    apply = partial(_nearest, rows=holding(-cells.y, -y.ravel()), columns=holding(cells.x, x.ravel()))
    if not ((apply.keywords["rows"] >= 0) & (apply.keywords["columns"] >= 0)).any():
        raise DataError(f"{where}: they have no place in common; check the grid mapping of both files")
    if rule == "bilinear":
        row, column, weight = corners(cells.y, cells.x, y.ravel(), x.ravel())
        apply = partial(_bilinear, rows=row, columns=column, weights=weight)
    brought: Callable[..., Float[np.ndarray, "day place"]] = apply
    if rule == "conservative":
        degrees = (own.is_geographic, other.is_geographic)
        brought = conservative_between(cells, target_cells, (y, x), _way(grid, own, target, other), degrees)
    shape = target_cells.shape
    return Regrid(
        f"{rule} from {own.name} to {other.name}", target_cells, lambda maps: brought(maps).reshape(-1, *shape)
    )


def _centres(
    grid: Source, own: CRS, target: Source, other: CRS
) -> tuple[Float[np.ndarray, "row column"], Float[np.ndarray, "row column"]]:
    """The centres of the target's cells in the system of the grid, in its units; infinite where that ends."""
    assert target.cells.x is not None and target.cells.y is not None
    x, y = np.meshgrid(target.cells.x, target.cells.y)  # [row, column]
    return _way(target, other, grid, own)(y, x)


def _way(grid: Source, own: CRS, target: Source, other: CRS) -> Callable[[Places, Places], tuple[Places, Places]]:
    """What takes y and x from the system of the grid to that of the target, each in its units."""
    way, scale, other_scale = Transformer.from_crs(own, other, always_xy=True), _scale(grid, own), _scale(target, other)

    def moved(y: Places, x: Places) -> tuple[Places, Places]:
        at_x, at_y = way.transform(x * scale, y * scale)
        return np.asarray(at_y) / other_scale, np.asarray(at_x) / other_scale

    return moved


def _scale(grid: Source, system: CRS) -> float:
    """Metres of a unit of the coordinates; 1 of degrees."""
    units = str(coordinates_of(grid.pieces[0].values).get("y", {}).get("units", ""))
    return _METRES.get(units, 1.0) if system.is_projected else 1.0


def _nearest(
    maps: Float[np.ndarray, "day row column"], rows: Int[np.ndarray, " place"], columns: Int[np.ndarray, " place"]
) -> Float[np.ndarray, "day place"]:
    taken = maps[:, np.maximum(rows, 0), np.maximum(columns, 0)]
    return np.where((rows < 0) | (columns < 0), np.float32(np.nan), taken).astype(np.float32)


def _bilinear(
    maps: Float[np.ndarray, "day row column"],
    rows: Int[np.ndarray, "place corner"],
    columns: Int[np.ndarray, "place corner"],
    weights: Float[np.ndarray, "place corner"],
) -> Float[np.ndarray, "day place"]:
    """Missing where a corner that has a weight is, or lies beyond the outermost centres."""
    total = np.zeros((len(maps), len(rows)))
    for row, column, weight in zip(rows.T, columns.T, weights.T, strict=True):  # four corners
        taken = np.where((row < 0) | (column < 0), np.nan, maps[:, np.maximum(row, 0), np.maximum(column, 0)])
        total += np.where(weight > 0, weight * taken, 0.0)
    return np.where((rows < 0).any(1) | (columns < 0).any(1), np.nan, total).astype(np.float32)
