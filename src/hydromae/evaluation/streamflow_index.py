"""Classes of the standardised streamflow index of one month (Vicente-Serrano et al. 2012), as flows."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import xarray as xr
from jaxtyping import Float

from hydromae.evaluation.l_moments import l_moments
from hydromae.evaluation.means_ahead import running_mean
from hydromae.metrics.pairs import days

INDEX_DAYS: Final = 30
CLASSES: Final = (-1.0, -1.5, -2.0)
_MIN_MEANS = 280  # of a calendar month: ten Februaries


def index_thresholds(
    record: xr.DataArray, classes: Sequence[float] = CLASSES, min_means: int = _MIN_MEANS
) -> xr.DataArray:
    """The mean flow of 30 days at which the standardised streamflow index has given values, by calendar month.

    The index is the standard normal deviate of the probability of a mean so low in that calendar month (Vicente-Serrano
    et al. 2012, doi:10.1061/(ASCE)HE.1943-5584.0000433): moderate drought below -1, severe below -1.5, extreme below
    -2. Here a mean is that of the 30 days up to a day, and belongs to the month of that day, so that the index has a
    value every day, and each month has 30 means a year. Its distribution is the log-logistic of three parameters, one
    of the six that they compare, fitted by L-moments (as the generalised logistic of Hosking 1990):

        x(F) = xi + alpha / k (1 - ((1 - F) / F)^k),   k = -l3 / l2,   alpha = l2 sin(k pi) / (k pi),
        xi = l1 - alpha (1 / k - pi / sin(k pi)).

    Args:
        record: [time, station], of days that no forecast is scored on.
        classes: values of the index.
        min_means: means that a station needs in each calendar month.

    Returns:
        float64 [index, month, station], `month` 1 to 12, in the unit of the record; NaN where there are too few means,
        or the flow would not be above 0, so that no mean could be below it.
    """
    from scipy.special import ndtr

    means = running_mean(record, INDEX_DAYS)
    month = days(means["time"]).astype("datetime64[M]").astype(np.int64) % 12
    never = np.asarray(ndtr(np.asarray(classes, np.float64)))  # probabilities of flows below
    values = np.stack([_quantiles(means.values[month == m].T, never, min_means) for m in range(12)], 1)
    index = ("index", np.asarray(classes, np.float64), {"long_name": "standardised streamflow index", "units": "1"})
    return xr.DataArray(
        values,
        {"index": index, "month": np.arange(1, 13), "station": record["station"]},
        ("index", "month", "station"),
        attrs={"long_name": f"mean flow of {INDEX_DAYS} days at a value of the index", **record.attrs},
    )


def _quantiles(
    values: Float[np.ndarray, "station sample"], probabilities: Float[np.ndarray, "level"], fewest: int
) -> Float[np.ndarray, "level station"]:
    """Of the generalised logistic distribution with the L-moments of the values."""
    (l1, l2, l3), number = l_moments(values)  # [station]
    with np.errstate(all="ignore"):
        k = -l3 / l2
        k = np.where(np.abs(k) < 1e-6, 1e-6, k)
        alpha = l2 * np.sin(k * np.pi) / (k * np.pi)
        xi = l1 - alpha * (1 / k - np.pi / np.sin(k * np.pi))
        odds = ((1 - probabilities) / probabilities)[:, None]
        flow = xi + alpha / k * (1 - odds**k)  # [level, station]
        return np.where((number >= fewest) & (flow > 0), flow, np.nan)
