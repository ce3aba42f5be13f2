"""The age of the newest observation that a forecast knows."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from jaxtyping import Float

from hydromae.prediction.choices import excluded_days
from hydromae.prediction.predictor import Predictor


def days_since_observed(
    predictors: Sequence[Predictor], names: Sequence[str], issues: np.ndarray
) -> Float[np.ndarray, "issue station"]:
    """Days from the last observation up to and including each issue time to that time; NaN if there was never any.

    With several runs or series it is the longest. Days that a run's configuration excludes do not count.

    Args:
        predictors: the runs, of the same stations.
        names: series.
        issues: issue times, datetime64[D], within the data of all runs.
    """
    ages = [_ages(predictor, name, issues) for predictor in predictors for name in names]
    return np.maximum.reduce(ages)  # NaN where one is


def _ages(predictor: Predictor, name: str, issues: np.ndarray) -> Float[np.ndarray, "issue station"]:
    observed = predictor.data.observed(name)
    observed[excluded_days(predictor.config, predictor.store)] = False
    day = np.arange(len(observed))[:, None]
    last = np.maximum.accumulate(np.where(observed, day, -1), axis=0)  # [day, station], -1 before the first
    places = (issues - predictor.store.first_day).astype(int)
    return np.where(last[places] >= 0, places[:, None] - last[places], np.nan).astype(np.float32)


def last_observed_variable(
    days: Float[np.ndarray, "issue station"], names: Sequence[str], words: Sequence[str]
) -> xr.Variable:
    """The variable `days_since_observed` of a file of forecasts.

    Args:
        days: number for each issue time and station.
        names: the series that are forecast.
        words: their names in words.
    """
    of_all = " and ".join(words) if len(names) > 1 else words[0]
    # "d" and not "days": a reader would take a number with the unit days for a time span.
    attributes = {"units": "d", "long_name": f"days since {of_all} was last observed", "comment": "NaN: never before"}
    return xr.Variable(("issue_time", "station"), days, attributes)
