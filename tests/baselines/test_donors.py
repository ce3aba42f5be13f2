import numpy as np
import pytest
from scipy.stats import spearmanr

from hydromae.baselines.donors import best_first, first_present, rank_correlation


def test_of_complete_records_the_rank_correlation_is_spearmans():
    flow = np.random.default_rng(0).lognormal(size=(400, 3))
    flow[:, 1] += flow[:, 0]
    flow[:, 2] = np.round(flow[:, 2] + flow[:, 1])  # with ties
    expected = spearmanr(flow).statistic
    found = rank_correlation(flow)
    off = ~np.eye(3, dtype=bool)
    np.testing.assert_allclose(found[off], expected[off], atol=1e-12)
    assert np.isnan(np.diag(found)).all()


def test_it_is_that_of_the_percentiles_on_common_days():
    generator = np.random.default_rng(1)
    flow = generator.lognormal(size=(900, 2)).cumsum(axis=1)
    flow[generator.random(flow.shape) < 0.3] = np.nan
    percentile = [np.argsort(np.argsort(column)) / np.isfinite(column).sum() for column in flow.T]
    both = np.isfinite(flow).all(axis=1)
    expected = np.corrcoef(percentile[0][both], percentile[1][both])[0, 1]
    assert rank_correlation(flow)[0, 1] == pytest.approx(expected, abs=1e-9)


def test_too_few_common_days_or_a_constant_record_give_no_correlation():
    flow = np.random.default_rng(2).lognormal(size=(800, 3))
    flow[:500, 0], flow[600:, 1], flow[:, 2] = np.nan, np.nan, 1.0
    assert np.isnan(rank_correlation(flow)).all()
    assert np.isfinite(rank_correlation(flow, min_common_days=100)[0, 1])


def test_donors_come_from_the_most_alike_and_those_not_alike_never():
    assert best_first(np.array([0.2, np.nan, 0.9, -0.5, 0.0])).tolist() == [2, 0]


def test_the_first_present_donors_of_each_day_are_taken_in_order():
    present = np.array([[1, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 0]], bool)
    assert first_present(present, 2).tolist() == [[0, 1], [1, 2], [2, -1], [-1, -1]]
    assert first_present(present[:, :0], 1).tolist() == [[-1]] * 4
