"""The outline of the land: where there is land and where there is sea, in any part of the world."""

import numpy as np
import pytest
from matplotlib.path import Path

from hydromae.drawing.outline import land_within
from hydromae.drawing.places import places_of
from support.evaluations import made_from, make_observed

WORLD = (-180.0, 180.0, -90.0, 90.0)


@pytest.mark.parametrize(
    ("longitude", "latitude", "land"),
    [
        (-2.2, 52.0, True),  # Worcester
        (-4.3, 57.5, True),  # Inverness
        (-1.3, 50.7, True),  # Isle of Wight
        (-7.5, 53.5, True),  # Ireland
        (-4.7, 53.7, False),  # Irish Sea
        (2.0, 54.5, False),  # North Sea
        (2.3, 48.8, True),  # Paris
        (50.5, 42.0, False),  # Caspian Sea, a hole in the land
        (-100.0, 40.0, True),
        (-47.9, -15.8, True),  # Brasília
        (147.0, -32.0, True),
        (-140.0, 0.0, False),
    ],
)
def test_land_is_land_and_sea_is_sea_wherever_the_map_is_cut(longitude: float, latitude: float, land: bool) -> None:
    near = (longitude - 1.5, longitude + 1.5, latitude - 1.0, latitude + 1.0)
    for extent in (WORLD, near):
        rings = land_within(extent)
        around = sum(bool(Path(ring).contains_point((longitude, latitude))) for ring in rings)
        assert around % 2 == land, extent


def test_rings_are_cut_at_the_edges_of_the_map() -> None:
    extent = (-4.0, -1.0, 51.0, 53.0)
    (ring,) = land_within(extent)
    assert ring[:, 0].min() == -4 and ring[:, 0].max() == -1 and ring[:, 1].min() == 51 and ring[:, 1].max() == 53
    assert land_within((-35.0, -30.0, 40.0, 45.0)) == []


def test_a_map_without_grids_holds_the_coast_of_its_own_extent() -> None:
    made = made_from(make_observed(14, 60), 0.5, quantiles=False)
    places = places_of(made, None)
    assert places is not None
    west, east, south, north = places.extent
    assert west < places.x.min() and east > places.x.max()
    assert south == pytest.approx(51 - 0.04 * 5.4) and north == pytest.approx(56.4 + 0.04 * 5.4)
    flat = np.cos(np.radians(made["latitude"].values.mean()))
    leeds = (-1.5 * flat, 53.8)
    assert sum(bool(Path(ring).contains_point(leeds)) for ring in places.outline) == 1
    assert max(ring[:, 0].max() for ring in places.outline) < east + 0.2


def test_one_station_lies_in_the_middle_of_a_map_of_a_degree() -> None:
    made = made_from(make_observed(1, 60), 0.5, quantiles=False)
    places = places_of(made, None)
    assert places is not None
    west, east, south, north = places.extent
    assert north - south == pytest.approx(1) and east - west == pytest.approx(1)
    assert (south + north) / 2 == pytest.approx(51) and (west + east) / 2 == pytest.approx(places.x[0])
