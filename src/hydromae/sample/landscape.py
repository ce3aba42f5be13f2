"""The land the sample lies on: outline, height, geology, soil, and coastal cells that never have data."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from pyproj import Transformer

from hydromae.sample.fields import smooth_noise
from hydromae.sample.outline import is_land

BRITISH_NATIONAL_GRID = "EPSG:27700"
WEST_KM, SOUTH_KM = -200.0, -200.0
WIDTH_KM, HEIGHT_KM = 900.0, 1450.0
MISSING_COAST_SHARE = 0.04

# From (km east, km north) to (km east, km north), height above the lowland in m, width (standard deviation) in km.
RIDGES = np.array(
    [
        (185, 800, 240, 945, 420, 28),  # North-West Highlands
        (210, 765, 330, 795, 520, 33),  # Grampians and Cairngorms
        (210, 715, 300, 745, 330, 26),  # southern Highlands
        (235, 595, 345, 640, 330, 24),  # Southern Uplands
        (385, 615, 395, 622, 220, 18),  # Cheviots
        (320, 510, 335, 512, 400, 17),  # Lake District
        (378, 560, 405, 370, 340, 21),  # Pennines
        (455, 495, 480, 497, 200, 15),  # North York Moors
        (262, 355, 285, 320, 380, 17),  # Snowdonia
        (285, 320, 290, 215, 320, 23),  # Cambrian Mountains
        (280, 215, 325, 220, 230, 14),  # Brecon Beacons
        (275, 140, 292, 140, 210, 12),  # Exmoor
        (262, 72, 262, 88, 340, 13),  # Dartmoor
        (218, 76, 222, 80, 150, 11),  # Bodmin Moor
        (395, 195, 430, 240, 120, 18),  # Cotswolds
        (400, 140, 560, 155, 80, 22),  # chalk downs
        (470, 190, 520, 225, 90, 14),  # Chilterns
        (495, 460, 530, 385, 70, 13),  # Wolds
        (140, 825, 150, 830, 280, 13),  # Skye
        (110, 905, 120, 910, 200, 13),  # Harris
        (150, 733, 160, 735, 260, 12),  # Mull
        (195, 640, 197, 642, 280, 10),  # Arran
    ],
    dtype=float,
)


@dataclass(frozen=True)
class Landscape:
    """The ground the sample lies on; cells are the land cells in row order of a north-up grid.

    Attributes:
        land: land cells of the grid, [row, column].
        missing: coastal land cells without data on any day, [row, column].
        easting, northing: cell centres, km on the British National Grid, [cell].
        latitude: degrees north, [cell].
        elevation: mean height, m, [cell].
        westness: exposure to the Atlantic, 0 to 1, [cell].
        permeability: of the ground, on the scale of a base flow index, 0 to 1, [cell].
        soil_capacity: water the soil can hold, mm, [cell].
        cell_km: height and width of a cell, km.
    """

    land: Bool[np.ndarray, "row column"]
    missing: Bool[np.ndarray, "row column"]
    easting: Float[np.ndarray, " cell"]
    northing: Float[np.ndarray, " cell"]
    latitude: Float[np.ndarray, " cell"]
    elevation: Float[np.ndarray, " cell"]
    westness: Float[np.ndarray, " cell"]
    permeability: Float[np.ndarray, " cell"]
    soil_capacity: Float[np.ndarray, " cell"]
    cell_km: tuple[float, float]


def geographic(
    easting: Float[np.ndarray, " cell"], northing: Float[np.ndarray, " cell"]
) -> tuple[Float[np.ndarray, " cell"], Float[np.ndarray, " cell"]]:
    """Latitude and longitude in degrees of points in km on the British National Grid."""
    to_degrees = Transformer.from_crs(BRITISH_NATIONAL_GRID, "EPSG:4326", always_xy=True)
    longitude, latitude = to_degrees.transform(1000 * easting, 1000 * northing)
    return latitude, longitude


def first_centres(shape: tuple[int, int]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Centre of the first row from the north and of the first column from the west, each with the step to the next.

    In metres on the British National Grid, of a grid of `shape` (rows, columns) cells.
    """
    height, width = 1000 * HEIGHT_KM / shape[0], 1000 * WIDTH_KM / shape[1]
    north, west = 1000 * (SOUTH_KM + HEIGHT_KM), 1000 * WEST_KM
    return (north - height / 2, -height), (west + width / 2, width)


