"""The probability of a flood or drought, from the quantiles or the members of a forecast."""

from typing import Final

import numpy as np
import xarray as xr
from jaxtyping import Float

from hydromae.evaluation.extremes import Extreme
from hydromae.evaluation.means_ahead import means_ahead
from hydromae.evaluation.tail_probability import probability_below
from hydromae.metrics.ordered import ascending
from hydromae.metrics.pairs import valid_days

_AT_ONCE: Final = 64  # issue days whose quantiles are held in memory in double precision


def probability_of(
    extreme: Extreme, forecast: xr.DataArray, observed: xr.DataArray, leads: np.ndarray
) -> Float[np.ndarray, "issue lead station"]:
    """The probability of an extreme at each lead time, float32.

    Args:
        extreme: its thresholds are those of the forecast's stations.
        forecast: [issue_time, lead_time, station, quantile or member], at lead times 1, 2, ...; members for means
            over days (`joined_days` makes them of quantiles). Members that are NaN do not count.
        observed: [time, station] in the same unit; nothing after an issue day is read.
        leads: lead times, in days.

    Raises:
        DataError: as for `means_ahead` and `probability_below`.
    """
    forecast = forecast.transpose("issue_time", "lead_time", "station", ...)
    blocks = []
    for first in range(0, forecast.sizes["issue_time"], _AT_ONCE):
        means = means_ahead(forecast.isel(issue_time=slice(first, first + _AT_ONCE)), observed, extreme.length, leads)
        limit = extreme.limit(valid_days(means))  # [issue, lead, station]
        if "quantile" in forecast.dims:
            below = probability_below(limit, means.values, forecast["quantile"].values)
        else:
            below = _below_of_members(limit, means.values)
        blocks.append((1 - below if extreme.above else below).astype(np.float32))
    return np.concatenate(blocks)


def _below_of_members(
    limit: Float[np.ndarray, "issue lead station"], members: Float[np.ndarray, "issue lead station member"]
) -> Float[np.ndarray, "issue lead station"]:
    """The i-th of n sorted members that are known is the quantile of i / (n + 1), as of any exchangeable values."""
    ordered, number = ascending(members)
    result = np.full(limit.shape, np.nan)
    for n in np.unique(number[number > 1]):
        rows = number == n
        result[rows] = probability_below(limit[rows], ordered[rows][:, :n], np.arange(1, n + 1) / (n + 1))
    return result
