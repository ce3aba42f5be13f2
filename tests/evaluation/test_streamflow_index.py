import numpy as np
import pytest
from scipy.stats import norm

from hydromae.evaluation.l_moments import l_moments
from hydromae.evaluation.means_ahead import running_mean
from hydromae.evaluation.streamflow_index import INDEX_DAYS, index_thresholds
from support.flows import labelled, series


def test_a_threshold_is_the_quantile_of_a_log_logistic_distribution_by_hand() -> None:
    record = series(6000, 1)
    means = running_mean(record, INDEX_DAYS)
    l1, l2, l3 = l_moments(means.sel(time=means["time.month"] == 7).values[:, 0])[0]
    k = -l3 / l2
    alpha = l2 * np.sin(k * np.pi) / (k * np.pi)
    xi = l1 - alpha * (1 / k - np.pi / np.sin(k * np.pi))
    probability = norm.cdf(-1.5)
    expected = xi + alpha / k * (1 - ((1 - probability) / probability) ** k)
    assert float(index_thresholds(record, [-1.5]).sel(month=7).item()) == pytest.approx(expected)


def test_means_below_a_class_are_as_frequent_as_the_normal_distribution_says() -> None:
    record = series(40 * 365, 2, seed=3) + labelled(np.zeros((40 * 365, 2)))
    thresholds = index_thresholds(record, [-1.0, -1.5])
    means = running_mean(record, INDEX_DAYS)
    limit = thresholds.sel(month=means["time.month"])  # [index, time, station]
    share = (means < limit).sum("time") / means.notnull().sum("time")
    np.testing.assert_allclose(share.sel(index=-1.0), norm.cdf(-1), atol=0.02)
    np.testing.assert_allclose(share.sel(index=-1.5), norm.cdf(-1.5), atol=0.02)


def test_each_month_has_its_own_and_drier_classes_lie_lower() -> None:
    flow = series(20 * 365, 1)
    season = 2 + np.cos(2 * np.pi * flow["time.dayofyear"] / 365.25)
    thresholds = index_thresholds(flow * season)
    assert thresholds.sizes == {"index": 3, "month": 12, "station": 1}
    assert (thresholds.sel(index=-1, month=1) > 1.5 * thresholds.sel(index=-1, month=8)).all()
    assert (thresholds.diff("index") < 0).all()


def test_too_few_years_or_a_flow_below_0_are_no_threshold() -> None:
    assert index_thresholds(series(9 * 365, 1)).isnull().all()
    never = labelled(np.where(np.arange(20 * 365) % 900 < 860, 0.0, 5.0))
    assert index_thresholds(never, [-2.0]).isnull().all()
