"""The stations around a station that are looked at: the nearest, and some at every distance in every direction."""

import numpy as np
import torch
from jaxtyping import Float, Int

from hydromae.base.distances import displacement_km, great_circle_km
from hydromae.base.errors import ConfigError
from hydromae.config import DataConfig
from hydromae.store.store import Store
from hydromae.windows.neighbours import station_places

# Rain comes from far within a day or two, so stations at these distances in each direction are chosen before more of
# the nearest.
_RINGS_KM = (50.0, 100.0, 200.0)
_SECTORS = 8
_RING_WIDTH = 1.5  # a station belongs to a ring up to so many times nearer or farther


def context_stations(data: DataConfig, store: Store) -> Int[np.ndarray, "station context"] | None:
    """The stations around each station, as places in the store, or None where `context_stations` is 0.

    Raises:
        ConfigError: the store has too few stations, or no coordinates of them.
    """
    count, n_stations = data.context_stations, len(store.station_ids)
    if not count:
        return None
    if count >= n_stations:
        raise ConfigError(
            f"data.context_stations is {count}, but {store.path} has {n_stations} stations; ask for fewer than those"
        )
    places = station_places(store)
    if places is None:
        raise ConfigError(
            f"data.context_stations is {count}, but the attributes in {store.path} have no latitude and longitude that "
            "say where stations lie; set it and model.recurrent_context to 0"
        )
    return around(places, count)


def around(places: Float[np.ndarray, "2 station"], count: int) -> Int[np.ndarray, "station context"]:
    """`count` stations around each: from 16 on, one at each of up to three distances in each of eight directions.

    Args:
        places: latitude and longitude in degrees; where they are unknown, any stations are taken.
        count: stations around each.
    """
    distance = great_circle_km(*places, *places)  # [stations, stations]
    np.fill_diagonal(distance, np.inf)
    at = torch.from_numpy(places)
    north, east = (part.numpy() for part in displacement_km(at[:, :, None], at[:, None]))  # [stations, stations]
    sector = np.floor(np.arctan2(east, north) / (2 * np.pi / _SECTORS) + 0.5) % _SECTORS
    free = np.isfinite(distance) | np.isnan(distance)
    rows = np.arange(len(distance))
    chosen = []
    rings = _RINGS_KM[: max(0, count // _SECTORS - 1)]
    for ring in rings:
        apart = np.abs(np.log(np.maximum(distance, 1e-3) / ring))
        for number in range(_SECTORS):
            fits = free & (sector == number) & (apart < np.log(_RING_WIDTH))
            best = np.where(fits, apart, np.inf).argmin(axis=1)
            best = np.where(fits.any(axis=1), best, -1)
            free[rows[best >= 0], best[best >= 0]] = False
            chosen.append(best)
    # The nearest of the others, also in place of those that a ring lacks.
    unknown_last = np.where(np.isnan(distance), np.finfo(float).max, distance)
    nearest = np.where(free, unknown_last, np.inf).argsort(axis=1, kind="stable")  # [stations, stations]
    of_rings = np.stack(chosen, axis=1) if chosen else np.empty((len(distance), 0), np.int64)
    both = np.concatenate([of_rings, nearest[:, :count]], axis=1)
    filled = np.argsort(both < 0, axis=1, kind="stable")[:, :count]
    around_each: np.ndarray = np.take_along_axis(both, filled, axis=1)
    return around_each
