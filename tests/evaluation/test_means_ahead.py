import numpy as np
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.evaluation.means_ahead import means_ahead, running_mean
from support.flows import labelled


def ahead(values: np.ndarray, issued: list[str]) -> xr.DataArray:
    """A forecast of values [issue, lead] at one station."""
    coordinates = {
        "issue_time": np.array(issued, "datetime64[ns]"),
        "lead_time": np.arange(1, values.shape[1] + 1),
        "station": ["100"],
    }
    return xr.DataArray(values[..., None], coordinates, ("issue_time", "lead_time", "station"))


def test_a_running_mean_is_that_of_the_days_up_to_each_day() -> None:
    mean = running_mean(labelled([1.0, 2.0, 6.0, 4.0, 5.0]), 3)[:, 0]
    np.testing.assert_allclose(mean, [np.nan, np.nan, 3, 4, 5])
    np.testing.assert_array_equal(running_mean(labelled([1.0, np.nan, 3.0]), 1)[:, 0], [1, np.nan, 3])


def test_a_mean_with_a_missing_or_absent_day_is_missing() -> None:
    record = labelled([1.0, 2.0, np.nan, 4.0, 5.0, 6.0, 7.0])
    np.testing.assert_array_equal(np.isfinite(running_mean(record, 2)[:, 0]), [0, 1, 0, 0, 1, 1, 1])
    gap = running_mean(record.isel(time=[0, 1, 4, 5]), 2)
    np.testing.assert_array_equal(np.isfinite(gap[:, 0]), [0, 1, 0, 0, 0, 1])


def test_a_mean_ahead_joins_observed_and_forecast_days() -> None:
    record = labelled([1.0, 2.0, 4.0, 100.0, 100.0], "2001-01-01")
    forecast = ahead(np.array([[10.0, 20.0, 30.0, 40.0]]), ["2001-01-03"])
    mean = means_ahead(forecast, record, 3, [1, 2, 3, 4])[0, :, 0]
    np.testing.assert_allclose(mean, [(2 + 4 + 10) / 3, (4 + 10 + 20) / 3, 20, 30])
    assert means_ahead(forecast, record, 1, [2, 4])["lead_time"].values.tolist() == [2, 4]


def test_members_have_means_of_their_own() -> None:
    record = labelled([1.0, 2.0, 4.0], "2001-01-01")
    members = xr.concat([ahead(np.array([[3.0, 6.0]]) * f, ["2001-01-03"]) for f in (1, 2)], "member")
    mean = means_ahead(members.transpose(..., "member"), record, 3, [2])
    np.testing.assert_allclose(mean[0, 0, 0], [(4 + 9) / 3, (4 + 18) / 3])


def test_nothing_after_the_issue_day_is_read_and_what_is_not_known_is_missing() -> None:
    record = labelled([1.0, np.nan, 4.0, np.nan], "2001-01-01")
    forecast = ahead(np.array([[10.0, 20.0, np.nan]]), ["2001-01-03"])
    np.testing.assert_array_equal(np.isfinite(means_ahead(forecast, record, 3, [1, 2, 3])[0, :, 0]), [0, 1, 0])


def test_lead_times_with_holes_have_no_means() -> None:
    forecast = ahead(np.ones((1, 3)), ["2001-01-03"]).isel(lead_time=[0, 2])
    with pytest.raises(DataError, match="each of 1 to 3"):
        means_ahead(forecast, labelled(np.ones(3), "2001-01-01"), 2, [3])
