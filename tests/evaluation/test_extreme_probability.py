import numpy as np
import pytest
import xarray as xr

from hydromae.evaluation.extreme_probability import probability_of
from hydromae.evaluation.extremes import Extreme
from support.flows import LEVELS, forecast, labelled, series


def test_the_probability_at_a_quantile_is_its_level_or_what_is_left() -> None:
    flow = series(200)
    made = forecast(flow, quantiles=True)
    constant = made * 0 + xr.DataArray(np.arange(1.0, 6.0), {"quantile": LEVELS}, ("quantile",))
    leads = np.arange(1, 4)
    for above, level in ((False, 0.7), (True, 0.3)):
        extreme = Extreme("at the fourth quantile", 1, above, np.full((12, 3), 4.0))
        found = probability_of(extreme, constant, flow, leads)
        assert found.shape == made.shape[:3] and found.dtype == np.float32
        np.testing.assert_allclose(found, level, rtol=1e-6)


def test_the_threshold_is_that_of_the_month_that_is_forecast() -> None:
    flow = labelled(np.ones(60), "2001-01-01")
    made = forecast(flow, quantiles=True)
    made = made * 0 + xr.DataArray(np.arange(1.0, 6.0), {"quantile": LEVELS}, ("quantile",))
    threshold = np.full((12, 1), 1.0)
    threshold[1] = 5.0
    found = probability_of(Extreme("by month", 1, False, threshold), made, flow, np.array([1, 3]))
    issue = list(made["issue_time"].dt.strftime("%Y-%m-%d").values).index("2001-01-30")
    np.testing.assert_allclose(found[issue, :, 0], [0.1, 0.9], rtol=1e-6)  # 31 January, 2 February


def test_members_count_by_rank_and_their_means_are_taken_one_by_one() -> None:
    flow = labelled(np.full(20, 3.0), "2001-01-01")
    coordinates = {"issue_time": flow["time"].values[9:10], "lead_time": [1, 2], "station": ["100"]}
    members = np.array([[0.0, 6.0, 9.0], [6.0, 0.0, 9.0]])[None, :, None]  # means of 2 days: 3, 3, 9
    made = xr.DataArray(members, coordinates, ("issue_time", "lead_time", "station", "member"))
    extreme = Extreme("mean of 2 days", 2, False, np.full((12, 1), 6.0))
    found = probability_of(extreme, made, flow, np.array([2]))
    assert found.item() == pytest.approx(0.625)  # halfway from 2 / 4 at 3 to 3 / 4 at 9


def test_members_that_are_missing_do_not_count_and_one_is_too_few() -> None:
    flow = labelled(np.full(20, 3.0), "2001-01-01")
    coordinates = {"issue_time": flow["time"].values[9:10], "lead_time": [1, 2], "station": ["100"]}
    members = np.array([[np.nan, 6.0, np.nan, 2.0], [np.nan, 6.0, np.nan, np.nan]])[None, :, None]
    made = xr.DataArray(members, coordinates, ("issue_time", "lead_time", "station", "member"))
    extreme = Extreme("above", 1, True, np.full((12, 1), 4.0))
    found = probability_of(extreme, made, flow, np.array([1, 2]))[0, :, 0]
    assert found[0] == pytest.approx(0.5) and np.isnan(found[1])
