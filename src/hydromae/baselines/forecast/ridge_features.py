"""Features of the ridge regression: the state of the catchment on the issue day, and the weather of the horizon."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hydromae.baselines.forecast.daily import carried_forward

HISTORY = 90  # days that are read, the issue day included
MONTH = (0, 29)
FLOW_WINDOWS = ((0, 0), (1, 1), (2, 2), (3, 3), (0, 6), MONTH, (0, HISTORY - 1))  # days ago, first and last
FORCING_WINDOWS = ((0, 0), (1, 1), (2, 2), (3, 6), (7, 14), (15, 29), (30, HISTORY - 1))


@dataclass(frozen=True)
class Usual:
    """Values that replace missing ones: the mean of each station over the training period.

    Attributes:
        flow: mean flow [station] in the target's unit; NaN for a station without any flow.
        log_flow: mean of `log_flow` [station].
        forcing: mean of each forcing [forcing, station]; 0 where it was never observed.
    """

    flow: Float[np.ndarray, "station"]
    log_flow: Float[np.ndarray, "station"]
    forcing: Float[np.ndarray, "forcing station"]


def log_flow(flow: Float[np.ndarray, "*days station"], mean: Float[np.ndarray, "station"]) -> np.ndarray:
    """log(1 + flow / mean flow): the same in any unit, defined for a dry river, and less dominated by floods."""
    return np.asarray(np.log1p(np.maximum(flow, 0.0) / mean))


def state_features(
    flow: Float[np.ndarray, "day station"],
    forcing: Sequence[Float[np.ndarray, "day station"]],
    usual: Usual,
    day_of_year: Float[np.ndarray, "day"],
    rain: int | None,
) -> Float[np.ndarray, "day station state"]:
    """Features of each day from that day and the 89 before it: recent flow and forcing, and the season.

    A gap in flow is filled with the last known value, up to 90 days old, or else with the station's mean. A gap in
    forcing is left out of the mean over its window; a window without any value gets the station's mean.

    Args:
        flow: in the target's unit, NaN where missing.
        forcing: one array for each variable.
        usual: of the training period.
        day_of_year: day of the year as an angle in radians.
        rain: position of rain among the forcing: more of it runs off from a wet catchment than from a dry one, so
            its square and its products with log flow are features, too.
    """
    level = recent_level(flow, usual)
    month = _window_mean(level, *MONTH)
    features = [_window_mean(level, *window) for window in FLOW_WINDOWS]
    for position, (values, mean) in enumerate(zip(forcing, usual.forcing, strict=True)):
        recent = [_window_mean(values, *window, mean) for window in FORCING_WINDOWS]
        features += recent
        if position == rain:
            for wet in recent[:2]:
                features += [wet * wet, wet * level, wet * month]
    for harmonic in (1, 2):
        for wave in (np.sin, np.cos):
            features.append(np.broadcast_to(wave(harmonic * day_of_year)[:, None], level.shape))
    return np.stack(features, axis=-1)  # [day, station, state]


def future_features(
    flow: Float[np.ndarray, "day station"],
    forcing: Sequence[Float[np.ndarray, "day_and_horizon station"]],
    usual: Usual,
    horizon: int,
    rain: int | None,
) -> Float[np.ndarray, "day station horizon feature"]:
    """Forcing of each day of the horizon; rain also squared, and multiplied with measures of antecedent wetness.

    These are the log flow of the issue day, its mean over 30 days, and the rain of the horizon up to the day before.

    Args:
        flow: as for `state_features`.
        forcing: of the same days and `horizon` more.
        usual: of the training period, which fills the gaps.
        horizon: longest lead time in days.
        rain: position of rain among the forcing.
    """
    n_days = len(flow)
    level = recent_level(flow, usual)
    month = _window_mean(level, *MONTH)
    fallen = np.zeros_like(level)
    days = []
    for lead in range(1, horizon + 1):
        coming = [
            np.where(np.isfinite(values), values, mean)[lead : lead + n_days]
            for values, mean in zip(forcing, usual.forcing, strict=True)
        ]
        if rain is not None:
            wet = coming[rain]
            coming += [wet * wet, wet * level, wet * month, wet * fallen]
            fallen = fallen + wet
        days.append(np.stack(coming, axis=-1) if coming else np.empty((*level.shape, 0)))
    return np.stack(days, axis=2)  # [day, station, horizon, feature]


def recent_level(flow: Float[np.ndarray, "day station"], usual: Usual) -> Float[np.ndarray, "day station"]:
    """Log flow, with gaps filled with the last value of 90 days, or else with the station's mean."""
    carried, _ = carried_forward(log_flow(flow, usual.flow), HISTORY)
    return np.where(np.isfinite(carried), carried, usual.log_flow)


def _window_mean(
    values: Float[np.ndarray, "day station"], first: int, last: int, instead: float | np.ndarray = 0.0
) -> Float[np.ndarray, "day station"]:
    """Mean over the known values of `first` to `last` days ago, counted from each day; `instead` if there are none."""
    present = np.isfinite(values)
    total = _between(np.where(present, values, 0.0), first, last)
    count = _between(present.astype(np.float64), first, last)
    return np.where(count > 0.5, total / np.maximum(count, 1.0), instead)


def _between(values: Float[np.ndarray, "day station"], first: int, last: int) -> Float[np.ndarray, "day station"]:
    """Sum over `first` to `last` days ago; days before the record count as 0."""
    if first == last:
        return _ago(values, first)
    running = np.cumsum(values, axis=0)
    return _ago(running, first) - _ago(running, last + 1)


def _ago(values: Float[np.ndarray, "day station"], days: int) -> Float[np.ndarray, "day station"]:
    """The values of that many days ago, 0 before the first day."""
    earlier = np.zeros_like(values)
    earlier[days:] = values[: max(len(values) - days, 0)]
    return earlier
