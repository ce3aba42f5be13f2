"""Master recession: the flow falls as it does without rain."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Bool, Float

from hydromae.baselines.forecast.baseline import (
    Regime,
    check_fit,
    check_variables,
    forecast_array,
    not_fitted,
    station_ids,
    train_days,
)
from hydromae.baselines.forecast.daily import daily_values, mean_known, of_stations
from hydromae.baselines.forecast.known import last_known
from hydromae.baselines.forecast.rain import rain_of

EXPONENTS = (0.5, 3.0)  # Brutsaert and Nieber (1977) expect 1 to 3; below 0.5 a river would dry up within the horizon
BINS = 20  # of equal counts in flow, over which -dQ/dt is averaged before the line is fitted
MIN_STEPS = 100  # with fewer falling days the fit of a station is too uncertain
DRY_DAY = 1.0  # mm: the usual threshold of a wet day


class Recession:
    """Falls from the last known flow along -dQ/dt = a Q^b (Brutsaert and Nieber 1977), with a and b of each station.

    Both are fitted on falling days of the training period; where a series of rain is known, only on those without rain
    on the day and the day before. As daily flow is rounded and noisy, -dQ/dt is averaged in bins of flow before the
    line is fitted through the logarithms, days without change included (Kirchner 2009). Flow is divided by the
    station's mean, so that any unit will do and stations compare. A station with fewer than 100 such days falls
    exponentially at the median rate of the others; if no station has as many days, its flow stays constant. A station
    without any known flow up to the issue time gets NaN. Weather after the issue time is not used: both regimes give
    the same.

    Args:
        rain: the forcing that is rain in mm/d; None finds it by its standard name or its own name.
    """

    name = "recession"

    def __init__(self, rain: str | None = None) -> None:
        self.rain = rain
        self._target: str | None = None
        self._horizon = 0
        self._stations: list[str] = []
        self._law: Float[np.ndarray, "station 3"] = np.empty((0, 3))  # a (1/d at mean flow), b, mean flow
        self._usual_rate = 0.0

    def fit(self, series: xr.Dataset, target: str, forcing: Sequence[str], train: slice, horizon: int) -> "Recession":
        check_fit(series, target, forcing, train, horizon)
        self._target, self._horizon, self._stations = target, horizon, station_ids(series)
        days = train_days(series, train)
        flow = daily_values(series, target, days)
        mean = mean_known(flow)
        mean = np.where(mean > 0, mean, np.nan)
        rain = rain_of(series, forcing, self.rain)
        dry = None
        if rain is not None:
            dry = daily_values(series, rain, days) < DRY_DAY  # a day of unknown rain is not dry
        rate, exponent = fit_recession(flow / mean, dry)
        self._law = np.stack([rate, exponent, mean], axis=1)
        # At mean flow, a is the share that drains in a day, whatever the exponent.
        self._usual_rate = float(np.median(rate[np.isfinite(rate)])) if np.isfinite(rate).any() else 0.0
        return self

    def forecast(self, series: xr.Dataset, issue_times: pd.DatetimeIndex, regime: Regime) -> xr.DataArray:
        if self._target is None:
            raise not_fitted(self.name)
        check_variables(series, [self._target])
        last = last_known(series, self._target, issue_times)  # [issue, station]
        rate, exponent, mean = of_stations(self._law, self._stations, station_ids(series)).T
        unknown = ~np.isfinite(rate)
        rate = np.where(unknown, self._usual_rate, rate)
        exponent = np.where(unknown, 1.0, exponent)
        mean = np.where(np.isfinite(mean), mean, 1.0)  # an exponential fall is the same at any scale
        leads = np.arange(1, self._horizon + 1)[:, None]  # [lead, 1]
        values = mean * drained(np.maximum(last / mean, 0.0)[:, None], rate, exponent, leads)  # [issue, lead, station]
        return forecast_array(values, series, self._target, issue_times)


def fit_recession(
    flow: Float[np.ndarray, "day station"], dry: Bool[np.ndarray, "day station"] | None = None
) -> tuple[Float[np.ndarray, "station"], Float[np.ndarray, "station"]]:
    """Fit a and b of -dQ/dt = a Q^b on falling days.

    Args:
        flow: as a share of the station's mean, NaN where missing.
        dry: days without rain; None where rain is not known.

    Returns:
        a, in 1/d for flow as a share of the mean, and b; NaN for a station with too few falling days.
    """
    fall = flow[:-1] - flow[1:]  # [step, station], over one day
    level = (flow[:-1] + flow[1:]) / 2
    with np.errstate(invalid="ignore"):
        falling = (fall >= 0) & (level > 0)
    falling[1:] &= falling[:-1].copy()  # the first day after a peak still has its runoff
    falling[:1] = False
    if dry is not None:
        falling &= dry[:-1] & dry[1:]
    return _line(*_binned(level, fall, falling), enough=falling.sum(axis=0) >= MIN_STEPS)


def _binned(
    level: Float[np.ndarray, "step station"],
    fall: Float[np.ndarray, "step station"],
    use: Bool[np.ndarray, "step station"],
) -> tuple[Float[np.ndarray, "bin station"], Float[np.ndarray, "bin station"]]:
    """Mean flow and mean fall in bins of equal counts of flow; NaN for an empty bin."""
    order = np.argsort(np.where(use, level, np.inf), axis=0)  # steps in use first, by flow
    count = use.sum(axis=0)
    rank = np.arange(len(level))[:, None]
    bins = np.where(rank < count, rank * BINS // np.maximum(count, 1), BINS)  # [step, station]; BINS is the unused
    slot = bins * level.shape[1] + np.arange(level.shape[1])
    size = (BINS + 1) * level.shape[1]

    def mean(values: Float[np.ndarray, "step station"]) -> Float[np.ndarray, "bin station"]:
        ranked = np.take_along_axis(np.where(use, values, 0.0), order, axis=0)
        total = np.bincount(slot.ravel(), ranked.ravel(), size).reshape(BINS + 1, -1)[:BINS]  # [bin, station]
        members = np.bincount(slot.ravel(), minlength=size).reshape(BINS + 1, -1)[:BINS]
        return np.where(members > 0, total / np.maximum(members, 1), np.nan)

    return mean(level), mean(fall)


def _line(
    level: Float[np.ndarray, "bin station"], fall: Float[np.ndarray, "bin station"], enough: Bool[np.ndarray, "station"]
) -> tuple[Float[np.ndarray, "station"], Float[np.ndarray, "station"]]:
    """Least squares through log(fall) against log(flow), the exponent kept within its bounds."""
    use = np.isfinite(level) & np.isfinite(fall) & (np.nan_to_num(fall) > 0) & (np.nan_to_num(level) > 0)
    count = np.maximum(use.sum(axis=0), 1)
    x = np.log(np.where(use, level, 1.0))
    y = np.log(np.where(use, fall, 1.0))
    x_mean, y_mean = x.sum(axis=0) / count, y.sum(axis=0) / count
    spread = np.where(use, (x - x_mean) ** 2, 0.0).sum(axis=0)
    together = np.where(use, (x - x_mean) * (y - y_mean), 0.0).sum(axis=0)
    exponent = np.clip(np.where(spread > 0, together / np.where(spread > 0, spread, 1.0), 1.0), *EXPONENTS)
    rate = np.exp(y_mean - exponent * x_mean)
    fitted = enough & use.any(axis=0)
    return np.where(fitted, rate, np.nan), np.where(fitted, exponent, np.nan)


def drained(flow: np.ndarray, rate: np.ndarray, exponent: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Flow after some days of -dQ/dt = a Q^b from a given flow: exact, not below 0; arguments are broadcast.

    With b = 1, Q exp(-a t); else (Q^(1-b) + (b-1) a t)^(1/(1-b)), which for b < 1 dries up.
    """
    power = 1.0 - exponent
    linear = np.abs(power) < 1e-6
    safe_power = np.where(linear, 1.0, power)
    wet = np.where(flow > 0, flow, 1.0)
    left = np.maximum(1.0 - safe_power * rate * days * wet ** (exponent - 1.0), 0.0)  # of Q^(1-b)
    with np.errstate(divide="ignore"):
        curved = left ** (1.0 / safe_power)
    share = np.where(linear, np.exp(-rate * days), curved)
    return np.asarray(np.where(np.isnan(flow), np.nan, np.where(flow > 0, flow * share, 0.0)))
