import numpy as np
import pytest

from hydromae.base.errors import DataError
from hydromae.evaluation.tail_probability import flow_at, probability_below

LEVELS = np.array([0.1, 0.25, 0.5, 0.75, 0.9])
QUANTILES = np.array([1.0, 2.0, 3.0, 5.0, 8.0])


def below(threshold: float) -> float:
    return float(probability_below(np.array([threshold]), QUANTILES[None], LEVELS)[0])


def test_at_each_quantile_it_is_the_level() -> None:
    found = probability_below(QUANTILES, np.repeat(QUANTILES[None], 5, 0), LEVELS)
    np.testing.assert_allclose(found, LEVELS, rtol=1e-12)


def test_between_quantiles_it_is_linear_in_the_flow() -> None:
    assert below(4.0) == pytest.approx(0.625)
    assert below(1.5) == pytest.approx(0.175)


def test_above_the_highest_it_is_exponential_through_the_last_two() -> None:
    # s = (8 - 5) / log(0.25 / 0.1), so that 3 units more divide what exceeds by 2.5 again
    assert 1 - below(11.0) == pytest.approx(0.1 / 2.5)
    assert 1 - below(14.0) == pytest.approx(0.1 / 2.5**2)


def test_below_the_lowest_it_is_a_power_of_the_flow_and_0_at_no_flow() -> None:
    # k = log(2.5) / log(2), so that half the flow divides the probability by 2.5
    assert below(0.5) == pytest.approx(0.1 / 2.5)
    assert below(0.25) == pytest.approx(0.1 / 2.5**2)
    assert below(0.0) == 0 and below(-1.0) == 0


def test_it_rises_with_the_threshold_and_stays_within_0_and_1_whatever_the_quantiles() -> None:
    rng = np.random.default_rng(0)
    quantiles = np.sort(np.maximum(rng.normal(1, 2, (200, 5)), 0), -1)
    quantiles[:50, 3:] = quantiles[:50, 2:3]  # equal ones, at the top
    quantiles[50:100, :3] = quantiles[50:100, 3:4]  # and at the bottom
    thresholds = np.concatenate([np.linspace(-1, 40, 400), [1e6, np.inf]])
    found = np.stack([probability_below(np.full(200, x), quantiles, LEVELS) for x in thresholds])
    assert ((found >= 0) & (found <= 1)).all() and (np.diff(found, axis=0) >= -1e-12).all()
    assert (found[-1] == 1).all() and (found[0] == 0).all()


def test_of_equal_quantiles_the_highest_level_counts() -> None:
    quantiles = np.array([[2.0, 2.0, 2.0, 5.0, 5.0]])
    for threshold, level in ((2.0, 0.5), (5.0, 0.9), (5.1, 1.0), (1.9, 0.0)):
        assert probability_below(np.array([threshold]), quantiles, LEVELS)[0] == pytest.approx(level)


def test_quantiles_that_cross_are_sorted_and_a_missing_one_is_a_missing_probability() -> None:
    crossed = np.stack([QUANTILES[[1, 0, 2, 3, 4]], [1.0, np.nan, 3.0, 5.0, 8.0]])
    found = probability_below(np.array([4.0, 4.0]), crossed, LEVELS)
    assert found[0] == pytest.approx(0.625) and np.isnan(found[1])
    assert np.isnan(below(np.nan))


def test_several_thresholds_of_a_row_are_as_one_after_another() -> None:
    rng = np.random.default_rng(2)
    quantiles = np.cumsum(rng.gamma(1, 1, (3, 4, 5)), -1)  # [lead, station, quantile]
    thresholds = rng.gamma(2, 2, (2, 4))  # [event, station]
    found = probability_below(thresholds[:, None], quantiles, LEVELS)
    np.testing.assert_array_equal(found, [probability_below(one, quantiles, LEVELS) for one in thresholds])


def test_exact_quantiles_of_an_exponential_distribution_give_its_tail() -> None:
    quantiles = -np.log(1 - LEVELS)
    found = probability_below(np.array([5.0]), quantiles[None], LEVELS)
    assert 1 - found[0] == pytest.approx(np.exp(-5.0))


def test_the_flow_at_a_probability_is_the_inverse() -> None:
    rng = np.random.default_rng(1)
    quantiles = np.cumsum(rng.gamma(1, 1, (300, 5)), -1)
    chance = np.sort(rng.random((300, 7)) ** 2, -1)
    flow = flow_at(chance, quantiles, LEVELS)
    again = np.stack([probability_below(column, quantiles, LEVELS) for column in flow.T], -1)
    np.testing.assert_allclose(again, chance, rtol=1e-9)
    np.testing.assert_allclose(flow_at(LEVELS[None], QUANTILES[None], LEVELS)[0], QUANTILES)
    missing = flow_at(np.array([[0.3, np.nan], [0.3, 0.6]]), np.stack([QUANTILES, QUANTILES * np.nan]), LEVELS)
    assert np.isnan(missing).tolist() == [[False, True], [True, True]]
    assert (flow_at(np.full((1, 1), 0.05), QUANTILES[None] - 1, LEVELS) == 0).all()  # the lowest is 0


def test_one_level_or_levels_that_do_not_rise_are_too_few() -> None:
    for levels in ([0.5], [0.5, 0.4], [0.0, 0.5]):
        with pytest.raises(DataError, match="two or more that rise"):
            probability_below(np.array([1.0]), np.array([[1.0, 2.0]])[:, : len(levels)], levels)
