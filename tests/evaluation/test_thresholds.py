import numpy as np
import pytest
from scipy.stats import gumbel_r

from hydromae.evaluation.thresholds import annual_maxima, flood_thresholds, low_flow_threshold
from support.flows import labelled, series


def years(maxima, start=2000):
    """A record of water years that each hold one day of the given flow, on a day of its own."""
    first = np.datetime64(f"{start}-10-01")
    last = np.datetime64(f"{start + len(maxima)}-10-01")
    flow = np.full((last - first).astype(int), 0.5)
    for k, height in enumerate(maxima):
        flow[(np.datetime64(f"{start + k}-10-01") - first).astype(int) + 31 * k % 300] = height
    return labelled(flow, f"{start}-10-01")


def test_water_years_begin_on_the_first_of_october():
    flow = labelled(np.ones(800), "2000-09-01")
    flow[29] = 7.0  # 2000-09-30
    flow[30] = 5.0  # 2000-10-01
    maxima = annual_maxima(flow, min_days=1)
    assert maxima["water_year"].values.tolist() == [2000, 2001, 2002, 2003]
    assert maxima[:, 0].values.tolist() == [7.0, 5.0, 1.0, 1.0]


def test_years_with_too_few_days_have_no_maximum():
    flow = labelled(np.ones(730), "2000-10-01")
    flow[10:50] = np.nan
    assert np.isfinite(annual_maxima(flow)[:, 0]).values.tolist() == [False, True]


def test_years_before_1970_and_days_in_any_order_are_no_trouble():
    record = years(np.arange(1.0, 13.0), 1960)
    shuffled = record.isel(time=np.random.default_rng(0).permutation(record.sizes["time"]))
    assert annual_maxima(shuffled)[:, 0].values.tolist() == list(range(1, 13))


def test_floods_of_a_gumbel_distribution_are_found():
    maxima = gumbel_r.rvs(loc=20, scale=5, size=400, random_state=1)
    threshold = flood_thresholds(years(maxima, 1600), (2, 10, 50))
    expected = gumbel_r.ppf(1 - 1 / np.array([2, 10, 50]), loc=20, scale=5)
    assert np.allclose(threshold[:, 0], expected, rtol=0.05)
    assert threshold.attrs["units"] == "mm/d"


def test_thresholds_of_l_moments_are_those_by_hand():
    maxima = np.array([3.0, 9.0, 4.0, 6.0, 5.0, 7.0, 8.0, 2.0, 10.0, 1.0])
    # of 1 to 10: mean 5.5, b1 = sum((i - 1) i) / 90 = 330 / 90, l2 = 2 b1 - 5.5
    scale = (2 * 330 / 90 - 5.5) / np.log(2)
    expected = 5.5 - 0.5772156649 * scale - scale * np.log(-np.log(0.5))
    assert flood_thresholds(years(maxima), (2,)).item() == pytest.approx(expected)


def test_too_few_years_give_no_threshold_and_one_year_is_no_return_period():
    assert np.isnan(flood_thresholds(years(np.arange(1.0, 10.0)), (2,)).item())
    with pytest.raises(ValueError, match="above 1 year"):
        flood_thresholds(series(), (1,))


def test_low_flow_is_exceeded_on_95_percent_of_the_days():
    flow = series(2000, 2)
    flow[:300, 1] = np.nan
    threshold = low_flow_threshold(flow)
    share = (flow > threshold).sum("time") / flow.notnull().sum("time")
    assert np.allclose(share, 0.95, atol=1e-3)
    assert low_flow_threshold(flow[:364]).isnull().all()