def make_landscape(shape: tuple[int, int], rng: np.random.Generator) -> Landscape:
    """The landscape on a grid of `shape` (rows, columns) cells; the outline is fixed, details depend on `rng`."""
    rows, columns = shape
    cell_km = (HEIGHT_KM / rows, WIDTH_KM / columns)
    column_km = WEST_KM + (np.arange(columns) + 0.5) * cell_km[1]
    row_km = SOUTH_KM + (np.arange(rows)[::-1] + 0.5) * cell_km[0]
    grid_east, grid_north = np.meshgrid(column_km, row_km)  # [row, column]
    land = is_land(grid_east, grid_north)
    easting, northing = grid_east[land], grid_north[land]  # [cell]

    elevation = _elevation(easting, northing, rng)
    axis = np.interp(northing, [0, 400, 600, 750, 1000], [380, 385, 300, 262, 260])
    westness = 1 / (1 + np.exp((easting - axis) / 45))
    chalk = np.exp(-(((easting - 490) / 110) ** 2) - (((northing - 175) / 90) ** 2))
    index = 0.1 + 1.6 * chalk - 0.0015 * elevation + 0.7 * smooth_noise(rng, 60.0, easting, northing)
    capacity = 150 * np.exp(0.2 * smooth_noise(rng, 80.0, easting, northing) - 0.0003 * elevation)
    return Landscape(
        land=land,
        missing=_missing_coast(land, rng),
        easting=easting,
        northing=northing,
        latitude=geographic(easting, northing)[0],
        elevation=elevation,
        westness=westness,
        permeability=0.15 + 0.8 / (1 + np.exp(-index)),
        soil_capacity=capacity,
        cell_km=cell_km,
    )


def _elevation(
    easting: Float[np.ndarray, " cell"], northing: Float[np.ndarray, " cell"], rng: np.random.Generator
) -> Float[np.ndarray, " cell"]:
    """Height in m: a low plain, ridges with a Gaussian cross-section, and smooth noise."""
    start, along = RIDGES[:, 0:2], RIDGES[:, 2:4] - RIDGES[:, 0:2]  # [ridge, 2]
    points = np.stack([easting, northing], axis=-1)[:, None, :]  # [cell, 1, 2]
    share = np.clip(((points - start) * along).sum(-1) / (along**2).sum(-1), 0, 1)  # [cell, ridge]
    distance = np.linalg.norm(points - start - share[..., None] * along, axis=-1)  # [cell, ridge]
    ridges = (RIDGES[:, 4] * np.exp(-0.5 * (distance / RIDGES[:, 5]) ** 2)).sum(-1)  # [cell]
    rough = np.exp(0.22 * smooth_noise(rng, 25.0, easting, northing))
    plain = 45 * np.exp(0.5 * smooth_noise(rng, 60.0, easting, northing))
    return ridges * rough + plain


def _missing_coast(land: Bool[np.ndarray, "row column"], rng: np.random.Generator) -> Bool[np.ndarray, "row column"]:
    """Coastal cells, about 4 % of the land, that have no value on any day."""
    padded = np.pad(land, 1)
    enclosed = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    coast = np.flatnonzero(land & ~enclosed)
    missing = np.zeros_like(land)
    missing.flat[rng.choice(coast, round(MISSING_COAST_SHARE * land.sum()), replace=False)] = True
    return missing
