"""Catchments whose parameters are known: their states up to an issue day, and what follows in past years' weather."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from hydromae.baselines.forecast.past_weather import PastWeather, Weather
from hydromae.baselines.gr4j import GR4JParameters, GR4JState, gr4j

SPIN_UP = 3 * 365  # days of past weather before the first day of a record, so that its stores start near their usual


@dataclass(frozen=True)
class Catchments:
    """Parameters and past weather of some stations.

    Attributes:
        parameters: [station].
        past: the weather of the training period.
    """

    parameters: GR4JParameters
    past: PastWeather

    def run(
        self, weather: Weather, first_day: np.datetime64, stops: Sequence[int] | np.ndarray
    ) -> tuple[Float[np.ndarray, "day station"], dict[int, GR4JState]]:
        """Simulate from some day on, after a spin-up with the weather of past years before that day.

        Args:
            weather: rain and potential evaporation [day, station].
            first_day: datetime64[D].
            stops: positions of days, the states at whose ends are wanted.

        Returns:
            Flow in mm/d, and the states.
        """
        rain, potential = weather
        before = self.past.until(first_day - np.timedelta64(1, "D"), SPIN_UP)
        state = gr4j(*before, self.parameters).state
        flows, states, done = [np.empty((0, rain.shape[1]), np.float32)], {}, 0
        for stop in sorted({*map(int, stops), len(rain) - 1}):
            span = slice(done, stop + 1)
            piece = gr4j(rain[span], potential[span], self.parameters, state)
            state, done = piece.state, stop + 1
            flows.append(piece.flow)
            states[stop] = state
        return np.concatenate(flows), states

    def ensemble(
        self, state: GR4JState, issue_day: np.datetime64, horizon: int
    ) -> tuple[Float[np.ndarray, "lead member station"], Bool[np.ndarray, "member station"]]:
        """Flow after an issue day in the weather of the same days of each past year, and which of them can be used."""
        (rain, potential), usable = self.past.following(issue_day, horizon)
        return gr4j(rain, potential, self.parameters, state).flow, usable

    def mean_of_ensemble(
        self, state: GR4JState, issue_day: np.datetime64, horizon: int
    ) -> Float[np.ndarray, "lead station"]:
        """The mean of an ensemble; where no member can be used, flow in the usual weather of the season."""
        flow, usable = self.ensemble(state, issue_day, horizon)
        count = usable.sum(axis=0)
        mean = np.where(usable, flow, 0.0).sum(axis=1) / np.maximum(count, 1)
        if not count.all():
            weather = self.past.usual_following(issue_day, horizon)
            mean = np.where(count > 0, mean, gr4j(*weather, self.parameters, state).flow)
        return mean
