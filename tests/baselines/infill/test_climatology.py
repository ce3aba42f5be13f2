import numpy as np
import pandas as pd
import xarray as xr

from hydromae.baselines.infill import climatology


def test_a_gap_gets_the_mean_of_its_calendar_day_over_the_training_years_alone():
    time = pd.date_range("2000-01-01", "2004-12-31")
    values = np.array(time.year - 2000, np.float64)[:, None] + 10 * (time.month == 3)[:, None]
    observed = xr.DataArray(values, {"time": time, "station": ["1"]}, ("time", "station"), "flow")
    observed.loc[{"time": ["2004-03-01", "2004-02-29", "2004-07-01"]}] = np.nan
    filled = climatology.fill(observed, train=slice("2000-01-01", "2002-12-31"), half_width=0)
    assert filled.sel(time="2004-07-01").item() == 1  # mean of 0, 1, 2: neither 2003 nor 2004
    assert filled.sel(time="2004-03-01").item() == 11  # 1 March of leap years and others alike
    assert filled.sel(time="2004-02-29").item() == 0  # of 2000, the one leap year


def test_the_window_goes_round_the_end_of_the_year():
    time = pd.date_range("2000-01-01", "2002-12-31")
    values = np.where((time.month == 12) & (time.day == 31), 9.0, 0.0)[:, None]
    observed = xr.DataArray(values, {"time": time, "station": ["1"]}, ("time", "station"), "flow")
    observed.loc[{"time": "2002-01-01"}] = np.nan
    filled = climatology.fill(observed, train=slice("2000-01-01", "2001-12-31"), half_width=1)
    assert filled.sel(time="2002-01-01").item() == 3  # 31 December, 1 and 2 January
