import numpy as np
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hydromae.baselines.forecast.daily import carried_forward, daily_values, mean_known, of_stations

GAPPY = arrays(float, (12, 2), elements=st.sampled_from([1.0, 2.0, 3.0, np.nan]))


@given(GAPPY, st.none() | st.integers(0, 12))
def test_the_value_carried_forward_is_the_latest_that_is_not_too_old(values, limit):
    carried, age = carried_forward(values, limit)
    for day in range(12):
        for station in range(2):
            known = [past for past in range(day + 1) if np.isfinite(values[past, station])]
            if known and (limit is None or day - known[-1] <= limit):
                assert carried[day, station] == values[known[-1], station] and age[day, station] == day - known[-1]
            else:
                assert np.isnan(carried[day, station]) and age[day, station] == -1


def test_days_that_the_series_has_not_and_infinite_values_are_missing():
    series = xr.Dataset(
        {"flow": (("station", "time"), [[1.0, np.inf, 3.0], [4.0, 5.0, np.nan]])},
        {"time": np.array(["2001-01-02T12", "2001-01-03T12", "2001-01-06T12"], "datetime64[s]"), "station": ["a", "b"]},
    )
    days = np.arange(np.datetime64("2001-01-01"), np.datetime64("2001-01-07"))
    nan = np.nan
    expected = [[nan, nan], [1, 4], [nan, 5], [nan, nan], [nan, nan], [3, nan]]
    np.testing.assert_array_equal(daily_values(series, "flow", days), expected)
    np.testing.assert_array_equal(daily_values(series, "flow", days[2:4]), expected[2:4])
    assert np.isnan(daily_values(series, "flow", days + np.timedelta64(100, "D"))).all()


def test_the_mean_of_nothing_is_missing():
    np.testing.assert_array_equal(mean_known(np.array([[1.0, np.nan], [2.0, np.nan]])), [1.5, np.nan])


def test_parameters_follow_their_stations_by_id():
    parameters = np.arange(6.0).reshape(3, 2)
    found = of_stations(parameters, ["a", "b", "c"], ["c", "unknown", "a"])
    np.testing.assert_array_equal(found, [[4, 5], [np.nan, np.nan], [0, 1]])
