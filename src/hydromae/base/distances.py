"""Distances between stations over the Earth's surface."""

import numpy as np
from jaxtyping import Float

EARTH_RADIUS_KM = 6371.0


def great_circle_km(
    latitude: Float[np.ndarray, "*any station"],
    longitude: Float[np.ndarray, "*any station"],
    to_latitude: Float[np.ndarray, "*any other"],
    to_longitude: Float[np.ndarray, "*any other"],
) -> Float[np.ndarray, "*any station other"]:
    """Great-circle distance in km of each station to each of the others, by the haversine formula; NaN where unknown.

    Args:
        latitude: degrees north; NaN where unknown.
        longitude: degrees east.
        to_latitude: degrees north of the others.
        to_longitude: degrees east of the others.
    """
    north, east = np.radians(latitude)[..., None], np.radians(longitude)[..., None]  # [..., station, 1]
    to_north, to_east = np.radians(to_latitude)[..., None, :], np.radians(to_longitude)[..., None, :]
    half_north, half_east = np.sin((north - to_north) / 2), np.sin((east - to_east) / 2)  # [..., station, other]
    haversine = half_north**2 + np.cos(north) * np.cos(to_north) * half_east**2
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(haversine, 1)))
