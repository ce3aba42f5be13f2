"""The cells of the grids around each station: its own, and some at every distance in every direction."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError
from scipy.spatial import cKDTree

from hydromae.base.distances import EARTH_RADIUS_KM, KM_PER_DEGREE, displacement_km
from hydromae.base.errors import ConfigError
from hydromae.base.patches import cell_index
from hydromae.config import ModelConfig
from hydromae.store.store import Store
from hydromae.windows.neighbours import station_places

# From a small catchment's own rain to rain that comes within a day; more cells near by, where they differ more.
_RINGS_KM = (4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
_SECTORS = 8
CELLS_AROUND = 1 + _SECTORS * len(_RINGS_KM)
# A place at sea has no cell; the next on land stands for it where it is near, as seen from the station.
_APART = 0.4
_DEGREES = 4326  # EPSG code of latitude and longitude
_METRES = {"km": 1000.0}
_REMEDY = (
    "set data.grid.crs, as EPSG:27700 for the British National Grid, and prepare the store anew with --overwrite, or "
    "set model.recurrent_grids to 0"
)


@dataclass(frozen=True)
class CellsAround:
    """Some cells around each station.

    Attributes:
        cells: [stations, K] places among the cells of the valid patches, patch by patch; any where there is none.
        north: [stations, K] km that each lies north of its station; NaN where there is none.
        east: the same to the east.
    """

    cells: Int[np.ndarray, "station cell"]
    north: Float[np.ndarray, "station cell"]
    east: Float[np.ndarray, "station cell"]


def cells_around(model: ModelConfig, store: Store) -> CellsAround | None:
    """The cells around each station, or None in a model that reads none (`recurrent_grids`).

    Raises:
        ConfigError: the data do not say where the stations or the cells lie.
    """
    if not model.recurrent_grids:
        return None
    stations = station_places(store)
    if stations is None:
        raise ConfigError(
            f"model.recurrent_grids is {model.recurrent_grids}, but the attributes in {store.path} have no latitude "
            f"and longitude that say where stations lie; set it to 0"
        )
    return around_stations(stations, cell_places(store), store.land.reshape(-1))


def around_stations(
    stations: Float[np.ndarray, "2 station"], cells: Float[np.ndarray, "2 cell"], usable: Bool[np.ndarray, " cell"]
) -> CellsAround:
    """One cell at each distance in each direction, and that of the station itself; none is given twice.

    Args:
        stations: latitude and longitude in degrees, NaN where unknown.
        cells: the same of the cells.
        usable: False where a cell never has values.
    """
    known = ~np.isnan(stations).any(0)
    at = np.where(known, stations, 0.0)  # [2, stations]
    angle = np.arange(_SECTORS) * (2 * np.pi / _SECTORS)
    away = np.outer(_RINGS_KM, np.stack([np.cos(angle), np.sin(angle)])).reshape(len(_RINGS_KM), 2, _SECTORS)
    away = np.concatenate([np.zeros((2, 1)), *away], axis=1)  # [2, K] km to the north and to the east
    degrees_east = away[1] / (KM_PER_DEGREE * np.cos(np.radians(at[0]))[:, None])
    wanted = np.stack([at[0][:, None] + away[0] / KM_PER_DEGREE, at[1][:, None] + degrees_east])  # [2, stations, K]
    places = np.flatnonzero(usable)
    tree = cKDTree(_on_sphere(cells[:, places]))
    off, nearest = tree.query(_on_sphere(wanted))  # 2 x [stations, K]
    chosen = places[nearest]
    spacing = float(np.median(tree.query(tree.data, k=min(2, len(places)))[0][:, -1]))
    near = np.maximum(_APART * np.hypot(*away), spacing)  # [K]
    there = (off <= near) & known[:, None] & ~_repeated(chosen)
    displacement = displacement_km(torch.from_numpy(at[..., None]), torch.from_numpy(cells[:, chosen]))
    north, east = (np.where(there, part.numpy(), np.nan).astype(np.float32) for part in displacement)
    return CellsAround(chosen, north, east)


def _on_sphere(places: Float[np.ndarray, "2 *any"]) -> Float[np.ndarray, "*any 3"]:
    """Points in km from the centre of the Earth, between which straight lines are about as long as ways on it."""
    latitude, longitude = np.radians(places)
    points = [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)]
    return EARTH_RADIUS_KM * np.stack(points, axis=-1)


def _repeated(chosen: Int[np.ndarray, "station cell"]) -> Bool[np.ndarray, "station cell"]:
    """Where a cell stands before in its row."""
    order = np.argsort(chosen, axis=1, kind="stable")
    ordered = np.take_along_axis(chosen, order, axis=1)
    again = np.zeros(chosen.shape, bool)
    np.put_along_axis(again, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
    return again


def cell_places(store: Store) -> Float[np.ndarray, "2 cell"]:
    """Latitude and longitude in degrees of the cells of the valid patches, patch by patch.

    Raises:
        ConfigError: the store does not say where they lie.
    """
    if store.y is None or store.x is None:
        raise ConfigError(
            f"the files of {store.path} do not say where the cells of the grids lie, as model.recurrent_grids needs; "
            f"give it as data.grid.y and data.grid.x (centre of the first cell from the north and the west, and the "
            f"step to the next) and data.grid.crs, and prepare the store anew with --overwrite, or set "
            f"model.recurrent_grids to 0"
        )
    row, column = np.divmod(cell_index(store.valid_patches, store.shape, store.patch_size).ravel(), store.shape[1])
    crs = _system(store)
    metres = [_METRES.get(str(store.coordinates.get(axis, {}).get("units", "")), 1.0) for axis in ("x", "y")]
    factors = metres if crs.is_projected else (1.0, 1.0)
    to_degrees = Transformer.from_crs(crs, CRS.from_epsg(_DEGREES), always_xy=True)
    longitude, latitude = to_degrees.transform(store.x[column] * factors[0], store.y[row] * factors[1])
    return np.stack([latitude, longitude])


def _system(store: Store) -> CRS:
    """The coordinate reference system of the grids."""
    said = store.coordinates
    if mapping := said.get("grid_mapping"):
        try:
            return CRS.from_cf(mapping)
        except CRSError as error:
            raise ConfigError(f"{store.path}: its grid mapping is not understood ({error}); {_REMEDY}") from None
    axis = said.get("y", {})
    if str(axis.get("units", "")).startswith("degree") and axis.get("standard_name") != "grid_latitude":
        return CRS.from_epsg(_DEGREES)
    raise ConfigError(f"the files of {store.path} do not say in which system the cells of the grids lie; {_REMEDY}")
