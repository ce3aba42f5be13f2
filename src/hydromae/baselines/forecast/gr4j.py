"""GR4J calibrated for each catchment, with a correction by its last errors and the weather of past years."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float, Int

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
from hydromae.baselines.forecast.catchment_inputs import CatchmentInputs, catchment_inputs
from hydromae.baselines.forecast.daily import daily_values
from hydromae.baselines.forecast.gr4j_correction import (
    Correction,
    fit_correction,
    fit_persistence,
    recent_features,
    root_errors,
)
from hydromae.baselines.forecast.gr4j_simulation import Catchments
from hydromae.baselines.forecast.known import days_until
from hydromae.baselines.forecast.past_weather import PastWeather
from hydromae.baselines.gr4j import GR4JState
from hydromae.baselines.gr4j_calibration import MEDIAN, WARM_UP, Calibration, calibrate, parameters_of

MIN_DAYS = 365  # with flow on fewer days, a station gets the median parameters of the others
_EVERY = 5  # days between the issue days of training from which corrections are learned


@dataclass(frozen=True)
class Situation:
    """What is known on issue days.

    Attributes:
        catchments: of the stations.
        states: at the end of each issue day.
        simulated: flow of all days, mm/d; beyond the last issue day, too, where the weather there is known.
        rows: of the issue days in `simulated`.
        recent: features of a correction.
        to_depth: what makes mm/d of flow in its own unit.
    """

    catchments: Catchments
    states: list[GR4JState]
    simulated: Float[np.ndarray, "day station"]
    rows: np.ndarray
    recent: Float[np.ndarray, "issue station recent"]
    to_depth: Float[np.ndarray, "station"]


class Gr4j:
    """GR4J (Perrin et al. 2003) with four parameters for each station.

    The stores are run up to the issue day with the observed weather. With `perfect` the simulation goes on with the
    weather of the horizon; with `none` with that of the same days of each past year (ensemble streamflow prediction:
    Day 1985; Harrigan et al. 2018). Of these flows the mean is taken, since a mean weather has neither storms nor
    dry spells. Both are then corrected by the errors of the issue day and the day before (see `Correction`), each
    regime with weights of its own.

    Gaps in weather are filled with what is usual on that day of the year, gaps in flow with the last error, which
    fades away. A station with less than a year of flow has the median parameters of the others; one without any gets
    NaN.

    Args:
        calibration: how parameters are searched.
        on_progress: called with the share of the search that is done.
    """

    name = "gr4j"

    def __init__(
        self, calibration: Calibration | None = None, on_progress: Callable[[float], None] = lambda done: None
    ) -> None:
        self.calibration, self.on_progress = calibration or Calibration(), on_progress
        self.target: str | None = None
        self.horizon = 0
        self._stations: list[str] = []
        self._inputs: CatchmentInputs
        self._past: PastWeather
        self._flow: Float[np.ndarray, "day station"]
        self._points: Float[np.ndarray, "station 4"]
        self._persistence: Float[np.ndarray, station]
        self._corrections: dict[Regime, Correction] = {}

    def fit(self, series: xr.Dataset, target: str, forcing: Sequence[str], train: slice, horizon: int) -> "Gr4j":
        check_fit(series, target, forcing, train, horizon)
        days = train_days(series, train)
        self._inputs = catchment_inputs(series, target, forcing, days)
        self.target, self.horizon, self._stations = target, horizon, station_ids(series)
        self._past = self._inputs.past(series, days)
        self._flow = daily_values(series, target, days) * self._inputs.to_depth
        self._points, self._corrections = self._calibrated(self._flow), {}
        simulated, _ = self._training_run([])
        self._persistence = fit_persistence(root_errors(self._flow, simulated))
        return self

    def forecast(self, series: xr.Dataset, issue_times: pd.DatetimeIndex, regime: Regime) -> xr.DataArray:
        if self.target is None:
            raise not_fitted(self.name)
        if len(issue_times) == 0:
            empty = np.empty((0, self.horizon, series.sizes["station"]))
            return forecast_array(empty, series, self.target, issue_times)
        known = self.situation(series, issue_times, self.horizon if regime == "perfect" else 0)
        if regime == "perfect":
            ahead = following(known.simulated, known.rows, self.horizon)
        else:
            issued = issue_days(issue_times)
            ahead = np.stack(
                [
                    known.catchments.mean_of_ensemble(state, day, self.horizon)
                    for state, day in zip(known.states, issued, strict=True)
                ]
            )
        flow = self.correction(regime, series)(ahead, known.recent)
        return forecast_array(flow / known.to_depth, series, self.target, issue_times)

    def situation(self, series: xr.Dataset, issue_times: pd.DatetimeIndex, beyond: int = 0) -> Situation:
        """Run the stations of `series` up to the issue days, and with their weather some days beyond the last.

        Raises:
            DataError: `fit` was not called, or a variable is absent.
        """
        if self.target is None:
            raise not_fitted(self.name)
        check_variables(series, [self.target, self._inputs.rain, self._inputs.evaporation])
        days = days_until(series, issue_times)
        seen = np.arange(days[0], days[-1] + np.timedelta64(1 + beyond, "D"))
        columns = self._columns(series)
        to_depth = self._inputs.to_depth[columns]
        rows = (issue_days(issue_times) - days[0]).astype(np.int64)
        catchments = self._catchments(columns)
        simulated, states = catchments.run(self._inputs.weather(series, seen)[0], days[0], rows)
        flow = daily_values(series, self.target, days) * to_depth
        errors = root_errors(flow, simulated[: len(days)], self._persistence[columns])
        recent = recent_features(errors, simulated[: len(days)], rows)
        return Situation(catchments, [states[row] for row in rows.tolist()], simulated, rows, recent, to_depth)

    @property
    def years(self) -> Int[np.ndarray, "member"]:
        """The calendar years whose weather makes an ensemble."""
        return self._past.years

    def correction(self, regime: Regime, series: xr.Dataset) -> Correction:
        """The correction of the stations of `series`: NaN for those without flow in the training period.

        It is learned when it is first asked for, since an ensemble for two months ahead needs none for `none`, which
        would take longer than all else.
        """
        if regime not in self._corrections:
            self._corrections[regime] = self._learned(regime)
        stranger = ~np.isin(station_ids(series), self._stations)
        return self._corrections[regime].of(self._columns(series)).without(stranger)

    def _learned(self, regime: Regime) -> Correction:
        """A correction from forecasts that would have been made in the last years of training."""
        rows = np.arange(self._first_scored(len(self._flow)), len(self._flow), _EVERY)
        simulated, states = self._training_run(rows)
        if regime == "perfect":
            ahead = following(simulated, rows, self.horizon)
        else:
            catchments, first = self._catchments(), self._past.first_day
            ahead = np.stack(
                [
                    catchments.mean_of_ensemble(states[row], first + np.timedelta64(row, "D"), self.horizon)
                    for row in rows.tolist()
                ]
            )
        recent = recent_features(root_errors(self._flow, simulated, self._persistence), simulated, rows)
        learned = fit_correction(ahead, recent, following(self._flow, rows, self.horizon))
        return learned.without(~np.isfinite(self._flow).any(axis=0))

    def _training_run(
        self, stops: Sequence[int] | np.ndarray
    ) -> tuple[Float[np.ndarray, "day station"], dict[int, GR4JState]]:
        weather = (self._past.rain, self._past.potential_evaporation)
        return self._catchments().run(weather, self._past.first_day, stops)

    def _catchments(self, columns: np.ndarray | None = None) -> Catchments:
        """All stations of the training period, or some by their positions."""
        if columns is None:
            return Catchments(parameters_of(self._points), self._past)
        return Catchments(parameters_of(self._points[columns]), self._past.of(columns))

    def _columns(self, series: xr.Dataset) -> np.ndarray:
        """Positions of stations among those of the training period; 0 for others, which get NaN in the end."""
        place = {station: position for position, station in enumerate(self._stations)}
        return np.array([place.get(station, 0) for station in station_ids(series)], np.int64)

    def _first_scored(self, n_days: int) -> int:
        """The first of the last years of training that is learned from, after a year that warms up if there is one."""
        return min(max(n_days - round(365.25 * self.calibration.years), 0) + WARM_UP, n_days - 1)

    def _calibrated(self, flow: Float[np.ndarray, "day station"]) -> Float[np.ndarray, "station 4"]:
        """Parameters of each station, as points of the search."""
        first = self._first_scored(len(flow))
        late, scored = slice(max(first - WARM_UP, 0), None), flow[first:]
        present = np.isfinite(scored)
        highest, lowest = (np.where(present, scored, none) for none in (-np.inf, np.inf))
        usable = (present.sum(axis=0) >= MIN_DAYS) & (highest.max(axis=0) > lowest.min(axis=0))
        points = np.tile(MEDIAN, (flow.shape[1], 1))
        if usable.any():
            rain, potential, known = (
                values[late][:, usable] for values in (self._past.rain, self._past.potential_evaporation, flow)
            )
            points[usable] = calibrate(rain, potential, known, self.calibration, self.on_progress)
            points[~usable] = np.median(points[usable], axis=0)
        return points


def following(
    values: Float[np.ndarray, "day station"], rows: np.ndarray, horizon: int
) -> Float[np.ndarray, "issue lead station"]:
    """Values of the days after each of some days, NaN beyond the last."""
    padded = np.concatenate([values, np.full((horizon, values.shape[1]), np.nan, values.dtype)])
    return padded[rows[:, None] + np.arange(1, horizon + 1)]
