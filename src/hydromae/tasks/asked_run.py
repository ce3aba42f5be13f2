"""What one run is asked at every issue time, and what its forecasts do not know."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hydromae.base.errors import ConfigError
from hydromae.base.station_ids import named_stations
from hydromae.masks.tasks import forecast_mask
from hydromae.prediction.choices import excluded_days, limited
from hydromae.prediction.predictor import Answer, Predictor
from hydromae.tasks.weather import ForcingRules, Weather, open_weather

_log = logging.getLogger(__name__)

REGIMES: Final = ("none", "perfect")


def weather_of(predictor: Predictor, names: Sequence[str], forcing: str | Path, rules: ForcingRules) -> Weather | None:
    """The weather of a file; None where `forcing` is none or perfect."""
    if forcing in REGIMES:
        return None
    return open_weather(forcing, predictor.model.shapes, names, predictor.data, predictor.config.data, rules)


@dataclass(frozen=True)
class AskedRun:
    """What one run is asked at every issue time.

    Attributes:
        predictor: the run and its data.
        names: modalities that are forecast.
        chosen: places of the stations that are forecast, among those of the predictor.
        history: days of the window up to the issue time, that day included.
        horizon: days of the window after it.
        forcing: none, perfect, or the path of a file of weather.
        weather: of that file.
    """

    predictor: Predictor
    names: Sequence[str]
    chosen: np.ndarray
    history: int
    horizon: int
    forcing: str
    weather: Weather | None

    @cached_property
    def wrong(self) -> np.ndarray:
        """Days of the data whose values the model does not see, as in training."""
        return np.flatnonzero(excluded_days(self.predictor.config, self.predictor.store))

    @property
    def given(self) -> tuple[str, ...]:
        """Modalities whose values after the issue time are visible."""
        if self.weather is not None:
            return self.weather.names
        others = (name for name in self.predictor.model.shapes if name not in self.names)
        return tuple(others) if self.forcing == "perfect" else ()

    def answers(self, day: np.datetime64) -> list[dict[str, Answer]]:
        """The predictions for the days after an issue time, of each forecast modality: a dict for each member.

        A member without any weather at a station where others have some has no prediction there.
        """
        first, values = self.window(day)
        if self.weather is None:
            return [self._ahead(first, values)]
        issue = first + self.history - 1
        after = {name: self.weather.after(name, issue, self.horizon) for name in self.weather.names}
        n_stations, kinds = len(self.predictor.stations), self.predictor.model.shapes
        present = torch.zeros(1, n_stations, dtype=torch.bool)  # [member, station]
        for name, ahead in after.items():
            of_grid = kinds[name].kind == "grid"
            has = ahead.isfinite().flatten(1).any(1, keepdim=True) if of_grid else ahead.isfinite().any(1)
            present = present | has
        left_out = present.any(0) & ~present
        result = []
        for member, absent in enumerate(left_out):
            for name, ahead in after.items():
                values[name][self.history :] = ahead[member]
            answers = self._ahead(first, values)
            for answer in answers.values() if absent.any() else ():
                answer.mean[:, absent] = torch.nan
                if answer.quantiles is not None:
                    answer.quantiles[:, absent] = torch.nan
            result.append(answers)
        return result

    def window(self, day: np.datetime64) -> tuple[int, dict[str, Tensor]]:
        """The window of an issue time: its first day, as days since that of the data, and its values.

        Values of days that are excluded are missing.
        """
        first = int((day - self.predictor.store.first_day).astype(int)) - self.history + 1
        return first, self.read(first, self.history + self.horizon)

    def read(self, first: int, days: int) -> dict[str, Tensor]:
        """Values of some days as the model sees them, `first` being days since the first of the data."""
        values = self.predictor.read(first, days)
        wrong = torch.from_numpy(np.isin(np.arange(first, first + days), self.wrong))
        for value in values.values():
            value[wrong] = torch.nan
        return values

    @cached_property
    def asked_of(self) -> dict[str, Tensor]:
        """Modality that is forecast -> bool [stations], those that are."""
        chosen = torch.zeros(len(self.predictor.stations), dtype=torch.bool)
        chosen[self.chosen] = True
        return dict.fromkeys(self.names, chosen)

    def _ahead(self, first: int, values: Mapping[str, Tensor]) -> dict[str, Answer]:
        """The predictions after the issue time, of a window that begins on a day of the data."""
        predictor, history = self.predictor, self.history
        mask = forecast_mask(values, history, self.asked_of, self.given)
        ahead = {}
        for name, answer in predictor.ask(first, values, mask).items():
            possible = limited(answer, predictor.config, name)
            quantiles = None if possible.quantiles is None else possible.quantiles[history:]
            ahead[name] = Answer(possible.mean[history:], quantiles)
        return ahead


def warn_of_unknowns(
    asked: Sequence[AskedRun],
    names: Sequence[str],
    issues: np.ndarray,
    unobserved_days: Float[np.ndarray, "issue station"],
) -> dict[str, str]:
    """Warn of what the forecasts do not know; returns attributes that say so."""
    first, history = asked[0].predictor, min(run.history for run in asked)
    chosen = [first.stations[place] for place in asked[0].chosen]
    blind = np.logical_not(unobserved_days < history)  # NaN, where nothing was ever observed, is blind too
    if blind.any():
        stations = [chosen[place] for place in np.flatnonzero(blind.any(axis=0)).tolist()]
        day = issues[blind.any(axis=1)][0]
        _log.warning(
            "%d of %d forecasts are issued where no %s was observed in the %d days that a run sees, from %s on, at %s; "
            "they rest on what else is known (days_since_observed in the file)",
            blind.sum(),
            blind.size,
            " or ".join(names),
            history,
            day,
            named_stations(stations),
        )
    for run in asked:
        if run.weather is None:
            continue
        if run.weather.lacking:
            _log.warning(
                "%s: has no %s, which %s was trained with; its future stays hidden",
                run.weather.path,
                ", ".join(run.weather.lacking),
                run.predictor.run,
            )
        if bare := run.weather.without(chosen):
            _log.warning("%s: has no weather for %s", run.weather.path, named_stations(bare))
        for name, (days, issue) in run.weather.lacking_days(issues, asked[0].horizon).items():
            _log.warning(
                "%s: has no %s on %d of the %d days after %s; it stays hidden there",
                run.weather.path,
                name,
                days,
                asked[0].horizon,
                issue,
            )
    if asked[0].forcing == "perfect":
        end = min(run.predictor.store.days[-1] for run in asked)
        beyond = issues[issues + np.timedelta64(asked[0].horizon, "D") > end]
        if len(beyond) and any(run.given for run in asked):
            _log.warning(
                "the data end on %s, so that %d of %d forecasts lack some of the observed weather of their horizon, "
                "the first issued on %s",
                end,
                len(beyond),
                len(issues),
                beyond[0],
            )
    notes = dict.fromkeys(note for run in asked if run.weather is not None for note in run.weather.notes)
    return {
        "forcing_series": ", ".join(sorted({name for run in asked for name in run.given})) or "none",
        **({"forcing_notes": "; ".join(notes)} if notes else {}),
    }


def history_days(predictor: Predictor, horizon: int) -> int:
    """Days up to and including the issue time: whole tokens, so that the horizon begins with a new token."""
    if horizon < 1:
        raise ConfigError(f"the horizon is {horizon} days; give at least 1")
    history = (predictor.window - horizon) // predictor.token_days * predictor.token_days
    if history < 1:
        longest = predictor.window - predictor.token_days
        raise ConfigError(
            f"the horizon is {horizon} days, but {predictor.run} has windows of {predictor.window} days of which "
            f"{predictor.token_days} at least must be known; ask for {longest} days at most"
        )
    return history
