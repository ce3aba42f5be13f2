"""Linear interpolation in time."""

import numpy as np
import xarray as xr

from hydromae.baselines.infill.gaps import into_gaps, ordered


def fill(observed: xr.DataArray, *, train: slice) -> xr.DataArray:
    """Fill each gap on the straight line between the observed days at its two ends.

    Args:
        observed: [time, station] in any unit, NaN where missing, days in any spacing.
        train: not used, since nothing is learnt; here so that all methods are called alike.

    Returns:
        [time, station] in the same unit and dtype. Days before a station's first value and after its last stay NaN.
    """
    observed = ordered(observed)
    days = observed["time"].values.astype("datetime64[s]").astype(np.float64)
    values = observed.values.astype(np.float64)
    for station in values.T:  # views: what is written below is in `values`
        known = np.isfinite(station)
        if known.any() and not known.all():
            station[~known] = np.interp(days[~known], days[known], station[known], left=np.nan, right=np.nan)
    return into_gaps(observed, values)
