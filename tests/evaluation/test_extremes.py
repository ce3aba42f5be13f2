import numpy as np

from hydromae.evaluation.extremes import Extreme, droughts, floods
from hydromae.evaluation.means_ahead import running_mean
from hydromae.evaluation.thresholds import flood_thresholds, low_flow_threshold
from support.flows import series


def test_floods_are_flows_above_those_of_return_periods() -> None:
    record = series(12 * 366, 2)
    found = floods(record)
    assert [one.name for one in found] == ["2-year flood", "5-year flood", "10-year flood"]
    expected = flood_thresholds(record, (2, 5, 10))
    for one, limit in zip(found, expected.values, strict=True):
        assert one.above and one.length == 1
        np.testing.assert_array_equal(one.threshold, np.repeat(limit[None], 12, 0))


def test_droughts_are_flows_below_quantiles_and_months_below_the_index() -> None:
    record = series(12 * 366, 2)
    found = droughts(record, 7)
    assert [one.name for one in found] == [
        *("below Q95", "below Q90", "below Q70"),
        *("SSI below -1", "SSI below -1.5", "SSI below -2"),
    ]
    assert [one.length for one in found] == [7, 7, 7, 30, 30, 30] and not any(one.above for one in found)
    np.testing.assert_allclose(found[2].threshold[0], low_flow_threshold(running_mean(record, 7), 0.7))


def test_the_state_is_that_of_the_month_s_threshold_and_not_known_without_a_flow_or_a_threshold() -> None:
    threshold = np.full((12, 3), 2.0)
    threshold[1], threshold[:, 2] = 5.0, np.nan
    extreme = Extreme("drought", 1, False, threshold)
    on = np.array(["2001-01-31", "2001-02-01", "2001-02-02"], "datetime64[D]")
    means = np.array([[3.0, 2.0, 3.0], [3.0, 5.0, 3.0], [np.nan, 1.0, 3.0]])
    np.testing.assert_array_equal(extreme.state(means, on), [[0, 0, np.nan], [1, 0, np.nan], [np.nan, 1, np.nan]])
    above = Extreme("flood", 1, True, threshold)
    np.testing.assert_array_equal(above.state(means, on)[:2, :2], [[1, 0], [0, 0]])
    assert above.defined and not Extreme("flood", 1, True, threshold * np.nan).defined
