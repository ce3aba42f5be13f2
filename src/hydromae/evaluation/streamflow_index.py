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
    value every day, and each month has 30 means a year. The logarithms of the means have a generalised extreme value
    distribution, fitted by L-moments (Hosking et al. 1985, doi:10.2307/1269706): of nine distributions it came closest
    to the right shares of low means (docs/floods_and_droughts.md).

        log x(F) = xi + alpha / k (1 - (-log F)^k),   k = 7.859 c + 2.9554 c^2,   c = 2 / (3 + l3 / l2) - log 2 / log 3,
        alpha = l2 k / ((1 - 2^-k) gamma(1 + k)),   xi = l1 - alpha (1 - gamma(1 + k)) / k.

    Where a share z of the means is 0, F is that of the others, (F(x) - z) / (1 - z).

    Args:
        record: [time, station], of days that no forecast is scored on.
        classes: values of the index.
        min_means: means that a station needs in each calendar month.

    Returns:
        float64 [index, month, station], `month` 1 to 12, in the unit of the record; NaN where there are too few means,
        or so many of them are 0 that no mean can be so rare and low.
    """
    from scipy.special import ndtr

    means = running_mean(record, INDEX_DAYS)
    month = days(means["time"]).astype("datetime64[M]").astype(np.int64) % 12
    low = np.asarray(ndtr(np.asarray(classes, np.float64)))  # probabilities of flows below
    values = np.stack([_quantiles(means.values[month == m].T, low, min_means) for m in range(12)], 1)
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
    """Flows that means are below with some probabilities."""
    from scipy.special import gamma

    number = np.isfinite(values).sum(-1)  # [station]
    with np.errstate(all="ignore"):
        (l1, l2, l3), above_0 = l_moments(np.log(np.where(values > 0, values, np.nan)))
        dry = 1 - above_0 / number
        low = (probabilities[:, None] - dry) / (1 - dry)  # [level, station]
        c = 2 / (3 + l3 / l2) - np.log(2) / np.log(3)
        k = 7.859 * c + 2.9554 * c**2
        k = np.where(np.abs(k) < 1e-6, 1e-6, k)
        alpha = l2 * k / ((1 - 2**-k) * gamma(1 + k))
        xi = l1 - alpha * (1 - gamma(1 + k)) / k
        flow = np.exp(xi + alpha / k * (1 - (-np.log(low)) ** k))
        return np.where((number >= fewest) & (low > 0), flow, np.nan)
