import numpy as np
import pytest

from hydromae.baselines.forecast.past_weather import PastWeather

FIRST = np.datetime64("2001-03-01")


@pytest.fixture
def past() -> PastWeather:
    """Rain that counts the days from 2001-03-01 to 2005-02-28 at two stations; one day is unknown at the second."""
    days = np.arange(FIRST, np.datetime64("2005-03-01"))
    rain = np.arange(len(days), dtype=np.float32)[:, None] + np.zeros(2, np.float32)
    known = np.ones(rain.shape, bool)
    known[(np.datetime64("2003-07-05") - FIRST).astype(int), 1] = False
    return PastWeather(FIRST, rain, -rain, known, np.arange(366 * 4, dtype=np.float32).reshape(366, 2, 2))


def day_of(past: PastWeather, rain: np.ndarray) -> list[str]:
    return [str(day) for day in past.first_day + rain.astype(np.int64)]


def test_members_are_the_same_calendar_days_of_each_year(past):
    (rain, potential), usable = past.following(np.datetime64("2010-07-01"), 4)
    assert rain.shape == (4, 5, 2) and past.years.tolist() == [2001, 2002, 2003, 2004, 2005]
    assert day_of(past, rain[:, 1, 0]) == ["2002-07-02", "2002-07-03", "2002-07-04", "2002-07-05"]
    np.testing.assert_array_equal(potential, -rain)
    assert usable[:, 0].tolist() == [True, True, True, True, False]  # the period has no July of 2005
    assert usable[:, 1].tolist() == [True, True, False, True, False]


def test_a_leap_day_counts_as_the_28th_where_there_is_none(past):
    (rain, _), usable = past.following(np.datetime64("2012-02-29"), 2)
    assert day_of(past, rain[0, :, 0])[1:4] == ["2002-03-01", "2003-03-01", "2004-03-01"]
    assert usable[:, 0].tolist() == [True, True, True, True, False]  # 2001 begins on 28 February, before its first day


def test_days_of_the_forecast_itself_are_no_member(past):
    for issue in ("2002-07-01", "2002-12-30"):
        _, usable = past.following(np.datetime64(issue), 5)
        assert not usable[1, 0] and usable[2, 0]


def test_a_spin_up_ends_on_the_same_day_of_the_last_year_that_has_it(past):
    rain, potential = past.until(np.datetime64("1990-06-30"), 10)
    assert day_of(past, rain[[0, -1], 0]) == ["2004-06-21", "2004-06-30"]
    np.testing.assert_array_equal(potential, -rain)
    assert len(past.until(np.datetime64("1990-06-30"), 5000)[0]) == 1218  # all from 2001-03-01 on


def test_usual_weather_follows_the_day_of_the_year(past):
    rain, potential = past.usual_following(np.datetime64("2011-12-30"), 3)
    np.testing.assert_array_equal(rain, past.usual[[365, 0, 1], :, 0])
    np.testing.assert_array_equal(potential, past.usual[[365, 0, 1], :, 1])


def test_stations_are_taken_by_position(past):
    some = past.of(np.array([1]))
    np.testing.assert_array_equal(some.known, past.known[:, [1]])
    np.testing.assert_array_equal(some.usual, past.usual[:, [1]])
    assert past.of(np.array([0, 1])) is past
