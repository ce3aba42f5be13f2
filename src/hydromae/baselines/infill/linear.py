"""Linear interpolation in time."""

import numpy as np
import xarray as xr

from hydromae.baselines.infill.gaps import into_gaps, ordered


def fill(observed: xr.DataArray, *, train: slice) -> xr.DataArray:
    """Fill each gap on the straight line between the observed days at its two ends.

    Args:
        observed: [time, station] in any unit, NaN where missing, days in any spacing.
        train: not used, since nothing is learned; it lets all methods be called alike.

    Returns:
        [time, station] in the same unit and dtype. Days before a station's first value and after its last stay NaN.
    """
    observed = ordered(observed)
    days = observed["time"].values.astype("datetime64[s]").astype(np.float64)
    values = observed.values.astype(np.float64)
    for station in values.T:  # views: writing to them changes `values`
        present = np.isfinite(station)
        if present.any() and not present.all():
            station[~present] = np.interp(days[~present], days[present], station[present], left=np.nan, right=np.nan)
    return into_gaps(observed, values)
