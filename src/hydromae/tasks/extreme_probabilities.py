"""The probabilities of floods and droughts of a forecast, and of methods without a model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float

from hydromae.evaluation.extreme_probability import probability_of
from hydromae.evaluation.extreme_references import climatology, persistence
from hydromae.evaluation.extremes import Extreme
from hydromae.evaluation.joined_days import joined_days
from hydromae.evaluation.means_ahead import running_mean
from hydromae.metrics.pairs import days, valid_days
from hydromae.tasks.extreme_ensemble import Group, ensemble_probabilities

Probabilities = Float[np.ndarray, "issue lead station"]


@dataclass(frozen=True)
class Means:
    """Means of one length that end on each day.

    Attributes:
        observed: of the whole record.
        on: its days.
        training: of the training period by itself.
        trained_on: its days.
    """

    observed: Float[np.ndarray, "day station"]
    on: np.ndarray
    training: Float[np.ndarray, "train_day station"]
    trained_on: np.ndarray

    @classmethod
    def of(cls, observed: xr.DataArray, training: xr.DataArray, length: int) -> "Means":
        """Of both records [time, station]."""
        both = [running_mean(record, length) for record in (observed, training)]
        values, on = [record.values for record in both], [days(record["time"]) for record in both]
        return cls(values[0], on[0], values[1], on[1])

    def at(self, valid: np.ndarray) -> Float[np.ndarray, "*valid station"]:
        """Means that end on some days, NaN outside the record."""
        place = (valid - self.on[0]).astype(np.int64)
        inside = (place >= 0) & (place < len(self.on))
        return np.where(inside[..., None], self.observed[np.clip(place, 0, len(self.on) - 1)], np.nan)


def own_probabilities(
    quantiles: xr.DataArray,
    groups: Mapping[str, Group],
    observed: xr.DataArray,
    training: xr.DataArray,
    report: Callable[[float], None],
) -> dict[str, list[Probabilities]]:
    """Of the forecast itself: of single days from its quantiles, of means over days from joined days.

    Args:
        quantiles: [issue_time, lead_time, station, quantile].
        groups: lead times and extremes by name.
        observed: [time, station]; nothing after an issue day is read.
        training: [time, station], the record of the training period.
        report: called with the share of joined days that is done.

    Returns:
        By name, a probability for each of its extremes.
    """

    def joined(some: pd.DatetimeIndex) -> xr.DataArray:
        return joined_days(quantiles.sel(issue_time=some.values), training)

    means = {group: (leads, [one for one in extremes if one.length > 1]) for group, (leads, extremes) in groups.items()}
    of_means = {}
    if any(extremes for _, extremes in means.values()):
        issue_times = pd.DatetimeIndex(quantiles["issue_time"].values)
        of_means = ensemble_probabilities(joined, means, observed, issue_times, report)
    result = {}
    for group, (leads, extremes) in groups.items():
        joint = iter(of_means.get(group, ()))
        result[group] = [
            next(joint) if extreme.length > 1 else probability_of(extreme, quantiles, observed, leads)
            for extreme in extremes
        ]
    return result


def references(extreme: Extreme, quantiles: xr.DataArray, means: Means, leads: np.ndarray) -> dict[str, Probabilities]:
    """Of the methods without a model, by name.

    Args:
        extreme: what is forecast.
        quantiles: the forecast that they stand beside.
        means: of the extreme's length.
        leads: lead times.
    """
    issued, training = days(quantiles["issue_time"]), extreme.state(means.training, means.trained_on)
    return {
        "climatology": climatology(training, means.trained_on, valid_days(quantiles.isel(lead_time=leads - 1))),
        "persistence": persistence(training, extreme.state(means.at(issued), issued), leads),
    }
