import numpy as np
import pytest

from hydromae.base.errors import DataError
from hydromae.evaluation.mixture import mixture_quantiles
from hydromae.evaluation.tail_probability import probability_below

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def members(number: int, rows: int = 40) -> np.ndarray:
    random = np.random.default_rng(number)
    centre = random.gamma(2.0, 3.0, (number, rows, 1))
    return np.sort(centre * random.lognormal(0, 0.4, (number, rows, 5)), -1).astype(np.float32)


def test_one_member_and_equal_members_are_kept_bit_for_bit() -> None:
    one = members(1)
    for number in (1, 2, 7):
        np.testing.assert_array_equal(mixture_quantiles(np.repeat(one, number, 0), LEVELS), one[0])


def test_the_mean_of_the_members_distribution_functions_is_the_level_at_each_quantile() -> None:
    each = members(9)
    made = mixture_quantiles(each, LEVELS)
    for place, level in enumerate(LEVELS):
        reached = np.mean([probability_below(made[:, place].astype(np.float64), one, LEVELS) for one in each], 0)
        np.testing.assert_allclose(reached, level, atol=1e-5)
    assert (np.diff(made, axis=-1) >= 0).all()


def test_the_spread_of_members_joins_their_own() -> None:
    # Two uniform distributions far apart: the lower half of the mixture is one, the upper half the other.
    flow = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    made = mixture_quantiles(np.stack([10 + flow, 20 + flow])[:, None], LEVELS)[0]
    np.testing.assert_allclose(made[[1, 3]], [10.5, 20.5], atol=1e-6)
    assert made[4] - made[0] > 10


def test_a_member_without_a_value_does_not_count() -> None:
    each = members(3)
    each[1, 5] = np.nan
    each[:, 6] = np.nan
    made = mixture_quantiles(each, LEVELS)
    np.testing.assert_array_equal(made[5], mixture_quantiles(each[[0, 2]], LEVELS)[5])
    assert np.isnan(made[6]).all() and np.isfinite(np.delete(made, 6, 0)).all()


def test_quantiles_at_no_flow_are_kept() -> None:
    dry = np.zeros((2, 1, 5), np.float32)
    dry[1, 0, 3:] = [1.0, 2.0]
    made = mixture_quantiles(dry, LEVELS)[0]
    assert made[:3].tolist() == [0, 0, 0] and made[4] > made[3] >= 0


def test_one_level_is_no_distribution() -> None:
    with pytest.raises(DataError, match="a probability needs two or more"):
        mixture_quantiles(np.stack([np.zeros((1, 1)), np.ones((1, 1))]), [0.5])
