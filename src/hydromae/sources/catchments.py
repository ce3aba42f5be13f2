"""Points spread over catchments, by which maps are averaged over them."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float

from hydromae.base.distances import KM_PER_DEGREE

_RINGS: Final = 10
_LINES: Final = 100  # through an outline
_AROUND: Final = 40  # points of a ring; a multiple of 4, so that each quarter has as many


def circles(
    latitude: Float[np.ndarray, " station"],
    longitude: Float[np.ndarray, " station"],
    area: Float[np.ndarray, " station"],
) -> Float[np.ndarray, "2 station point"]:
    """Points that stand for equal parts of a circle of a catchment's area around its gauge.

    Args:
        latitude: of the gauges, degrees, NaN where unknown.
        longitude: the same.
        area: km2; where it is NaN, all points are at the gauge.

    Returns:
        Latitude and longitude in degrees, NaN where the gauge's are unknown.
    """  # fmt: skip
    radius = np.sqrt(np.where(area > 0, area, 0.0) / np.pi)  # [station] km
    share = np.sqrt((np.arange(_RINGS) + 0.5) / _RINGS)  # [ring]; each ring has the same area
    angle = (np.arange(_AROUND) + 0.5) * (2 * np.pi / _AROUND)
    north = np.outer(share, np.cos(angle)).ravel() * radius[:, None]  # [station, point] km
    east = np.outer(share, np.sin(angle)).ravel() * radius[:, None]
    at = latitude[:, None] + north / KM_PER_DEGREE
    return np.stack([at, longitude[:, None] + east / (KM_PER_DEGREE * np.cos(np.radians(at)))])


def within(rings: Sequence[Float[np.ndarray, "corner 2"]], count: int) -> Float[np.ndarray, "2 point"]:
    """Points that stand for about equal parts of an outline.

    They lie on lines of equal distance from south to north, each at steps of its own length, so that a line has as many
    as its share of the outline.

    Args:
        rings: longitude and latitude in degrees; rings inside of others are holes (the even-odd rule).
        count: of points.

    Returns:
        Latitude and longitude.
    """
    corners = np.concatenate(rings)
    (_, south), (_, north) = corners.min(0), corners.max(0)
    lines = south + (np.arange(_LINES) + 0.5) * (north - south) / _LINES
    pieces: list[tuple[float, float, float]] = []  # latitude, where it begins, its length in degrees
    for line in lines.tolist():
        crossings = np.sort(np.concatenate([_crossings(ring, line) for ring in rings]))
        pieces += [(line, west, east - west) for west, east in zip(crossings[::2], crossings[1::2], strict=True)]
    latitude, begin, length = np.array(pieces).T  # [piece]
    extent = length * np.cos(np.radians(latitude))
    total = np.cumsum(extent)
    along = (np.arange(count) + 0.5) / count * total[-1]  # [point], along all pieces laid end to end
    piece = np.searchsorted(total, along)
    share = (along - (total[piece] - extent[piece])) / extent[piece]
    return np.stack([latitude[piece], begin[piece] + share * length[piece]])


def _crossings(ring: Float[np.ndarray, "corner 2"], latitude: float) -> Float[np.ndarray, " crossing"]:
    """The longitudes at which a ring crosses a parallel."""
    one, other = ring, np.roll(ring, -1, axis=0)
    crosses = (one[:, 1] <= latitude) != (other[:, 1] <= latitude)
    one, other = one[crosses], other[crosses]
    return one[:, 0] + (latitude - one[:, 1]) / (other[:, 1] - one[:, 1]) * (other[:, 0] - one[:, 0])
