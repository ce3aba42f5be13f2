"""From a map of a weather forecast to the places of a model: means over catchments, or the cells of its patches."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Bool, Float, Int
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError
from scipy.sparse import csr_array

from hydromae.base.errors import ConfigError, DataError
from hydromae.base.patches import pack
from hydromae.base.units import same_units
from hydromae.prediction.known_data import KnownData
from hydromae.sources.cells import same_cells
from hydromae.sources.regridding import (
    LEAST_VALID,
    Cells,
    bilinear,
    coarsen,
    conservative,
    corners,
    edges,
    holding,
    nearest,
)
from hydromae.sources.target_grid import any_within, check_blocks
from hydromae.windows.cells_around import cell_places

RULES: Final = ("coarsen", "nearest", "bilinear", "conservative")
_METRES: Final = {"km": 1000.0}
_DEGREES: Final = 4326  # EPSG code of latitude and longitude
_MARGIN: Final = 2  # cells that are kept around what is needed, for what lies half in them
_ALL: Final = 1 - 1e-6


@dataclass(frozen=True)
class MapCells:
    """Where the cells of the maps in a file lie.

    Attributes:
        cells: rows from the north, columns from the west; both placed.
        mapping: of a projected grid what CF says of the projection, empty where the file does not say it.
        units: of y and x.
    """

    cells: Cells
    mapping: dict[str, Any]
    units: str


@dataclass(frozen=True)
class Places:
    """What a map becomes.

    Attributes:
        rows: that are read of it.
        columns: the same.
        apply: float64 [rows, columns], NaN where missing, to [*place].
        lacking: stations that get no value; None of a grid.
        said: how, for the notes.
    """

    rows: slice
    columns: slice
    apply: Callable[[Float[np.ndarray, "row column"]], Float[np.ndarray, "*place"]]
    lacking: Bool[np.ndarray, " station"] | None
    said: str


def over_catchments(path: Path, maps: MapCells, points: Float[np.ndarray, "2 station point"], said: str) -> Places:
    """The mean over the points of each catchment; missing where less than half of them lie in cells with a value.

    Raises:
        DataError: the cells are not placed on the Earth, or none holds a point.
    """  # fmt: skip
    row, column = _cells_at(path, maps, points)
    if not ((row >= 0) & (column >= 0)).any():
        raise DataError(f"{path}: its grid holds none of the stations; take a forecast of their region")
    return _weighed(maps, row[..., None], column[..., None], np.ones((*row.shape, 1)), LEAST_VALID, said)


def on_grid(path: Path, name: str, maps: MapCells, data: KnownData, rule: str | None) -> Places:
    """The model's patches, brought to its cells by the rule of its data, or by another.

    Args:
        path: the file.
        name: modality, a grid.
        maps: where its cells lie.
        data: on whose cells they come.
        rule: one of `RULES`; None where the cells have to be the same.

    Raises:
        DataError: the cells are others and there is no rule, or one that cannot be applied to them.
    """
    store, own = data.store, maps.cells
    geographic = _is_geographic(data)
    target = Cells(store.shape, store.y, store.x, geographic)
    size, patches, land = store.patch_size, data.model.valid_patches.cpu().numpy(), data.land

    def packed(grid: Float[np.ndarray, "row column"]) -> Float[np.ndarray, "patch cell"]:
        return np.where(land, pack(grid, patches, size), np.nan)

    whole = slice(None), slice(None)
    if same_cells(own, target) and (own.geographic == geographic or not target.placed):
        return Places(*whole, packed, None, "on the cells of the data")
    of, to = (f"{cells.shape[0]} x {cells.shape[1]}" for cells in (own, target))
    if rule is None:
        raise DataError(
            f"{path}: {name} is on {of} cells that are not those of {store.path} ({to}), and the data have no rule by "
            f"which others become these; add --forcing-regrid bilinear, or nearest, coarsen or conservative"
        )
    where = f"{path}: {name} cannot be brought from {of} to the {to} cells of {store.path} by {rule}"
    said = f"{of} cells brought to {to} by {rule}"
    if rule == "coarsen":
        check_blocks(own, target, where)
        return Places(*whole, lambda grid: packed(coarsen(grid[None], target.shape)[0]), None, said)
    if not target.placed:
        raise DataError(f"{where}, since the data do not say where their cells lie (data.grid)")
    if own.geographic and not geographic:
        return _at_cells(where, maps, data, rule, land, said)
    if own.geographic != geographic or not (geographic or same_units(maps.units, _units(data))):
        raise DataError(
            f"{where}: its cells are in {maps.units or 'no unit'} and those of the data in {_units(data) or 'no unit'}"
            f"; write it on the system of the data"
        )
    return _regridded(where, maps, target, rule, packed, said)


def _regridded(
    where: str, maps: MapCells, target: Cells, rule: str, packed: Callable[[np.ndarray], np.ndarray], said: str
) -> Places:
    """In one system, by the functions that the data are regridded by, of the part that the target lies in."""
    own = maps.cells
    assert own.y is not None and own.x is not None and target.y is not None and target.x is not None
    x, order = own.x, np.arange(len(own.x))
    if own.geographic:  # turned round the Earth, until the target lies in its middle
        middle = (target.x[0] + target.x[-1]) / 2
        turned = (own.x - middle + 180) % 360 + middle - 180
        order = np.argsort(turned)
        x = turned[order]
    for axis, a, b in (("y", -own.y, -target.y), ("x", x, target.x)):
        if not (any_within(a, edges(b)) or any_within(b, edges(a))):
            raise DataError(f"{where}: they have no place in common in {axis}; take a forecast of their region")
    rows, columns = _around(-own.y, -target.y), _around(x, target.x)
    some = Cells((rows.stop - rows.start, columns.stop - columns.start), own.y[rows], x[columns], own.geographic)
    apply = {"nearest": nearest, "bilinear": bilinear, "conservative": conservative}[rule]
    regrid = partial(apply, source=some, target=target)
    taken = order[columns]
    return Places(rows, slice(None), lambda grid: packed(regrid(grid[:, taken][None])[0]), None, said)


def _at_cells(
    where: str, maps: MapCells, data: KnownData, rule: str, land: Bool[np.ndarray, "patch cell"], said: str
) -> Places:
    """From latitude and longitude to the centres of the cells of a projected grid."""
    if rule not in ("nearest", "bilinear"):
        raise DataError(f"{where}: from latitude and longitude to a projection only nearest and bilinear bring them")
    try:
        latitude, longitude = cell_places(data.store)
    except ConfigError as error:
        raise DataError(f"{where}: {error}") from None
    here, (patches, size) = data.patches, land.shape
    places = np.full((2, patches, size), np.nan)
    of_store = np.stack([latitude, longitude]).reshape(2, -1, size)
    places[:, here >= 0] = of_store[:, here[here >= 0]]
    places[:, ~land] = np.nan
    if rule == "nearest":
        row, column = _cells_holding(maps.cells, *places.reshape(2, -1, 1))
        found = _weighed(maps, row[..., None], column[..., None], np.ones((*row.shape, 1)), _ALL, said)
    else:
        rows, columns, weights = _corners(maps.cells, *places.reshape(2, -1))
        found = _weighed(maps, rows[:, None], columns[:, None], weights[:, None], _ALL, said)
    assert found.lacking is not None
    if found.lacking.all():
        raise DataError(f"{where}: they have no place in common; take a forecast of their region")
    return Places(found.rows, found.columns, lambda grid: found.apply(grid).reshape(patches, size), None, said)


def _weighed(
    maps: MapCells,
    rows: Int[np.ndarray, "place point corner"],
    columns: Int[np.ndarray, "place point corner"],
    weights: Float[np.ndarray, "place point corner"],
    least: float,
    said: str,
) -> Places:
    """Weighted means over cells; -1 is outside of the grid, and counts as a cell without a value."""
    inside = (rows >= 0) & (columns >= 0) & (weights > 0)
    bounds = []
    for index in (rows, columns):
        used = index[inside]
        bounds.append(slice(int(used.min()), int(used.max()) + 1) if used.size else slice(0, 1))
    (top, left), shape = (part.start for part in bounds), tuple(part.stop - part.start for part in bounds)
    place = np.broadcast_to(np.arange(len(rows))[:, None, None], rows.shape)[inside]
    cell = (rows[inside] - top) * shape[1] + columns[inside] - left
    matrix = csr_array((weights[inside], (place, cell)), shape=(len(rows), shape[0] * shape[1]))
    whole = weights.sum((1, 2))  # [place]

    def apply(grid: Float[np.ndarray, "row column"]) -> Float[np.ndarray, " place"]:
        flat = grid.ravel()
        known = np.isfinite(flat)
        seen = matrix @ known.astype(np.float64)
        total = matrix @ np.where(known, flat, 0.0)
        enough = (seen > 0) & (seen >= least * whole)
        return np.where(enough, total / np.where(enough, seen, 1.0), np.nan)

    lacking = ~(matrix.sum(1) >= least * whole) | (whole == 0)
    return Places(bounds[0], bounds[1], apply, np.asarray(lacking), said)


def _corners(
    cells: Cells, latitude: Float[np.ndarray, " place"], longitude: Float[np.ndarray, " place"]
) -> tuple[Int[np.ndarray, "place corner"], Int[np.ndarray, "place corner"], Float[np.ndarray, "place corner"]]:
    """The four centres around each place, and their weights in a bilinear mean; -1 beyond the outermost centres."""
    assert cells.y is not None and cells.x is not None
    around = len(cells.x) > 1 and abs(cells.x[-1] + (cells.x[1] - cells.x[0]) - cells.x[0] - 360) < 1e-3
    x = np.append(cells.x, cells.x[0] + 360) if around else cells.x
    rows, columns, weights = corners(cells.y, x, latitude, x[0] + (longitude - x[0]) % 360)
    columns = np.where(columns == len(cells.x), 0, columns)  # the first column again
    return rows, columns, weights


def _cells_at(
    path: Path, maps: MapCells, places: Float[np.ndarray, "2 station point"]
) -> tuple[Int[np.ndarray, "station point"], Int[np.ndarray, "station point"]]:
    """Row and column of the cell that each place, latitude and longitude, lies in; -1 for none."""
    latitude, longitude = places
    if maps.cells.geographic:
        return _cells_holding(maps.cells, latitude, longitude)
    try:
        system = CRS.from_cf(maps.mapping)
    except (CRSError, KeyError) as error:
        raise DataError(
            f"{path}: does not say in which system its cells lie ({error or 'no grid_mapping'}), so that they cannot "
            f"be averaged over catchments; write the grid_mapping as CF has it, or take one in latitude and longitude"
        ) from None
    to_map = Transformer.from_crs(CRS.from_epsg(_DEGREES), system, always_xy=True)
    x, y = (axis / _METRES.get(maps.units, 1.0) for axis in to_map.transform(longitude, latitude))
    return _cells_holding(maps.cells, y, x)


def _cells_holding(
    cells: Cells, y: Float[np.ndarray, "*any"], x: Float[np.ndarray, "*any"]
) -> tuple[Int[np.ndarray, "*any"], Int[np.ndarray, "*any"]]:
    """Row and column of the cell that each place, in the system of the cells, lies in; -1 for none."""
    assert cells.y is not None and cells.x is not None
    if cells.geographic:
        west = edges(cells.x)[0]
        x = west + (x - west) % 360
    known = np.isfinite(y) & np.isfinite(x)
    return holding(-cells.y, np.where(known, -y, np.inf)), holding(cells.x, np.where(known, x, np.inf))


def _around(own: Float[np.ndarray, " cell"], target: Float[np.ndarray, " other"]) -> slice:
    """The cells, in growing order, that a target lies in, and some more on both sides."""
    borders = edges(target) if len(target) > 1 else target
    first, last = np.searchsorted(own, [borders[0], borders[-1]])
    return slice(max(int(first) - _MARGIN, 0), min(int(last) + _MARGIN, len(own)))


def _units(data: KnownData) -> str:
    return str(data.store.coordinates.get("y", {}).get("units", ""))


def _is_geographic(data: KnownData) -> bool:
    return _units(data).startswith("degree")
