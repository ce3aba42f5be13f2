"""What every method of infilling holds to."""

import numpy as np
import pytest

from hydromae.base.errors import DataError
from hydromae.baselines.infill import METHODS
from support.rivers import TRAIN, make_flow, with_gaps

LEARNT = [name for name in METHODS if name != "linear"]


@pytest.mark.parametrize("name", METHODS)
def test_observed_values_come_back_bit_for_bit_and_only_gaps_are_filled(name):
    observed = with_gaps(make_flow())
    before = observed.values.copy()
    filled = METHODS[name](observed, train=TRAIN)
    known = np.isfinite(before)
    assert (filled.values[known].view(np.uint32) == before[known].view(np.uint32)).all()
    assert np.isfinite(filled.values[~known]).mean() > 0.98
    np.testing.assert_array_equal(observed.values, before)  # what was given is not written to
    assert filled.dims == ("time", "station") and filled.dtype == observed.dtype and filled.attrs == observed.attrs
    assert filled.name == observed.name and filled.indexes["station"].equals(observed.indexes["station"])


@pytest.mark.parametrize("name", METHODS)
def test_dimensions_may_come_in_either_order(name):
    observed = with_gaps(make_flow())
    np.testing.assert_array_equal(
        METHODS[name](observed.transpose("station", "time"), train=TRAIN), METHODS[name](observed, train=TRAIN)
    )


@pytest.mark.parametrize("name", LEARNT)
def test_the_targets_own_values_after_the_training_period_change_no_estimate(name):
    observed = with_gaps(make_flow())
    garbage = observed.copy(deep=True)
    later = slice("2002-01-01", None)
    part = garbage.sel(time=later, station="1002")
    garbage.loc[{"time": later, "station": "1002"}] = part.where(part.isnull(), 1e6)
    gaps = np.isnan(observed.sel(station="1002").values)
    estimates = [METHODS[name](series, train=TRAIN).sel(station="1002").values[gaps] for series in (observed, garbage)]
    np.testing.assert_array_equal(*estimates)


@pytest.mark.parametrize("name", ["equipercentile", "regression"])
def test_donor_methods_come_closer_than_the_season(name):
    flow = make_flow()
    observed = with_gaps(flow)
    gaps = np.isnan(observed.values)
    error = {
        method: np.nanmean((METHODS[method](observed, train=TRAIN).values - flow.values)[gaps] ** 2)
        for method in (name, "climatology")
    }
    assert error[name] < 0.5 * error["climatology"]


@pytest.mark.parametrize("name", ["equipercentile", "regression"])
def test_a_day_on_which_no_gauge_is_observed_stays_missing(name):
    observed = with_gaps(make_flow())
    observed[850] = np.nan
    filled = METHODS[name](observed, train=TRAIN)
    assert np.isnan(filled[850]).all() and np.isfinite(filled[849]).all()


@pytest.mark.parametrize("name", LEARNT)
def test_a_station_without_a_training_record_stays_as_it_is(name):
    observed = with_gaps(make_flow())
    observed.loc[{"time": TRAIN, "station": "1003"}] = np.nan
    filled = METHODS[name](observed, train=TRAIN)
    np.testing.assert_array_equal(filled.sel(station="1003"), observed.sel(station="1003"))
    assert np.isfinite(filled.sel(station="1002")).mean() > 0.98


@pytest.mark.parametrize("name", LEARNT)
def test_a_training_period_without_a_day_is_refused_with_the_days_there_are(name):
    with pytest.raises(
        DataError, match="riverflow has 2000-01-01 to 2002-06-18, so nothing of the training period 1980"
    ):
        METHODS[name](make_flow(), train=slice("1980-01-01", "1989-12-31"))
