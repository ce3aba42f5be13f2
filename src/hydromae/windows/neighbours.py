"""The stations of a window that does not hold all of them: one station, and those that lie nearest to it."""

from collections.abc import Iterator, Mapping

import numpy as np
from jaxtyping import Float, Int

from hydromae.base.coordinate_columns import coordinate_columns
from hydromae.base.distances import great_circle_km
from hydromae.base.errors import ConfigError
from hydromae.base.station_ids import places_among
from hydromae.config import DataConfig
from hydromae.store.store import Store
from hydromae.tokens.shape import TokenShape
from hydromae.windows.windows import WindowReader, Windows


def station_groups(data: DataConfig, store: Store) -> Int[np.ndarray, "group station"] | None:
    """The stations of each window as places in the store: each station begins one row, and its nearest follow.

    Args:
        data: `stations_per_window` is read.
        store: has the stations.

    Returns:
        [stations, stations_per_window], or None where every window holds all stations.

    Raises:
        ConfigError: there are fewer stations than a window is to hold, or no coordinates to find the nearest by.
    """
    count, n_stations = data.stations_per_window, len(store.station_ids)
    if count is None or not n_stations:
        return None
    if count == 1:
        return np.arange(n_stations)[:, None]
    if count > n_stations:
        raise ConfigError(
            f"data.stations_per_window is {count}, but {store.path} has {n_stations} stations; ask for fewer"
        )
    places = station_places(store)
    if places is None:
        raise ConfigError(
            f"data.stations_per_window is {count}, but the attributes in {store.path} have no latitude and longitude "
            f"that say which stations are near; set it to 1"
        )
    distance = great_circle_km(*places, *places)  # [stations, stations]
    np.fill_diagonal(distance, -1)  # itself first, wherever it lies
    order: np.ndarray = np.where(np.isnan(distance), np.inf, distance).argsort(axis=1, kind="stable")
    return order[:, :count]


def station_places(store: Store) -> Float[np.ndarray, "2 station"] | None:
    """Latitude and longitude of each station in degrees, float64, NaN where unknown; None without such attributes."""
    columns = coordinate_columns(store.attribute_names)
    if len(columns) < 2:
        return None
    return np.stack([store.attributes[:, columns[name]] for name in ("latitude", "longitude")]).astype(np.float64)


def trained_groups(data: DataConfig, store: Store) -> Int[np.ndarray, "group station"] | None:
    """The rows of `station_groups` that training and validation take: those of `data.train_stations`, or all.

    Raises:
        ConfigError: as `station_groups`, or the store lacks a station that is named.
    """
    groups = station_groups(data, store)
    if groups is None or data.train_stations is None:
        return groups
    places = places_among(data.train_stations, store.station_ids)
    if (places < 0).any():
        absent = data.train_stations[int((places < 0).argmax())]
        raise ConfigError(f"data.train_stations names {absent}, which {store.path} does not have; leave it out")
    chosen: np.ndarray = groups[np.unique(places)]
    return chosen


def windows_at_once(shapes: Mapping[str, TokenShape], days: int) -> int:
    """Windows of few stations that are computed together: at most 256, fewer where each holds the tokens of grids."""
    tokens = sum(shape.tokens(days) for shape in shapes.values())
    return max(1, min(256, 50_000 // tokens))


def grouped_windows(
    reader: WindowReader, start: int, days: int, groups: Int[np.ndarray, "group station"] | None
) -> Iterator[Windows]:
    """One window of all stations; with `groups` (see `station_groups`), one sample for each, as many at once as fit.

    Args:
        reader: reads the windows.
        start: first day, as days since the store's first day.
        days: days in each window.
        groups: the stations of each sample; None is all in one.
    """
    if groups is None:
        yield reader.read([start], days)
        return
    at_once = windows_at_once(reader.shapes, days)
    for stations in np.split(groups, range(at_once, len(groups), at_once)):
        yield reader.read([start] * len(stations), days, stations=stations)
