"""Which stations may share their water or their weather, and so must not be in different folds."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from hydromae.base.distances import great_circle_km
from hydromae.base.errors import DataError


def hydrometric_areas(ids: Sequence[str]) -> list[str]:
    """The hydrometric area of each station by the number that the National River Flow Archive gave it.

    The digits before the last three name a river system, or some small neighbouring ones, of Great Britain and Northern
    Ireland (39001 is on the Thames, 54001 on the Severn), so that two nested catchments have the same.

    Raises:
        DataError: an id is no such number.
    """
    wrong = [station for station in ids if not (station.isdecimal() and len(station) > 3)]
    if wrong:
        raise DataError(
            f"station {wrong[0]} has no number of the National River Flow Archive; name its river in another way"
        )
    return [station[:-3] for station in ids]


def linked(
    stations: pd.DataFrame,
    distance: Float[np.ndarray, "station station"],
    apart_km: float,
    basins: Sequence[str] | None,
) -> Bool[np.ndarray, "station station"]:
    """Which two stations are neighbours or may be nested.

    Neighbours are closer than `apart_km`. Nested catchments lie in the same river system. Where that of one is not
    known, the two may be nested if the station of the smaller lies within the radius of a circle of the larger one's
    area around its station. That guess misses stations far up a long river, and catches neighbours across a divide.

    Args:
        stations: `area` in km2 where known; without it only distance counts.
        distance: km between stations.
        apart_km: of neighbours.
        basins: a name for each station, of its river system, empty where unknown; None if none is known.
    """
    close = distance < apart_km
    area = stations["area"].to_numpy(np.float64) if "area" in stations else np.full(len(stations), np.nan)
    radius = np.sqrt(np.nan_to_num(area) / np.pi)
    nested = distance <= np.maximum(radius[:, None], radius)
    if basins is not None:
        names = np.asarray(basins)
        named = names != ""
        nested = np.where(named[:, None] & named, names[:, None] == names, nested)
    return close | nested


def station_distances(stations: pd.DataFrame) -> Float[np.ndarray, "station station"]:
    """Great-circle distances in km between stations with `latitude` and `longitude`."""
    north, east = (stations[name].to_numpy(np.float64) for name in ("latitude", "longitude"))
    return great_circle_km(north, east, north, east)
