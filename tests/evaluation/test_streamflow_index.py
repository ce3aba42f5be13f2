import numpy as np
import pytest
from scipy.special import gamma
from scipy.stats import genextreme, norm

from hydromae.evaluation.l_moments import l_moments
from hydromae.evaluation.means_ahead import running_mean
from hydromae.evaluation.streamflow_index import INDEX_DAYS, index_thresholds
from support.flows import labelled, series


def test_a_threshold_is_the_quantile_of_a_distribution_with_the_l_moments_of_the_logarithms() -> None:
    record = series(6000, 1)
    means = running_mean(record, INDEX_DAYS)
    july = np.log(means.sel(time=means["time.month"] == 7).values[:, 0])
    found = float(np.log(index_thresholds(record, [-1.5]).sel(month=7).item()))
    l1, l2, l3 = l_moments(july)[0]
    c = 2 / (3 + l3 / l2) - np.log(2) / np.log(3)
    k = 7.859 * c + 2.9554 * c**2
    alpha = l2 * k / ((1 - 2**-k) * gamma(1 + k))
    fitted = genextreme(k, l1 - alpha * (1 - gamma(1 + k)) / k, alpha)
    assert found == pytest.approx(fitted.ppf(norm.cdf(-1.5)))
    own = l_moments(fitted.ppf((np.arange(20000) + 0.5) / 20000))[0]
    np.testing.assert_allclose(own, [l1, l2, l3], atol=1e-4)


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


def test_too_few_years_are_no_threshold_and_months_without_flow_are_counted() -> None:
    assert index_thresholds(series(9 * 365, 1)).isnull().all()
    flow = series(40 * 365, 1, seed=4).where(
        np.arange(40 * 365)[:, None] % 1460 >= 90, 0.0
    )  # dry in one winter of four
    found = index_thresholds(flow, [-1.0, -0.5])
    november = found.sel(month=11)
    assert november.sel(index=-1.0).isnull().all() and november.sel(index=-0.5).notnull().all()
    means = running_mean(flow, INDEX_DAYS)
    means = means.sel(time=means["time.month"] == 11)
    below = (means < november.sel(index=-0.5)).sum() / means.notnull().sum()
    assert float(below) == pytest.approx(norm.cdf(-0.5), abs=0.03)
