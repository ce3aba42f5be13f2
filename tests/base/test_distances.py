import numpy as np
import pytest

from hydromae.base.distances import great_circle_km


def test_a_degree_of_latitude_is_111_km_and_the_poles_are_half_the_way_round():
    north, east = np.array([0.0, -90.0]), np.array([10.0, 0.0])
    distance = great_circle_km(north, east, np.array([1.0, 0.0, 90.0]), np.array([10.0, -170.0, 77.0]))
    quarter = np.pi / 2 * 6371
    assert distance[0] == pytest.approx([quarter / 90, 2 * quarter, quarter])
    assert distance[1] == pytest.approx([quarter / 90 * 91, quarter, 2 * quarter])


def test_london_to_edinburgh_is_534_km():
    distance = great_circle_km(np.array([51.5074]), np.array([-0.1278]), np.array([55.9533]), np.array([-3.1883]))
    assert distance.item() == pytest.approx(534, abs=1)


def test_an_unknown_place_is_at_no_distance():
    distance = great_circle_km(np.array([np.nan]), np.array([0.0]), np.array([1.0]), np.array([0.0]))
    assert np.isnan(distance).all()
