"""Points that stand for catchments lie within them, spread evenly."""

import numpy as np
import pytest

from hydromae.base.distances import great_circle_km
from hydromae.sources.catchments import circles, within


def test_a_circle_has_the_catchments_area_around_its_gauge() -> None:
    latitude, longitude, area = (
        np.array([60.0, -10.0, 5.0]),
        np.array([179.9, 20.0, 5.0]),
        np.array([400.0, 3.0, np.nan]),
    )
    points = circles(latitude, longitude, area)
    for station in range(3):
        away = great_circle_km(latitude[[station]], longitude[[station]], *points[:, station])[0]
        radius = np.sqrt(np.nan_to_num(area[station]) / np.pi)
        # Of a disc, the mean square of the distance is half the square of the radius.
        assert np.sqrt(np.mean(away**2)) == pytest.approx(radius / np.sqrt(2), rel=1e-3, abs=1e-9)
        assert away.max() <= radius + 1e-9
        np.testing.assert_allclose(points[:, station].mean(-1), [latitude[station], longitude[station]], atol=2e-3)


def test_points_of_an_outline_are_spread_by_area_and_spare_its_hole() -> None:
    square = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 3.0], [0.0, 3.0], [0.0, 0.0]])
    hole = 1 + square / 3
    latitude, longitude = within([square, hole], 400)
    assert not ((np.abs(latitude - 1.5) < 0.5) & (np.abs(longitude - 1.5) < 0.49)).any()
    assert ((longitude > 0) & (longitude < 3) & (latitude > 0) & (latitude < 3)).all()
    assert np.mean(latitude < 1) == pytest.approx(3 / 8, abs=0.02)
    assert np.mean((latitude > 1) & (latitude < 2)) == pytest.approx(2 / 8, abs=0.02)
    assert np.mean(longitude < 1) == pytest.approx(3 / 8, abs=0.04)


def test_lines_in_the_north_are_shorter() -> None:
    tall = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 80.0], [0.0, 80.0]])
    latitude, _ = within([tall], 400)
    share = np.sin(np.radians(40)) / np.sin(np.radians(80))  # of the area below 40 degrees
    assert np.mean(latitude < 40) == pytest.approx(share, abs=0.01)
