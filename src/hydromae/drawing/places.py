"""Where stations lie on a map, and the land beneath them."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from hydromae.drawing.maps import known_extent
from hydromae.drawing.outline import Extent, Ring, land_within
from hydromae.store.store import Store
from hydromae.store.view import open_store

_DEGREES: Final = 4326  # EPSG code of latitude and longitude
_METRES: Final = {"km": 1000.0}
_LARGEST: Final = 200_000  # cells of a land mask in the page
_MARGIN: Final = 0.04  # around stations, of the longer side of their map
_LEAST: Final = 1.0  # degrees of latitude across a map of stations that lie close together
_SHAPES: Final = (0.5, 2.0)  # height of a map over its width


@dataclass(frozen=True)
class Places:
    """Stations on a flat map.

    Attributes:
        x: to the east, in any unit; NaN where it is not known.
        y: to the north, in the same unit.
        extent: of the map: its west, east, south and north edge, in that unit.
        land: [row from the north, column], which fills the extent; None without grids.
        outline: rings of land where there are no grids, in that unit.
    """

    x: Float[np.ndarray, " station"]
    y: Float[np.ndarray, " station"]
    extent: Extent
    land: Bool[np.ndarray, "row column"] | None = None
    outline: tuple[Ring, ...] = ()

    def described(self) -> dict[str, Any]:
        """The same as JSON holds it, without the land mask."""
        x, y = ([float(f"{one:.6g}") if np.isfinite(one) else None for one in of] for of in (self.x, self.y))
        outline = [np.round(ring, 3).ravel().tolist() for ring in self.outline]
        return {"x": x, "y": y, "extent": self.extent, "outline": outline}


def places_of(dataset: xr.Dataset, store: Store | None) -> Places | None:
    """Stations on the grid of the data, with its land; or else on an outline of the world; None without coordinates.

    Args:
        dataset: with `latitude` and `longitude` [station].
        store: the data, for the land mask.
    """
    if not {"latitude", "longitude"} <= set(map(str, dataset.variables)):
        return None
    latitude, longitude = (np.asarray(dataset[name].values, dtype=np.float64) for name in ("latitude", "longitude"))
    known = np.isfinite(latitude) & np.isfinite(longitude)
    if not known.any():
        return None
    on_grid = None if store is None else _on_grid(store, latitude, longitude)
    if on_grid is not None:
        return on_grid
    return _on_outline(latitude, longitude, known)


def _on_outline(latitude: np.ndarray, longitude: np.ndarray, known: np.ndarray) -> Places:
    """Stations on latitude and longitude, a degree of which is as long as there at their middle."""
    flat = float(np.cos(np.radians(latitude[known].mean())))
    x, y = longitude * flat, latitude
    west, east, south, north = (float(of(part[known])) for part in (x, y) for of in (np.min, np.max))
    longer = max(east - west, north - south, _LEAST)
    wide, tall = (high - low + 2 * _MARGIN * longer for low, high in ((west, east), (south, north)))
    wide, tall = max(wide, tall / _SHAPES[1], _LEAST), max(tall, wide * _SHAPES[0], _LEAST)
    (left, right), (bottom, top) = (
        ((low + high - size) / 2, (low + high + size) / 2)
        for low, high, size in ((west, east, wide), (south, north, tall))
    )
    # Beyond the edges, so that the line where the land is cut is not seen.
    beyond = 0.02 * max(wide, tall)
    around = ((left - beyond) / flat, (right + beyond) / flat, bottom - beyond, top + beyond)
    rings = tuple(ring * np.array([flat, 1.0]) for ring in land_within(around))
    return Places(x, y, (left, right, bottom, top), outline=rings)


def _on_grid(store: Store, latitude: np.ndarray, longitude: np.ndarray) -> Places | None:
    if store.y is None or store.x is None or len(store.y) < 2 or len(store.x) < 2:
        return None
    crs = _system(store.coordinates)
    view = open_store(store)
    if crs is None or "land_mask" not in view or view["land_mask"].size > _LARGEST:
        return None
    metres = _METRES.get(str(store.coordinates.get("x", {}).get("units", "")), 1.0) if crs.is_projected else 1.0
    x, y = Transformer.from_crs(CRS.from_epsg(_DEGREES), crs, always_xy=True).transform(longitude, latitude)
    land = view["land_mask"].values == 1
    rows, columns = known_extent(land)
    east, north = np.asarray(store.x)[columns], np.asarray(store.y)[rows]
    land = land[rows, columns]
    if north[0] < north[-1]:
        north, land = north[::-1], land[::-1]
    if east[0] > east[-1]:
        east, land = east[::-1], land[:, ::-1]
    half = abs(east[1] - east[0]) / 2, abs(north[1] - north[0]) / 2
    flat = 1.0 if crs.is_projected else float(np.cos(np.radians(np.nanmean(latitude))))
    edges = ((east[0] - half[0]) * flat, (east[-1] + half[0]) * flat, north[-1] - half[1], north[0] + half[1])
    west, east_, south, north_ = map(float, edges)
    return Places(np.asarray(x) / metres * flat, np.asarray(y) / metres, (west, east_, south, north_), land)


def _system(coordinates: dict[str, Any]) -> CRS | None:
    """The coordinate reference system of the grids, None where it is not said or not understood."""
    mapping = coordinates.get("grid_mapping")
    try:
        if mapping:
            return CRS.from_cf(mapping)
    except CRSError:
        return None
    degrees = str(coordinates.get("y", {}).get("units", "")).startswith("degree")
    return CRS.from_epsg(_DEGREES) if degrees else None
