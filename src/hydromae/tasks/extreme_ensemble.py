"""Ensemble streamflow prediction of floods and droughts: the probabilities of GR4J in the weather of past years."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float

from hydromae.base.errors import DataError
from hydromae.baselines.forecast.esp import ensemble
from hydromae.baselines.forecast.gr4j import Gr4j
from hydromae.config import Period
from hydromae.evaluation.extreme_probability import probability_of
from hydromae.evaluation.extremes import Extreme

logger = logging.getLogger(__name__)

# Forecasts [issue_time, lead_time, station, member] at some issue times.
Ensemble = Callable[[pd.DatetimeIndex], xr.DataArray]
Group = tuple[np.ndarray, Sequence[Extreme]]  # lead times, and what is forecast at them
_AT_ONCE: Final = 20_000_000  # values of an ensemble that are held in memory


def fitted_ensemble(
    series: xr.Dataset, target: str, weather: Sequence[str], train: Period, horizon: int
) -> Ensemble | None:
    """GR4J calibrated on the training period; None, with a warning, where the series do not let it run.

    Args:
        series: [time, station].
        target: the series that is forecast.
        weather: the series of the weather.
        train: first and last day of the training period.
        horizon: longest lead time in days.
    """
    try:
        gr4j = Gr4j().fit(series, target, weather, slice(str(train[0]), str(train[1])), horizon)
    except DataError as error:
        logger.warning("no ensemble streamflow prediction (ESP) stands beside the forecast: %s", error)
        return None
    return lambda issue_times: ensemble(gr4j, series, issue_times)


def ensemble_probabilities(
    made: Ensemble,
    groups: Mapping[str, Group],
    observed: xr.DataArray,
    issue_times: pd.DatetimeIndex,
    on_progress: Callable[[float], None] = lambda done: None,
) -> dict[str, list[Float[np.ndarray, "issue lead station"]]]:
    """The probability of each extreme at each lead time, made for some issue times at once.

    Args:
        made: the ensemble.
        groups: lead times and extremes by name.
        observed: [time, station], of all stations of the extremes.
        issue_times: the last known days.
        on_progress: called with the share that is done.

    Returns:
        By name, a probability for each of its extremes.
    """
    first = made(issue_times[:1])
    at_once = max(1, _AT_ONCE // max(first.size, 1))
    blocks: dict[str, list[list[np.ndarray]]] = {name: [[] for _ in extremes] for name, (_, extremes) in groups.items()}
    for start in range(0, len(issue_times), at_once):
        members = made(issue_times[start : start + at_once])
        for name, (leads, extremes) in groups.items():
            for of_one, extreme in zip(blocks[name], extremes, strict=True):
                of_one.append(probability_of(extreme, members, observed, leads))
        on_progress(min(1.0, (start + at_once) / len(issue_times)))
    return {name: [np.concatenate(of_one) for of_one in some] for name, some in blocks.items()}
