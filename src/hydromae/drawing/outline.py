"""The outline of the land of the world, for maps of stations whose data have no grids."""

from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from jaxtyping import Float

_STEPS: Final = 40  # of the file to a degree

Ring = Float[np.ndarray, "point 2"]
Extent = tuple[float, float, float, float]


def land_within(extent: Extent) -> list[Ring]:
    """Rings of land, cut at the edges of an extent; their edges are crossings of land and sea, or lie on its edges.

    Args:
        extent: west, east, south and north, in degrees.

    Returns:
        longitude and latitude of the points of each ring; the last one is joined to the first.
    """
    west, east, south, north = extent
    rings = []
    for ring in _world():
        low, high = ring.min(axis=0), ring.max(axis=0)
        if low[0] > east or high[0] < west or low[1] > north or high[1] < south:
            continue
        for axis, edge, sign in ((0, west, 1.0), (0, east, -1.0), (1, south, 1.0), (1, north, -1.0)):
            ring = _cut(ring, axis, edge, sign)
        if _area(ring) > 0:  # a ring that passes around the extent leaves a line along its edges
            rings.append(ring)
    return rings


@cache
def _world() -> tuple[Ring, ...]:
    """What `vendor/natural_earth/README.md` describes, in degrees."""
    source = files("hydromae.drawing").joinpath("vendor/natural_earth/land.npz")
    with source.open("rb") as opened, np.load(opened) as held:
        steps = np.stack([held["east"], held["north"]], axis=1).astype(np.int64)
        starts, lengths = held["starts"].astype(np.int64), held["lengths"].astype(np.int64)
    ends = np.cumsum(lengths - 1)  # a ring of so many points has one step less
    of_rings = np.split(steps, ends[:-1])
    return tuple(
        np.cumsum(np.vstack([start, of_ring]), axis=0) / _STEPS for start, of_ring in zip(starts, of_rings, strict=True)
    )


def _cut(ring: Ring, axis: int, edge: float, sign: float) -> Ring:
    """The part of a ring on one side of a straight edge (Sutherland and Hodgman 1974)."""
    if not len(ring):
        return ring
    following = np.roll(ring, -1, axis=0)
    depth, next_depth = sign * (ring[:, axis] - edge), sign * (following[:, axis] - edge)
    inside, crosses = depth >= 0, (depth >= 0) != (next_depth >= 0)
    share = np.where(crosses, depth / np.where(crosses, depth - next_depth, 1.0), 0.0)
    crossings = ring + share[:, None] * (following - ring)
    both = np.stack([ring, crossings], axis=1)  # [point, itself or the crossing after it, 2]
    return both[np.stack([inside, crosses], axis=1)]


def _area(ring: Ring) -> float:
    """Of a ring, to a millionth of a square degree."""
    if len(ring) < 3:
        return 0.0
    (x, y), (next_x, next_y) = (ring - ring[0]).T, (np.roll(ring, -1, axis=0) - ring[0]).T
    return round(abs(float((x * next_y - next_x * y).sum())) / 2, 6)
