"""Compact groups of stations: an order in which consecutive stations lie close together.

A series token reads several stations at once: the closer they lie, the more it says.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from hydromae.base.coordinate_columns import coordinate_columns
from hydromae.base.distances import great_circle_km


def spatial_order(
    latitude: Float[np.ndarray, "station"], longitude: Float[np.ndarray, "station"], group_size: int
) -> Int[np.ndarray, "station"]:
    """Order stations so that each `group_size` of them in turn are compact: recursive bisection, as in a k-d tree.

    Each part is cut across its longer extent (longitude shrunk by the cosine of its mean latitude) at the multiple of
    `group_size` nearest its middle (Bentley 1975, with cuts at whole groups). The order depends on where the stations
    are, not on the given order, save for stations at the very same place, which keep their order.

    Args:
        latitude: degrees north; NaN where unknown.
        longitude: degrees east, counted without a jump between the stations; NaN where unknown.
        group_size: stations in a group, 1 or more.

    Returns:
        Positions of the stations in their new order, int64. Those without coordinates come last, in the given order;
        only the last group may have fewer than `group_size` stations.
    """
    assert group_size >= 1
    located = np.isfinite(latitude) & np.isfinite(longitude)
    places = np.stack([latitude, longitude], axis=1).astype(np.float64)  # [station, 2]
    parts = [np.flatnonzero(located)]
    groups: list[Int[np.ndarray, member]] = []
    while parts:
        part = parts.pop()
        if len(part) <= group_size:
            groups.append(part[np.lexsort((places[part, 1], places[part, 0]))])
            continue
        part = part[_along_longer_extent(places[part])]
        cut = -(-len(part) // group_size) // 2 * group_size
        parts += [part[cut:], part[:cut]]  # the first half is cut next, so groups come out in order
    return np.concatenate([*groups, np.flatnonzero(~located)]).astype(np.int64)


def _along_longer_extent(places: Float[np.ndarray, "station 2"]) -> Int[np.ndarray, "station"]:
    """Stations in order of the coordinate that spreads wider; the other one, then the given order, breaks ties."""
    height, width = np.ptp(places, axis=0)
    # Summed in a fixed order: rounding must not let the way the stations come decide which extent is longer.
    width *= np.cos(np.radians(np.sort(places[:, 0]).mean()))
    longer = 0 if height >= width else 1
    return np.lexsort((places[:, 1 - longer], places[:, longer]))


def group_extents(
    latitude: Float[np.ndarray, "station"],
    longitude: Float[np.ndarray, "station"],
    order: Int[np.ndarray, "station"],
    group_size: int,
) -> Float[np.ndarray, "group"]:
    """Largest great-circle distance between two stations of each group, in km.

    Args:
        latitude: degrees north; a station without coordinates is left out.
        longitude: degrees east.
        order: positions of the stations; each `group_size` of them in turn are a group.
        group_size: stations in a group.
    """
    n_groups = -(-len(order) // group_size)
    padded = np.full((n_groups * group_size, 2), np.nan)
    padded[: len(order)] = np.stack([latitude, longitude], axis=1)[order]
    north, east = padded.reshape(n_groups, group_size, 2).transpose(2, 0, 1)  # [group, member] each
    return np.nan_to_num(great_circle_km(north, east, north, east)).max(axis=(1, 2))


def coordinates(
    names: Sequence[str], values: Float[np.ndarray, "station attribute"]
) -> tuple[Float[np.ndarray, "station"], Float[np.ndarray, "station"]]:
    """Latitude and longitude among the attributes, which must have both: degrees, NaN where unknown."""
    places = coordinate_columns(names)
    return values[:, places["latitude"]], values[:, places["longitude"]]
