import numpy as np

from hydromae.evaluation.extreme_references import climatology, persistence


def test_climatology_is_the_share_of_training_days_of_the_season() -> None:
    on = np.arange(np.datetime64("1999-01-01"), np.datetime64("2003-01-01"))
    state = np.zeros((len(on), 1))
    state[(on >= np.datetime64("2000-03-01")) & (on <= np.datetime64("2000-03-10"))] = 1
    state[on == np.datetime64("2001-03-10")] = np.nan
    valid = np.array([["2010-03-10", "2010-09-10"], ["2010-03-26", "2010-02-15"]], "datetime64[D]")
    found = climatology(state, on, valid)[..., 0]
    # 24 February to 25 March, of 30 days and in a leap year 31, one of them not known; 31 January to 1 March
    np.testing.assert_allclose(found, [[10 / (3 * 30 + 31 - 1), 0], [0, 1 / (3 * 30 + 31)]])


def test_persistence_is_how_often_the_state_of_the_issue_day_led_to_the_extreme() -> None:
    training = np.array([[1, 1, 0, 0, 1, np.nan, 0, 1.0], [0, 0, 0, 0, 0, 0, 0, 0.0]]).T
    now = np.array([[1.0, 0.0], [np.nan, 1.0]])
    found = persistence(training, now, np.array([1, 2]))
    # a day after 1: 1, 0; after 0: 0, 1, 1 at the first station, seven 0 at the second; two days after 1: 0, 0, 0;
    # after 0: 1 at the first station, six 0 at the second
    np.testing.assert_allclose(found[0, :, 0], [1 / 2, 0])
    np.testing.assert_allclose(found[0, :, 1], [2 / 10, 1 / 7])
    assert np.isnan(found[1, :, 0]).all() and found[1, 0, 1] == 0.5


def test_persistence_without_such_days_in_training_is_not_known() -> None:
    assert np.isnan(persistence(np.zeros((9, 1)), np.ones((2, 1)), np.array([1]))).all()
