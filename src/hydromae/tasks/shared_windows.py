"""Forecasts from many issue days, of which one window serves several: years of them in minutes."""

from collections import Counter
from collections.abc import Iterable

import numpy as np
import torch

from hydromae.base.errors import ConfigError
from hydromae.masks.rolling import IssueDays, whole_horizon
from hydromae.prediction.choices import limited
from hydromae.prediction.issue_days import IssueDaysMask, ask_from_issue_days
from hydromae.prediction.predictor import Answer, Predictor
from hydromae.prediction.trained_for import forecast_names
from hydromae.tasks.asked_run import AskedRun


def shared_history(predictor: Predictor, horizon: int) -> int:
    """The fewest days up to and including the issue time that a forecast in a shared window looks back on.

    Raises:
        ConfigError: the model was not trained to forecast from several issue days of a window, or the horizon is too
            long.
    """
    rolling, names = predictor.model.config.rolling, forecast_names(predictor)
    if lacking := [name for name in names if name not in rolling]:
        raise ConfigError(
            f"{predictor.run}: was not trained to forecast {', '.join(lacking)} from several issue days of one window "
            f"(model.rolling); leave out --together"
        )
    step = predictor.token_days
    history = max(predictor.window // 2 // step, 1) * step
    longest = predictor.window // step * step - history
    if whole_horizon(horizon, step) > longest:
        raise ConfigError(
            f"the horizon is {horizon} days, but where windows of {predictor.window} days are shared, {history} of "
            f"them are known: ask for {longest} days at most, or leave out --together"
        )
    return history


class SharedWindows:
    """What a run is asked where windows are shared: forecasts from all issue days in the later half of each.

    A forecast then rests on between half and all of the days that it would look back on in a window of its own, and
    differs a little. Observed weather is known to the end of the horizon in whole tokens, as in training. Windows lie
    at fixed days of the calendar, so that a forecast does not depend on which others are asked for. Issue days of one
    window lie whole tokens apart, so there are as many rows of windows as a token has days.

    Args:
        run: whose `history` is the fewest days that a forecast looks back on, see `shared_history`.
        issues: datetime64[D], all that will be asked for.

    Raises:
        ConfigError: the weather is that of a file, which says something else at each issue time.
    """

    def __init__(self, run: AskedRun, issues: Iterable[np.datetime64]) -> None:
        if run.weather is not None:
            raise ConfigError(
                f"{run.forcing}: holds the weather of each issue time, so that these cannot share a window; leave out "
                f"--together"
            )
        self.run = run
        predictor = run.predictor
        self._step, horizon = predictor.token_days, whole_horizon(run.horizon, predictor.token_days)
        days = predictor.window // self._step * self._step
        self._issued = IssueDays(run.history, self._step, horizon, days, whole=True)
        self._mask = IssueDaysMask(self._issued, run.names, run.forcing == "perfect")
        self._left = Counter(self._window_of(issue)[0] for issue in issues)
        self._made: dict[int, dict[str, Answer]] = {}

    def answers(self, day: np.datetime64) -> list[dict[str, Answer]]:
        """As `AskedRun.answers`: the predictions of the one member."""
        first, number = self._window_of(day)
        if first not in self._made:
            self._made[first] = self._ask(first)
        made = self._made[first]
        self._left[first] -= 1
        if not self._left[first]:
            del self._made[first]
        horizon = self.run.horizon
        return [
            {
                name: Answer(
                    answer.mean[number, :horizon],
                    None if answer.quantiles is None else answer.quantiles[number, :horizon],
                )
                for name, answer in made.items()
            }
        ]

    def _window_of(self, day: np.datetime64) -> tuple[int, int]:
        """The window of an issue day, as days of its first since the first of the data, and the place among its own."""
        since_1970 = int(day.astype("datetime64[D]").astype(int))
        number = since_1970 // self._step % len(self._issued.of_window)
        first_day = since_1970 - number * self._step - self._issued.first + 1
        return first_day - int(self.run.predictor.store.first_day.astype(int)), number

    def _ask(self, first: int) -> dict[str, Answer]:
        run, predictor = self.run, self.run.predictor
        stations = torch.from_numpy(run.chosen)
        answers = ask_from_issue_days(predictor, first, run.read(first, self._issued.days), self._mask, stations)
        return {name: limited(answer, predictor.config, name) for name, answer in answers.items()}
