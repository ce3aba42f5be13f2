"""The probability of a flood or drought, from the quantiles or the members of a forecast."""

from typing import Final

import numpy as np
import xarray as xr
from jaxtyping import Float

from hydromae.evaluation.extremes import Extreme
from hydromae.evaluation.means_ahead import means_ahead
from hydromae.evaluation.tail_probability import ensemble_levels, probability_below
from hydromae.metrics.pairs import valid_days

_AT_ONCE: Final = 64  # issue days whose quantiles are held in memory in double precision


def probability_of(
    extreme: Extreme, forecast: xr.DataArray, observed: xr.DataArray, leads: np.ndarray
) -> Float[np.ndarray, "issue lead station"]:
    """The probability of an extreme at each lead time, float32.

    Args:
        extreme: its thresholds are those of the forecast's stations.
        forecast: [issue_time, lead_time, station, quantile or member], at lead times 1, 2, ...; the days of a mean rise
            and fall together where there are quantiles, see `means_ahead`.
        observed: [time, station] in the same unit; nothing after an issue day is read.
        leads: lead times, in days.

    Raises:
        DataError: as for `means_ahead` and `probability_below`.
    """
    forecast = forecast.transpose("issue_time", "lead_time", "station", ...)
    last = forecast.dims[-1]
    levels = forecast[last].values if last == "quantile" else ensemble_levels(forecast.sizes[last])
    blocks = []
    for first in range(0, forecast.sizes["issue_time"], _AT_ONCE):
        means = means_ahead(forecast.isel(issue_time=slice(first, first + _AT_ONCE)), observed, extreme.length, leads)
        below = probability_below(extreme.limit(valid_days(means)), means.values, levels)
        blocks.append((1 - below if extreme.above else below).astype(np.float32))
    return np.concatenate(blocks)
