"""Potential evaporation from temperature and the date (Oudin et al. 2005)."""

import numpy as np
from jaxtyping import Float

LATENT_HEAT = 2.45  # MJ/kg
SOLAR_CONSTANT = 0.0820  # MJ/m2/min


def extraterrestrial_radiation(
    latitude: Float[np.ndarray, " place"], day: Float[np.ndarray, " day"]
) -> Float[np.ndarray, "day place"]:
    """Daily radiation at the top of the atmosphere, MJ/m2/d (FAO-56: Allen et al. 1998, equations 21 to 25).

    Args:
        latitude: degrees north, [place].
        day: day of the year from 1, [day].
    """
    angle = 2 * np.pi * day[:, None] / 365  # [day, 1]
    distance = 1 + 0.033 * np.cos(angle)
    declination = 0.409 * np.sin(angle - 1.39)
    phi = np.deg2rad(latitude)
    sunset = np.arccos(np.clip(-np.tan(phi) * np.tan(declination), -1, 1))  # [day, place]
    geometry = sunset * np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.sin(sunset)
    return 24 * 60 / np.pi * SOLAR_CONSTANT * distance * geometry


def oudin_evaporation(
    temperature: Float[np.ndarray, "day place"],
    latitude: Float[np.ndarray, " place"],
    day: Float[np.ndarray, " day"],
) -> Float[np.ndarray, "day place"]:
    """Potential evaporation in mm/d: Re / 2.45 * (T + 5) / 100 above -5 degC, else 0.

    Oudin et al. (2005), J. Hydrol. 303, 290-306.

    Args:
        temperature: degC, [day, place].
        latitude: degrees north, [place].
        day: day of the year from 1, [day].

    Returns:
        mm/d, dtype of `temperature`.
    """
    radiation = extraterrestrial_radiation(latitude, day)
    return (radiation / LATENT_HEAT * np.maximum(temperature + 5, 0) / 100).astype(temperature.dtype)
