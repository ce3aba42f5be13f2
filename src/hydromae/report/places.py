"""Where stations lie on a map, and the land beneath them."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from hydromae.drawing.maps import known_extent
from hydromae.store.store import Store
from hydromae.store.view import open_store

_DEGREES: Final = 4326  # EPSG code of latitude and longitude
_METRES: Final = {"km": 1000.0}
_LARGEST: Final = 200_000  # cells of a land mask in the page


@dataclass(frozen=True)
class Places:
    """Stations on a flat map.

    Attributes:
        x: to the east, in any unit; NaN where it is not known.
        y: to the north, in the same unit.
        land: [row from the north, column], or None.
        extent: of the land: its west, east, south and north edge, in that unit.
    """

    x: Float[np.ndarray, " station"]
    y: Float[np.ndarray, " station"]
    land: Bool[np.ndarray, "row column"] | None = None
    extent: tuple[float, float, float, float] | None = None


def places_of(dataset: xr.Dataset, store: Store | None) -> Places | None:
    """Stations on the grid of the data, with its land; or else on latitude and longitude; None where these lack.

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
    return Places(longitude * np.cos(np.radians(latitude[known].mean())), latitude)


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
    return Places(np.asarray(x) / metres * flat, np.asarray(y) / metres, land, tuple(map(float, edges)))  # type: ignore[arg-type]


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
