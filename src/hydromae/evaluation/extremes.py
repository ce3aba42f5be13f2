"""What counts as a flood or a drought: means of the flow beyond a threshold of the station."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import xarray as xr
from jaxtyping import Float

from hydromae.evaluation.means_ahead import running_mean
from hydromae.evaluation.streamflow_index import INDEX_DAYS, index_thresholds
from hydromae.evaluation.thresholds import flood_thresholds, low_flow_threshold

RETURN_PERIODS: Final = (2, 5, 10)
EXCEEDED: Final = (0.95, 0.9, 0.7)
WEEK: Final = 7


@dataclass(frozen=True)
class Extreme:
    """A flood or a drought of one severity.

    Attributes:
        name: in words, as `2-year flood`.
        length: days that the flow is averaged over.
        above: whether it is a flow above the threshold; else below.
        threshold: flow [month, station], the same in each month where there is no season; NaN for none.
    """

    name: str
    length: int
    above: bool
    threshold: Float[np.ndarray, "month station"]

    @property
    def defined(self) -> bool:
        """Whether any station has a threshold."""
        return bool(np.isfinite(self.threshold).any())

    def limit(self, on: np.ndarray) -> Float[np.ndarray, "*days station"]:
        """The threshold on days, datetime64[D]."""
        return np.asarray(self.threshold[on.astype("datetime64[M]").astype(np.int64) % 12])

    def state(self, means: Float[np.ndarray, "*days station"], on: np.ndarray) -> Float[np.ndarray, "*days station"]:
        """1 where the mean that ends on a day is beyond the threshold, 0 where not, NaN where nothing is known."""
        limit = self.limit(on)
        beyond = means > limit if self.above else means < limit
        return np.where(np.isnan(means) | np.isnan(limit), np.nan, beyond)


def floods(record: xr.DataArray, length: int = 1, return_periods: Sequence[float] = RETURN_PERIODS) -> list[Extreme]:
    """Floods of some return periods: thresholds as of `flood_thresholds`.

    Args:
        record: [time, station], of days that no forecast is scored on.
        length: days of the mean whose annual maxima count.
        return_periods: years.
    """
    limits = flood_thresholds(running_mean(record, length), return_periods)
    return [
        Extreme(f"{period:g}-year flood", length, True, _all_year(limits.sel(return_period=period)))
        for period in return_periods
    ]


def droughts(record: xr.DataArray, length: int = 1, exceeded: Sequence[float] = EXCEEDED) -> list[Extreme]:
    """Flows below those exceeded on a share of days, and means of 30 days below classes of the streamflow index.

    Args:
        record: [time, station], of days that no forecast is scored on.
        length: days of the mean that is below a flow such as Q95; the index always is that of 30 days.
        exceeded: shares of days.
    """
    by_month = index_thresholds(record)
    return low_flows(record, length, exceeded) + [
        Extreme(f"SSI below {index:g}", INDEX_DAYS, False, by_month.sel(index=index).values)
        for index in by_month["index"].values
    ]


def low_flows(record: xr.DataArray, length: int = 1, exceeded: Sequence[float] = EXCEEDED) -> list[Extreme]:
    """Flows below those exceeded on a share of days; arguments as of `droughts`."""
    means = running_mean(record, length)
    return [
        Extreme(f"below Q{100 * share:g}", length, False, _all_year(low_flow_threshold(means, share)))
        for share in exceeded
    ]


def _all_year(limit: xr.DataArray) -> Float[np.ndarray, "month station"]:
    return np.repeat(limit.values[None], 12, 0)
