import numpy as np
import pandas as pd
import pytest

from hydromae.base.errors import DataError
from hydromae.baselines.forecast.climatology import Climatology, calendar_place
from support.baseline_flows import FORCING, ISSUE, TRAIN, make_rivers


def near(rivers, day: pd.Timestamp, half_width: int) -> np.ndarray:
    """Flow of the training years within some calendar days of a day, found date by date."""
    flow = rivers["riverflow"].sel(time=TRAIN).to_pandas()
    centre = (pd.Timestamp(2000, day.month, day.day) - pd.Timestamp("2000-01-01")).days
    place = np.array(
        [(pd.Timestamp(2000, date.month, date.day) - pd.Timestamp("2000-01-01")).days for date in flow.index]
    )
    distance = np.abs(place - centre)
    return flow[np.minimum(distance, 366 - distance) <= half_width].to_numpy()


@pytest.mark.parametrize("issue", ["2005-06-14", "2005-12-29", "2005-02-26", "2004-02-28"])
def test_the_mean_is_of_the_days_around_the_valid_day_in_every_training_year(issue):
    rivers = make_rivers()
    method = Climatology(half_width=10).fit(rivers, "riverflow", FORCING, TRAIN, 3)
    forecast = method.forecast(rivers, pd.DatetimeIndex([issue]), "none")
    for lead in (1, 2, 3):
        wanted = np.nanmean(near(rivers, pd.Timestamp(issue) + pd.Timedelta(days=lead), 10).astype(float), axis=0)
        np.testing.assert_allclose(forecast.values[0, lead - 1], wanted, rtol=1e-6)


@pytest.mark.parametrize("issue", ["2005-06-14", "2004-02-28"])
def test_quantiles_are_those_of_the_days_around_the_valid_day(issue):
    rivers = make_rivers()
    levels = (0.05, 0.5, 0.9)
    method = Climatology(half_width=10, quantiles=levels).fit(rivers, "riverflow", FORCING, TRAIN, 1)
    forecast = method.forecast(rivers, pd.DatetimeIndex([issue]), "none")
    wanted = np.nanquantile(near(rivers, pd.Timestamp(issue) + pd.Timedelta(days=1), 10).astype(float), levels, axis=0)
    np.testing.assert_allclose(forecast.values[0, 0].T, wanted, rtol=1e-6)
    assert forecast["quantile"].values.tolist() == list(levels)


def test_a_leap_day_is_forecast_from_its_neighbours_where_training_has_none():
    rivers = make_rivers()
    method = Climatology(half_width=2).fit(rivers, "riverflow", FORCING, slice("2001-01-01", "2003-12-31"), 1)
    assert np.isfinite(method.forecast(rivers, pd.DatetimeIndex(["2004-02-28"]), "none").values).all()


def test_a_date_has_the_same_place_in_every_year_and_a_leap_year_fills_them_all():
    leap = np.arange(np.datetime64("2004-01-01"), np.datetime64("2005-01-01"))
    np.testing.assert_array_equal(calendar_place(leap), np.arange(366))
    common = np.arange(np.datetime64("2005-01-01"), np.datetime64("2006-01-01"))
    np.testing.assert_array_equal(calendar_place(common), np.delete(np.arange(366), 59))
    np.testing.assert_array_equal(calendar_place(np.array(["1969-12-31", "1970-01-01"], "datetime64[D]")), [365, 0])


def test_recent_flow_has_no_part_in_it():
    rivers = make_rivers()
    method = Climatology().fit(rivers, "riverflow", FORCING, TRAIN, 2)
    doubled = rivers.assign(riverflow=rivers["riverflow"] * 2)
    np.testing.assert_array_equal(
        method.forecast(doubled, ISSUE, "none").values, method.forecast(rivers, ISSUE, "none").values
    )


@pytest.mark.parametrize("levels", [(0.5, 0.5), (0.0, 0.5), (0.5, 1.0), (0.9, 0.1), ()])
def test_levels_that_do_not_rise_within_0_and_1_are_refused(levels):
    with pytest.raises(DataError, match="must rise within"):
        Climatology(quantiles=levels)


@pytest.mark.parametrize("width", [-1, 183])
def test_a_window_of_a_year_or_none_is_refused(width):
    with pytest.raises(DataError, match="half_width"):
        Climatology(half_width=width)
