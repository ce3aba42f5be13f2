import numpy as np
import pytest
import torch

from hydromae.base.distances import displacement_km, great_circle_km


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


def test_displacements_agree_with_great_circles():
    london, edinburgh = torch.tensor([51.5, -0.1]).double(), torch.tensor([55.95, -3.19]).double()
    north, east = displacement_km(london, edinburgh)
    distance = great_circle_km(london[:1].numpy(), london[1:].numpy(), edinburgh[:1].numpy(), edinburgh[1:].numpy())
    assert north > 0 > east
    assert float(torch.hypot(north, east)) == pytest.approx(float(distance[0, 0]), rel=0.01)
    north, east = displacement_km(torch.tensor([0.0, 179.5]), torch.tensor([0.0, -179.5]))
    assert float(north) == 0 and float(east) == pytest.approx(111.2, rel=1e-3)  # over the date line
