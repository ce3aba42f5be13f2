"""Daily rain and temperature: storms and air masses that travel with the wind over the landscape."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from hydromae.sample.fields import MovingField
from hydromae.sample.landscape import Landscape

DAYS_PER_BLOCK = 366
LAPSE_RATE = 6.5  # K/km
MEAN_WIND = (260.0, 40.0)  # km/d to the east and north
WIND_DEVIATION = (110.0, 110.0)  # km/d
WIND_PERSISTENCE = 0.6
REGIME_PERSISTENCE = 0.88
# Shares of the variance of the rain's Gaussian driver: a large-scale regime, storms, texture within storms.
REGIME_SHARE, STORM_SHARE, TEXTURE_SHARE = 0.15, 0.65, 0.20
RAIN_POWER = 1.6  # of the driver's excess over its threshold: gives wet-day amounts a gamma-like tail


def day_of_year(dates: np.ndarray) -> Float[np.ndarray, " day"]:
    """Day of the year from 1, of dates (datetime64[D], [day])."""
    return (dates - dates.astype("datetime64[Y]").astype("datetime64[D]")).astype(float) + 1


def autoregressive(
    rng: np.random.Generator, n_days: int, n_series: int, persistence: float
) -> Float[np.ndarray, "day series"]:
    """First-order autoregressive series of unit variance."""
    series = rng.standard_normal((n_days, n_series))
    series[1:] *= np.sqrt(1 - persistence**2)
    for day in range(1, n_days):
        series[day] += persistence * series[day - 1]
    return series


def draw_wind(n_days: int, rng: np.random.Generator) -> Float[np.ndarray, "day 2"]:
    """Displacement of the air since the day before, km to the east and north."""
    return np.array(MEAN_WIND) + np.array(WIND_DEVIATION) * autoregressive(rng, n_days, 2, WIND_PERSISTENCE)


def weather_blocks(
    landscape: Landscape, dates: np.ndarray, rng: np.random.Generator
) -> Iterator[tuple[Float[np.ndarray, "day cell"], Float[np.ndarray, "day cell"]]]:
    """Rain (mm/d) and temperature (degC) of successive blocks of days, float32.

    Blocks bound the memory of the spectral fields; the state is carried from block to block.

    Args:
        landscape: the ground.
        dates: datetime64[D], [day], consecutive.
        rng: source of randomness.
    """
    wind = draw_wind(len(dates), rng)
    regime = autoregressive(rng, len(dates), 1, REGIME_PERSISTENCE)[:, 0]
    place = (landscape.easting, landscape.northing)
    storms = MovingField(rng, 120.0, 0.6, *place)
    texture = MovingField(rng, 40.0, 0.25, *place)
    air_mass = MovingField(rng, 450.0, 0.85, *place)
    for start in range(0, len(dates), DAYS_PER_BLOCK):
        block = slice(start, start + DAYS_PER_BLOCK)
        day, displacement = day_of_year(dates[block]), wind[block]
        driver = storms.advance(displacement) * np.float32(np.sqrt(STORM_SHARE))
        driver += texture.advance(displacement) * np.float32(np.sqrt(TEXTURE_SHARE))
        driver += (np.sqrt(REGIME_SHARE) * regime[block, None]).astype(np.float32)
        yield (
            _rain(driver, day, landscape),
            _temperature(air_mass.advance(displacement), regime[block], day, landscape),
        )


def mean_annual_rain(landscape: Landscape) -> Float[np.ndarray, " cell"]:
    """Expected rain in mm/year: more in the west, more on hills, most on western hills."""
    return 570 + 380 * landscape.westness + landscape.elevation * (0.6 + 1.6 * landscape.westness)


def _rain(
    driver: Float[np.ndarray, "day cell"], day: Float[np.ndarray, " day"], landscape: Landscape
) -> Float[np.ndarray, "day cell"]:
    """Rain in mm/d: nothing below a threshold of the driver, a power of the excess above it."""
    winter = np.cos(2 * np.pi * (day - 350) / 365.25)[:, None]
    threshold = (0.2 - 0.4 * landscape.westness - 0.1 * winter).astype(np.float32)  # [day, cell]
    seasonal = 1 + (0.05 + 0.25 * landscape.westness) * winter  # [day, cell]

    nodes = np.linspace(-0.6, 0.6, 61)
    normal = np.linspace(-6, 6, 2401)
    density = np.exp(-0.5 * normal**2) / np.sqrt(2 * np.pi) * (normal[1] - normal[0])
    expected = (np.maximum(normal - nodes[:, None], 0) ** RAIN_POWER * density).sum(-1)  # [node]
    scale = (mean_annual_rain(landscape) / 365.25 * seasonal / np.interp(threshold, nodes, expected)).astype(np.float32)
    return scale * np.maximum(driver - threshold, 0) ** np.float32(RAIN_POWER)


def _temperature(
    anomaly: Float[np.ndarray, "day cell"],
    regime: Float[np.ndarray, " day"],
    day: Float[np.ndarray, " day"],
    landscape: Landscape,
) -> Float[np.ndarray, "day cell"]:
    """Temperature in degC: latitude, height, season, and weather; wet regimes are mild in winter, cool in summer."""
    season = np.cos(2 * np.pi * (day - 25) / 365.25)  # 1 in the coldest days
    mean = 11.2 - 3.0 * landscape.northing / 1000 - LAPSE_RATE * landscape.elevation / 1000  # [cell]
    amplitude = 5.6 + 1.2 * (1 - landscape.westness)  # [cell]
    climate = mean - amplitude * season[:, None] + (1.2 * regime * season)[:, None]  # [day, cell]
    return (climate + 2.4 * anomaly).astype(np.float32)
