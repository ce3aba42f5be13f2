import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.baselines.forecast import gr4j as module
from hydromae.baselines.forecast.esp import ensemble
from hydromae.baselines.forecast.gr4j import Gr4j
from support.gr4j_world import FORCING, POINTS, fitted_to_twins, make_twins

TRAIN = slice("2001-01-01", "2003-12-31")
ISSUE = pd.DatetimeIndex(["2002-05-10", "2004-02-29", "2004-12-20"])
HORIZON = 20


@pytest.fixture(scope="module")
def twins() -> xr.Dataset:
    return make_twins()


@pytest.fixture(scope="module")
def fitted(twins: xr.Dataset) -> Gr4j:
    return fitted_to_twins(twins, TRAIN, HORIZON)


def test_a_member_is_the_forecast_with_the_weather_of_that_year(twins, fitted):
    flow = ensemble(fitted, twins, ISSUE)
    assert flow.dims == ("issue_time", "lead_time", "station", "member") and flow.attrs["units"] == "mm/d"
    assert flow["member"].values.tolist() == [2001, 2002, 2003]
    replaced = twins.copy(deep=True)
    for name in FORCING:
        late = replaced[name].loc["2004-03-01":"2004-03-20"]
        late[:] = twins[name].loc["2002-03-01":"2002-03-20"].values
    expected = fitted.forecast(replaced, ISSUE[1:2], "perfect").values[0]
    np.testing.assert_allclose(flow.sel(member=2002).values[1], expected, rtol=1e-5)


def test_a_year_is_no_member_of_its_own_forecast_nor_one_whose_days_the_period_lacks(twins, fitted):
    flow = ensemble(fitted, twins, ISSUE)
    missing = flow.isnull().all(["lead_time", "station"])
    np.testing.assert_array_equal(missing, flow.isnull().any(["lead_time", "station"]))
    # 20 days from 20 December 2003 are not all in the training period.
    np.testing.assert_array_equal(missing, [[False, True, False], [False] * 3, [False, False, True]])


def test_nothing_after_an_issue_day_is_read_and_other_issue_days_do_not_matter(twins, fitted):
    own = ensemble(fitted, twins, ISSUE[1:2], horizon=6)
    later = twins["time"] > np.datetime64("2004-02-29")
    spoiled = twins.assign({name: twins[name].where(~later, 1e9) for name in ["flow", *FORCING]})
    np.testing.assert_array_equal(ensemble(fitted, spoiled, ISSUE[1:2], horizon=6).values, own.values)
    ended = twins.sel(time=slice(None, "2004-02-29"))
    np.testing.assert_array_equal(ensemble(fitted, ended, ISSUE[1:2], horizon=6).values, own.values)
    np.testing.assert_allclose(ensemble(fitted, twins, ISSUE).values[1, :6], own.values[0], rtol=1e-6)


def test_members_end_where_their_rain_was_not_observed(twins, fitted):
    holed = twins.copy(deep=True)
    holed["rain"].loc["2001-03-05", "2"] = np.nan
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "calibrate", lambda *given: POINTS)
        other = Gr4j().fit(holed, "flow", FORCING, TRAIN, 6)
    flow = ensemble(other, twins, ISSUE[1:2])[0, 0]  # [station, member]
    np.testing.assert_array_equal(np.isnan(flow.values), [[False] * 3, [True, False, False]])


def test_what_cannot_be_asked_is_refused_and_no_issue_day_gives_an_empty_ensemble(twins, fitted):
    with pytest.raises(DataError, match="the horizon is 21 days; give 1 to 20, for which gr4j is fitted"):
        ensemble(fitted, twins, ISSUE, horizon=21)
    with pytest.raises(DataError, match="was not fitted"):
        ensemble(Gr4j(), twins, ISSUE)
    assert ensemble(fitted, twins, ISSUE[:0]).shape == (0, HORIZON, 2, 3)
