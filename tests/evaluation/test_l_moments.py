import numpy as np
import pytest

from hydromae.evaluation.l_moments import l_moments


def test_l_moments_are_those_by_hand() -> None:
    # of 1, 2, 4, 8: b0 = 15 / 4, b1 = (2 + 2 * 4 + 3 * 8) / (4 * 3), b2 = (2 * 4 + 6 * 8) / (4 * 6)
    b0, b1, b2 = 15 / 4, 34 / 12, 56 / 24
    moments, number = l_moments(np.array([[8.0, 1.0, np.nan, 4.0, 2.0]]))
    np.testing.assert_allclose(moments[:, 0], [b0, 2 * b1 - b0, 6 * b2 - 6 * b1 + b0])
    assert number.tolist() == [4]


def test_the_second_is_half_the_mean_distance_of_two_values_and_the_third_is_0_where_they_are_symmetric() -> None:
    values = np.array([3.0, 5.0, 9.0, 11.0])
    distances = [abs(a - b) for i, a in enumerate(values) for b in values[i + 1 :]]
    moments, _ = l_moments(values)
    assert moments[1] == pytest.approx(np.mean(distances) / 2)
    assert moments[2] == pytest.approx(0, abs=1e-12)


def test_fewer_than_three_values_have_none() -> None:
    moments, number = l_moments(np.array([[1.0, 2.0, np.nan], [np.nan] * 3]))
    assert np.isnan(moments).all() and number.tolist() == [2, 0]
