"""Estimates put into the gaps, and nowhere else."""

import numpy as np
import xarray as xr
from jaxtyping import Float


def ordered(observed: xr.DataArray) -> xr.DataArray:
    """The series as [time, station], in memory."""
    return observed.transpose("time", "station").load()


def into_gaps(observed: xr.DataArray, estimate: Float[np.ndarray, "time station"]) -> xr.DataArray:
    """The observed series with its NaN replaced; every other value is the same bit for bit.

    Args:
        observed: [time, station].
        estimate: in the same unit, NaN where there is none; only its values in the gaps are used.
    """
    values = observed.values.copy()
    gaps = np.isnan(values)
    values[gaps] = estimate[gaps]
    return observed.copy(data=values)
