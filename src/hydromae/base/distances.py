"""Distances between stations over the Earth's surface."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

EARTH_RADIUS_KM = 6371.0
KM_PER_DEGREE = 2 * np.pi * EARTH_RADIUS_KM / 360


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


def displacement_km(
    at: Float[Tensor, "2 *#places"], to: Float[Tensor, "2 *#places"]
) -> tuple[Float[Tensor, "*#places"], Float[Tensor, "*#places"]]:
    """How far north and how far east of some places others lie, in km; NaN where unknown.

    On a plane at the latitude between the two, which is exact to 1 % for places 500 km apart at 55 degrees north.

    Args:
        at: latitude and longitude in degrees.
        to: the same of the others; the shapes broadcast.
    """
    north = (to[0] - at[0]) * KM_PER_DEGREE
    degrees_east = (to[1] - at[1] + 180) % 360 - 180
    return north, degrees_east * KM_PER_DEGREE * torch.cos(torch.deg2rad((to[0] + at[0]) / 2))
