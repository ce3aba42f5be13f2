"""Catchments: where they lie, which cells drain to each, and their attributes under the NRFA's names."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from hydromae.sample.landscape import Landscape, geographic
from hydromae.sample.outline import is_mainland

SMALLEST_AREA, LARGEST_AREA = 20.0, 2000.0  # km2
HYDROMETRIC_AREAS = 105
POINTS_PER_CATCHMENT = 400
WET_SOIL = 0.6  # propwet counts the days above this soil moisture
HIGHEST_RELIEF = 1.4  # summit over mean height of its cell, which keeps summits below about 1400 m


@dataclass(frozen=True)
class Catchments:
    """Gauged catchments, from north to south.

    Attributes:
        ids: ascending, unique, shaped like NRFA numbers, [station].
        easting, northing: centres, km, [station].
        area: km2, [station].
        weights: share of each cell in each catchment; columns sum to 1; float32, [cell, station].
    """

    ids: np.ndarray
    easting: Float[np.ndarray, " station"]
    northing: Float[np.ndarray, " station"]
    area: Float[np.ndarray, " station"]
    weights: Float[np.ndarray, "cell station"]


def place_catchments(landscape: Landscape, n_stations: int, rng: np.random.Generator) -> Catchments:
    """Spread catchments of lognormal area over the mainland, each the land in a disc about its centre."""
    mainland = np.flatnonzero(is_mainland(landscape.easting, landscape.northing))
    cells = rng.choice(mainland, n_stations, replace=False)
    cells = cells[np.argsort(-landscape.northing[cells], kind="stable")]
    jitter = rng.uniform(-0.5, 0.5, (2, n_stations))
    easting = landscape.easting[cells] + jitter[0] * landscape.cell_km[1]
    northing = landscape.northing[cells] + jitter[1] * landscape.cell_km[0]
    areas = 150 * np.exp(rng.standard_normal(2 * n_stations + 50))
    area = areas[(areas >= SMALLEST_AREA) & (areas <= LARGEST_AREA)][:n_stations]

    distance = np.hypot(landscape.easting[:, None] - easting, landscape.northing[:, None] - northing)  # [cell, station]
    # A cell counts in full inside the disc, not at all outside, and in part where the edge crosses it.
    weights = np.clip((np.sqrt(area / np.pi) - distance) / np.mean(landscape.cell_km) + 0.5, 0, 1)
    weights[cells, np.arange(n_stations)] = np.maximum(weights[cells, np.arange(n_stations)], 0.1)
    weights /= weights.sum(axis=0)

    order = np.arange(n_stations)
    group = order * HYDROMETRIC_AREAS // n_stations
    ids = 1000 * (group + 1) + order - np.searchsorted(group, group) + 1
    return Catchments(ids, easting, northing, area, weights.astype(np.float32))


def catchment_attributes(
    catchments: Catchments,
    landscape: Landscape,
    soil: Float[np.ndarray, "day station"],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Attributes in the column order of the NRFA table, none missing.

    Altitudes (m) come from points drawn within the catchment: the cell's mean height and relief within the cell.
    dpsbar (mean slope, m/km) grows with the relief; propwet is the share of days with wet soil; bfihost follows the
    permeability of the ground.

    Args:
        catchments: places, areas and weights.
        landscape: the ground.
        soil: catchment mean soil moisture, 0 to 1, [day, station].
        rng: source of randomness.
    """
    n_stations = len(catchments.ids)
    heights = _heights(catchments, landscape, rng)  # [point, station]
    low, median, high = np.percentile(heights, [10, 50, 90], axis=0)
    latitude, longitude = geographic(catchments.easting, catchments.northing)
    noise = rng.standard_normal((3, n_stations))
    permeability = landscape.permeability @ catchments.weights
    table = {
        "id": catchments.ids,
        "latitude": latitude.round(2),
        "longitude": longitude.round(2),
        "minimum-altitude": heights.min(axis=0).round(1),
        "maximum-altitude": heights.max(axis=0).round(1),
        "50-percentile-altitude": median.round(1),
        "10-percentile-altitude": low.round(1),
        "90-percentile-altitude": high.round(1),
        "catchment-area": catchments.area.round(2),
        "dpsbar": ((12 + 0.4 * (high - low)) * np.exp(0.15 * noise[0])).round(1),
        "propwet": np.clip((soil > WET_SOIL).mean(axis=0) + 0.02 * noise[1], 0.1, 0.95).round(2),
        "bfihost": np.clip(permeability + 0.04 * noise[2], 0.15, 0.98).round(3),
        "name": [f"Synthetic catchment {station}" for station in catchments.ids],
        "easting": (1000 * catchments.easting).round().astype(int),
        "northing": (1000 * catchments.northing).round().astype(int),
        "mean-altitude": heights.mean(axis=0).round(1),
    }
    return pd.DataFrame(table)


def _heights(
    catchments: Catchments, landscape: Landscape, rng: np.random.Generator
) -> Float[np.ndarray, "point station"]:
    """Heights (m) of points drawn from each catchment's cells in proportion to their weights."""
    n_stations = len(catchments.ids)
    shares = np.cumsum(catchments.weights, axis=0, dtype=np.float64)  # [cell, station]
    shares /= shares[-1]
    # Station i's shares lie in (i, i + 1], so one sorted search serves all stations.
    sorted_shares = (shares + np.arange(n_stations)).T.ravel()  # [station * cell]
    draws = rng.uniform(0, 1, (POINTS_PER_CATCHMENT, n_stations)) + np.arange(n_stations)
    positions = np.searchsorted(sorted_shares, draws)  # [point, station]
    cells = np.clip(positions - np.arange(n_stations) * len(shares), 0, len(shares) - 1)
    relief = np.clip(np.exp(0.4 * rng.standard_normal(draws.shape) - 0.08), 0.3, HIGHEST_RELIEF)
    return landscape.elevation[cells] * relief
