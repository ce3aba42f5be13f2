import numpy as np

from hydromae.tasks.extreme_probabilities import Means
from support.flows import labelled


def test_means_on_days_are_those_of_the_record_and_nothing_outside_it() -> None:
    record = labelled(np.arange(10.0), "2001-01-01")
    means = Means.of(record, record.isel(time=slice(0, 4)), 2)
    wanted = np.array([["2001-01-01", "2001-01-02"], ["2001-01-10", "2001-01-11"]], "datetime64[D]")
    np.testing.assert_array_equal(means.at(wanted)[..., 0], [[np.nan, 0.5], [8.5, np.nan]])
    np.testing.assert_array_equal(means.training[:, 0], [np.nan, 0.5, 1.5, 2.5])
    assert means.trained_on[-1] == np.datetime64("2001-01-04")
