import numpy as np
import pandas as pd
import xarray as xr

from hydromae.evaluation.joined_days import joined_days
from support.flows import LEVELS, labelled


def training(courses: list[list[float]], start: int = 1990) -> xr.DataArray:
    """A record of years with the given flows from 1 June on, else 1."""
    days = pd.date_range(f"{start}-01-01", f"{start + len(courses) - 1}-12-31")
    flow = pd.Series(1.0, days)
    for year, course in enumerate(courses):
        flow.loc[pd.date_range(f"{start + year}-06-01", periods=len(course))] = course
    return labelled(flow.values, f"{start}-01-01")


def made(issued: str, horizon: int = 2) -> xr.DataArray:
    """Quantiles 1 to 5 on the first day, ten times that on the second, and so on."""
    values = np.arange(1.0, 6.0) * 10.0 ** np.arange(horizon)[:, None]
    coordinates = {
        "issue_time": np.array([issued], "datetime64[ns]"),
        "lead_time": np.arange(1, horizon + 1),
        "station": ["100"],
        "quantile": LEVELS,
    }
    return xr.DataArray(values[None, :, None], coordinates, tuple(coordinates))


def test_a_member_stands_at_each_lead_time_where_its_year_stood_after_its_first_day() -> None:
    # relative to the first day: 1990 x 2, x 1; 1991 x 3, x 3; 1992 x 4, x 0.5; 1993 x 1, x 2
    record = training([[1, 2, 1], [10, 30, 30], [2, 8, 1], [5, 5, 10]])
    members = joined_days(made("2010-06-01"), record)[0, :, 0]
    assert members["member"].values.tolist() == [1990, 1991, 1992, 1993]
    # of four, levels 0.2, 0.4, 0.6 and 0.8 of quantiles 1 to 5 at 0.1, 0.3 ... 0.9
    np.testing.assert_allclose(members[0], [2.5, 3.5, 4.5, 1.5])
    np.testing.assert_allclose(members[1], [25, 45, 15, 35])


def test_each_day_keeps_the_forecast_s_distribution() -> None:
    rng = np.random.default_rng(0)
    record = training(rng.gamma(1, 1, (9, 4)).tolist())
    members = joined_days(made("2010-06-01", 3), record)
    np.testing.assert_allclose(np.sort(members[0, 0, 0])[[0, 2, 4, 6, 8]], [1, 2, 3, 4, 5])
    np.testing.assert_allclose(np.sort(members[0, 1], -1), 10 * np.sort(members[0, 0], -1))


def test_a_year_that_is_not_whole_or_is_that_of_the_forecast_is_no_member() -> None:
    record = training([[1, 2, 1], [10, np.nan, 30], [0, 8, 1], [5, 5, 10], [1, 1, 4]])
    members = joined_days(made("1993-06-01"), record)[0, :, 0]
    assert np.isfinite(members[0]).values.tolist() == [True, False, False, False, True]
    assert np.isfinite(members[1]).values.tolist() == [True, False, False, False, True]
    # levels 1 / 3 and 2 / 3, between 20 at 0.3, 30 at 0.5 and 40 at 0.7
    np.testing.assert_allclose(members[1], [20 + 10 / 6, np.nan, np.nan, np.nan, 40 - 10 / 6])
