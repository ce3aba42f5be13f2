"""Ridge regression on log flow, one for each station, lead time and regime."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float

from hydromae.baselines.forecast.baseline import (
    Regime,
    check_fit,
    check_variables,
    forecast_array,
    issue_days,
    not_fitted,
    station_ids,
    train_days,
)
from hydromae.baselines.forecast.climatology import calendar_place
from hydromae.baselines.forecast.daily import daily_values, mean_known, of_stations
from hydromae.baselines.forecast.rain import rain_of
from hydromae.baselines.forecast.ridge_features import HISTORY, Usual, future_features, log_flow, state_features
from hydromae.baselines.forecast.ridge_solve import fold_moments, held_out_prediction, solve

_CHUNK = 8  # stations at once: about 40 MB of features for twenty years, and twice as fast as 32
_REGIMES: tuple[Regime, ...] = ("none", "perfect")


@dataclass(frozen=True)
class _Fitted:
    """Regressions of one regime on unscaled features, [station, lead, feature] with the constant last; and bias."""

    weights: Float[np.ndarray, "station lead feature"]
    bias: Float[np.ndarray, "station lead"]


class Ridge:
    """Log flow at each lead time as a linear function of recent log flow, recent forcing and the season.

    With `perfect`, also of the forcing of each day up to the lead time. Rain and wetness act together, so their
    products are features too. The strength of the penalty is chosen for each station and lead time on held-out blocks
    of years in the training period. A forecast transformed back from the logarithm is too low on average, so it is
    multiplied by the ratio of mean flow to mean prediction over held-out years: Duan's (1983) smearing, with days
    weighted by their flow. No forecast exceeds the highest flow of training by more than half.

    `state_features` says what replaces missing flow and forcing. A station without flow in the training period
    gets NaN.

    Args:
        rain: the forcing that is rain; None finds it by its standard name or its own name.
    """

    name = "ridge"

    def __init__(self, rain: str | None = None) -> None:
        self.rain = rain
        self._rain: int | None = None
        self._target: str | None = None
        self._forcing: list[str] = []
        self._horizon = 0
        self._stations: list[str] = []
        self._usual: Usual
        self._highest: Float[np.ndarray, station] = np.empty(0)
        self._fitted: dict[Regime, _Fitted] = {}

    def fit(self, series: xr.Dataset, target: str, forcing: Sequence[str], train: slice, horizon: int) -> "Ridge":
        check_fit(series, target, forcing, train, horizon)
        self._target, self._forcing, self._horizon = target, list(forcing), horizon
        self._stations = station_ids(series)
        rain = rain_of(series, forcing, self.rain)
        self._rain = None if rain is None else self._forcing.index(rain)
        days = train_days(series, train)
        flow = daily_values(series, target, days)
        weather = [daily_values(series, name, days) for name in forcing]
        mean = mean_known(flow)
        mean = np.where(mean > 0, mean, np.nan)
        means = np.stack([mean_known(values) for values in weather]) if weather else np.empty((0, len(mean)))
        self._usual = Usual(mean, mean_known(log_flow(flow, mean)), np.nan_to_num(means))
        self._highest = np.where(np.isfinite(mean), np.where(np.isfinite(flow), flow, 0.0).max(axis=0), np.nan)
        usable = np.flatnonzero(np.isfinite(mean))
        parts = [usable[first : first + _CHUNK] for first in range(0, len(usable), _CHUNK)]
        fits = [
            self._fit_stations(flow[:, part], [values[:, part] for values in weather], days, part) for part in parts
        ]
        self._fitted = {regime: self._joined(usable, [fit[regime] for fit in fits]) for regime in _REGIMES}
        return self

    def forecast(self, series: xr.Dataset, issue_times: pd.DatetimeIndex, regime: Regime) -> xr.DataArray:
        if self._target is None:
            raise not_fitted(self.name)
        check_variables(series, [self._target, *self._forcing])
        issued, ids = issue_days(issue_times), station_ids(series)
        values = np.full((len(issued), self._horizon, len(ids)), np.nan)
        if len(issued) == 0:
            return forecast_array(values, series, self._target, issue_times)
        day = np.timedelta64(1, "D")
        # A gap on the earliest day that features read is filled with a value up to HISTORY days older.
        days = np.arange(issued.min() - 2 * HISTORY * day, issued.max() + day)
        beyond = self._horizon if regime == "perfect" else 0
        seen = np.arange(days[0], days[-1] + (1 + beyond) * day)
        flow = daily_values(series, self._target, days)
        weather = [daily_values(series, name, seen) for name in self._forcing]
        for first in range(0, len(ids), _CHUNK):
            part = slice(first, first + _CHUNK)
            of_part = [field[:, part] for field in weather]
            values[:, :, part] = self._forecast_stations(flow[:, part], of_part, days, issued, ids[part], regime)
        return forecast_array(values, series, self._target, issue_times)

    def _forecast_stations(
        self,
        flow: Float[np.ndarray, "day station"],
        weather: list[Float[np.ndarray, "seen_day station"]],
        days: np.ndarray,
        issued: np.ndarray,
        ids: list[str],
        regime: Regime,
    ) -> Float[np.ndarray, "issue lead station"]:
        """Forecasts of some stations; the weather of regime `perfect` is `horizon` days longer than the flow."""
        usual = Usual(
            of_stations(self._usual.flow, self._stations, ids),
            of_stations(self._usual.log_flow, self._stations, ids),
            np.nan_to_num(of_stations(self._usual.forcing.T, self._stations, ids).T),
        )
        rows = (issued - days[0]).astype(np.int64)
        past = [values[: len(days)] for values in weather]
        state = state_features(flow, past, usual, _angle(days), self._rain)[rows]  # [issue, station, state]
        future = None
        if regime == "perfect":
            future = future_features(flow, weather, usual, self._horizon, self._rain)[rows]
        weights = of_stations(self._fitted[regime].weights, self._stations, ids)
        bias = of_stations(self._fitted[regime].bias, self._stations, ids)
        highest = of_stations(self._highest, self._stations, ids)
        leads = []
        for lead in range(1, self._horizon + 1):
            features = _design(state, future, lead)  # [issue, station, feature]
            level = np.einsum("isf,sf->is", features, weights[:, lead - 1, : features.shape[-1]])
            leads.append(_flow(level, usual.flow, bias[:, lead - 1], highest))
        return np.stack(leads, axis=1)

    def _fit_stations(
        self,
        flow: Float[np.ndarray, "day station"],
        weather: list[Float[np.ndarray, "day station"]],
        days: np.ndarray,
        part: np.ndarray,
    ) -> dict[Regime, _Fitted]:
        """Regressions of both regimes for some stations; the future after the training period is unknown."""
        usual = Usual(self._usual.flow[part], self._usual.log_flow[part], self._usual.forcing[:, part])
        ahead = np.full((self._horizon, flow.shape[1]), np.nan)
        state = state_features(flow, weather, usual, _angle(days), self._rain)
        future = future_features(
            flow, [np.concatenate([values, ahead]) for values in weather], usual, self._horizon, self._rain
        )
        level = log_flow(np.concatenate([flow, ahead]), usual.flow)  # [day + horizon, station]
        width = state.shape[-1] + self._horizon * future.shape[-1] + 1
        weights = {regime: np.zeros((len(part), self._horizon, width)) for regime in _REGIMES}
        bias = {regime: np.ones((len(part), self._horizon)) for regime in _REGIMES}
        for lead in range(1, self._horizon + 1):
            design = _design(state, future, lead).transpose(1, 0, 2)  # [station, day, feature]
            centre, spread = design.mean(axis=1, keepdims=True), design.std(axis=1, keepdims=True)
            centre[..., -1], spread[spread < 1e-9] = 0.0, 1.0  # the constant stays
            scaled = (design - centre) / spread
            truth = level[lead : lead + len(days)].T  # [station, day]
            use = np.isfinite(truth)
            moments = fold_moments(scaled, truth, use)
            for regime in _REGIMES:
                columns = _columns(state.shape[-1], scaled.shape[-1], regime)
                weight, held_out = solve(moments.of(columns), columns < scaled.shape[-1] - 1)
                predicted = held_out_prediction(scaled[..., columns], held_out)
                bias[regime][:, lead - 1] = _smearing(truth, predicted, use)
                plain = weight / spread[:, 0, columns]  # [station, feature], for unscaled features
                plain[:, -1] -= (plain * centre[:, 0, columns]).sum(axis=1)
                weights[regime][:, lead - 1, : len(columns)] = plain
        return {regime: _Fitted(weights[regime], bias[regime]) for regime in _REGIMES}

    def _joined(self, usable: np.ndarray, parts: list[_Fitted]) -> _Fitted:
        """Regressions of all stations; NaN for those without flow."""
        width = parts[0].weights.shape[-1] if parts else 1
        weights = np.full((len(self._stations), self._horizon, width), np.nan)
        bias = np.full((len(self._stations), self._horizon), np.nan)
        if parts:
            weights[usable] = np.concatenate([part.weights for part in parts])
            bias[usable] = np.concatenate([part.bias for part in parts])
        return _Fitted(weights, bias)


def _design(
    state: Float[np.ndarray, "day station state"],
    future: Float[np.ndarray, "day station horizon feature"] | None,
    lead: int,
) -> Float[np.ndarray, "day station column"]:
    """Features of one lead time: the state, the forcing of the days up to it, and the constant."""
    parts = [state]
    if future is not None:
        parts.append(future[:, :, :lead].reshape(*future.shape[:2], -1))  # [day, station, lead * feature]
    return np.concatenate([*parts, np.ones((*state.shape[:2], 1))], axis=-1)


def _columns(n_state: int, n_features: int, regime: Regime) -> np.ndarray:
    """Positions of a regime's features among those of `perfect`; the constant is the last of both."""
    if regime == "perfect":
        return np.arange(n_features)
    return np.append(np.arange(n_state), n_features - 1)


def _smearing(truth: np.ndarray, predicted: np.ndarray, use: np.ndarray) -> Float[np.ndarray, "station"]:
    """Factor that brings the mean of exp(predicted) to that of exp(truth), over the days in use, [station]."""
    limit = np.where(use, truth, 0.0).max(axis=1, keepdims=True)
    total = np.where(use, np.exp(np.where(use, truth, 0.0)), 0.0).sum(axis=1)
    return np.asarray(total / np.where(use, np.exp(np.minimum(predicted, limit)), 0.0).sum(axis=1))


def _flow(
    level: np.ndarray, mean: np.ndarray, bias: np.ndarray, highest: np.ndarray
) -> Float[np.ndarray, "issue station"]:
    """Flow from a predicted log flow, between 0 and 1.5 times the highest flow of training."""
    limit = np.log1p(1.5 * highest / mean)
    return np.asarray(np.clip((bias * np.exp(np.minimum(level, limit)) - 1.0) * mean, 0.0, 1.5 * highest))


def _angle(days: np.ndarray) -> Float[np.ndarray, "day"]:
    """Day of the year as an angle."""
    return np.asarray(2 * np.pi * calendar_place(days) / 366.0)
