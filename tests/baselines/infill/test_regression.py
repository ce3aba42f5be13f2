import numpy as np

from hydromae.baselines.infill import regression
from support.rivers import TRAIN, make_flow


def weighted(flow):
    """Gauges of which the first is an exact sum of the next two."""
    flow = flow.astype(np.float64)
    flow[:, 0] = 0.5 + 0.7 * flow[:, 1] + 0.2 * flow[:, 2]
    return flow


def test_a_sum_of_two_donors_is_found_exactly():
    flow = weighted(make_flow(noise=1))
    observed = flow.copy()
    observed[800:820, 0] = np.nan
    filled = regression.fill(observed, train=TRAIN)
    np.testing.assert_allclose(filled[800:820, 0], flow[800:820, 0], rtol=1e-9)
    one = regression.fill(observed, train=TRAIN, donors=1)
    assert abs(one - flow)[800:820, 0].max() > 1e-3


def test_the_next_best_donor_stands_in_for_a_missing_one():
    flow = weighted(make_flow(noise=1))
    observed = flow.copy()
    observed[800:820, 0] = np.nan
    observed[810:820, 1] = np.nan
    filled = regression.fill(observed, train=TRAIN)
    np.testing.assert_allclose(filled[800:810, 0], flow[800:810, 0], rtol=1e-9)
    alone = regression.fill(observed.isel(station=[0, 2, 3]), train=TRAIN)
    np.testing.assert_allclose(filled[810:820, 0], alone[810:820, 0], rtol=1e-9)
    observed[815:820, 2:] = np.nan
    observed[815:820, 1] = flow[815:820, 1]
    last = regression.fill(observed, train=TRAIN)
    only = regression.fill(observed.isel(station=[0, 1]), train=TRAIN)
    np.testing.assert_allclose(last[815:820, 0], only[815:820, 0], rtol=1e-9)


def test_donors_that_share_too_few_days_with_each_other_are_used_alone():
    flow = weighted(make_flow(noise=1))
    flow[:400, 1], flow[400:731, 2] = np.nan, np.nan  # TRAIN has 731 days
    observed = flow.copy()
    observed[:731, 0] = make_flow()[:731, 0]
    observed[800:820, 0] = np.nan
    filled = regression.fill(observed.isel(station=[0, 1, 2]), train=TRAIN, min_common_days=300)
    apart = [regression.fill(observed.isel(station=[0, n]), train=TRAIN, min_common_days=300) for n in (1, 2)]
    assert any(np.allclose(filled[800:820, 0], one[800:820, 0]) for one in apart)


def test_two_donors_that_are_copies_of_each_other_are_taken():
    flow = make_flow(stations=3)
    flow[:, 2] = flow[:, 1]
    observed = flow.copy()
    observed[800:820, 0] = np.nan
    one = regression.fill(observed.isel(station=[0, 1]), train=TRAIN)
    np.testing.assert_allclose(regression.fill(observed, train=TRAIN)[800:820, 0], one[800:820, 0], rtol=1e-5)


def test_no_flow_is_below_zero():
    flow = make_flow(stations=2).astype(np.float64)
    flow[:, 0] = flow[:, 1] - 3
    observed = flow.where(flow > 0, 0.0)
    observed[700:, 0] = np.nan
    filled = regression.fill(observed, train=slice("2000-01-01", "2001-11-30"))
    assert (filled[700:, 0] == 0).any() and (filled[700:, 0] >= 0).all()
