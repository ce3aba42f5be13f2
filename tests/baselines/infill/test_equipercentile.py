import numpy as np

from hydromae.baselines.infill import equipercentile
from hydromae.baselines.infill.equipercentile import duration_curves
from support.rivers import TRAIN, make_flow


def test_a_rising_function_of_the_donor_is_found_exactly():
    flow = make_flow(stations=2, days=1000).astype(np.float64)
    flow[:, 1] = np.log(flow[:, 0]) ** 3 + 2
    train = slice("2000-01-01", "2002-08-31")
    observed = flow.copy()
    observed[900:920, 1] = np.nan  # in the training period too, so that the donor's flows are between levels
    observed[990:, 1] = np.nan
    observed[990:, 0] = observed[:10, 0].values  # flows that were seen
    filled = equipercentile.fill(observed, train=train)
    np.testing.assert_allclose(filled[990:, 1], flow[:10, 1].values, rtol=1e-12)
    assert np.corrcoef(filled[900:920, 1], flow[900:920, 1])[0, 1] > 0.99


def test_the_best_donor_that_is_observed_that_day_lends_its_flow():
    flow = make_flow(stations=3)
    target, noise = flow[:, 0], np.random.default_rng(5).lognormal(0, 0.2, len(flow))
    flow[:, 1] = 3 * target  # the perfect donor
    flow[:, 2] = target * noise
    observed = flow.copy()
    observed[800:820, 0] = np.nan
    full = equipercentile.fill(observed, train=TRAIN)
    observed[810:820, 1] = np.nan
    filled = equipercentile.fill(observed, train=TRAIN)
    np.testing.assert_array_equal(filled[800:810, 0], full[800:810, 0])
    alone = equipercentile.fill(observed.isel(station=[0, 2]), train=TRAIN)
    np.testing.assert_array_equal(filled[810:820, 0], alone[810:820, 0])
    assert (filled[810:820, 0] != full[810:820, 0]).any()


def test_units_of_a_donor_do_not_matter():
    flow = make_flow()
    observed = flow.copy()
    observed[800:820, 0] = np.nan
    other = observed.copy()
    other[:, 1:] = other[:, 1:] * 1024  # exact in floating point
    np.testing.assert_array_equal(
        equipercentile.fill(observed, train=TRAIN)[:, 0], equipercentile.fill(other, train=TRAIN)[:, 0]
    )


def test_days_that_only_one_of_the_two_has_are_in_neither_curve():
    donor = np.array([1.0, 2, 3, np.nan, 9])
    target = np.array([10.0, 20, 30, 99, np.nan])
    levels, flows = duration_curves(donor, target)
    assert levels.tolist() == [1, 2, 3] and flows.tolist() == [10, 20, 30]


def test_equal_flows_of_the_donor_share_the_mean_of_their_ranks():
    levels, flows = duration_curves(np.array([1.0, 1, 1, 5]), np.array([3.0, 6, 9, 12]))
    assert levels.tolist() == [1, 5] and flows.tolist() == [6, 12]
