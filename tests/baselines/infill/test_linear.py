import numpy as np

from hydromae.baselines.infill import linear
from support.rivers import TRAIN, make_flow


def test_a_gap_lies_on_the_line_between_its_ends():
    observed = make_flow(stations=2)
    observed[100:103, 0] = np.nan
    observed[99, 0], observed[103, 0] = 2, 6
    filled = linear.fill(observed, train=TRAIN)
    np.testing.assert_allclose(filled[99:104, 0], [2, 3, 4, 5, 6])


def test_nothing_is_made_up_before_the_first_value_or_after_the_last():
    observed = make_flow(stations=3)
    observed[:5, 0], observed[-3:, 1], observed[:, 2] = np.nan, np.nan, np.nan
    filled = linear.fill(observed, train=TRAIN)
    np.testing.assert_array_equal(filled, observed)


def test_days_that_the_series_lacks_count_in_the_slope():
    observed = make_flow(stations=1).isel(time=[0, 1, 4])
    observed[:, 0] = [1.0, np.nan, 5.0]
    assert linear.fill(observed, train=TRAIN)[1, 0] == 2
