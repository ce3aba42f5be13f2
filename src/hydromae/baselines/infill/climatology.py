"""The usual flow at the time of year."""

import numpy as np
import xarray as xr

from hydromae.baselines.forecast.climatology import calendar_place, window_mean
from hydromae.baselines.infill.gaps import into_gaps, ordered
from hydromae.baselines.training_period import training_days


def fill(observed: xr.DataArray, *, train: slice, half_width: int = 15) -> xr.DataArray:
    """Fill each gap with the station's mean over the training years, within some days of the day of the year.

    Args:
        observed: [time, station] in any unit, NaN where missing.
        train: first and last day to learn from.
        half_width: days on either side of the day of the year whose flow counts, as in the climatology of forecasts.

    Returns:
        [time, station] in the same unit and dtype. A station without a training value near that day stays NaN there.

    Raises:
        DataError: no day lies in the training period.
    """
    observed = ordered(observed)
    place = calendar_place(observed["time"].values.astype("datetime64[D]"))
    inside = training_days(observed, train)
    usual = window_mean(observed.values[inside].astype(np.float64), place[inside], half_width)
    return into_gaps(observed, usual[place])  # [time, station]
