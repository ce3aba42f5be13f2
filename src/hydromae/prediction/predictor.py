"""A trained model that answers questions about any data: what is shown, what is wanted, and nothing else.

Every task is a mask: a task writes NaN where the model may not look, says which values it wants, and asks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hydromae.base.calendar import days_of_year
from hydromae.base.devices import choose_device
from hydromae.base.errors import ConfigError
from hydromae.batch.batch import Batch, ModalityTokens, scatter, split_missing
from hydromae.batch.fills import make_fill
from hydromae.masks.exact import order_keys, select
from hydromae.prediction.known_data import KnownData, data_of
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import load_pretrained
from hydromae.store.store import Store
from hydromae.tokens.shape import to_tokens
from hydromae.windows.neighbours import station_groups, windows_at_once

Values = Mapping[str, Float[Tensor, "days *_"]]
Wanted = Mapping[str, Bool[Tensor, "days *_"]]


@dataclass(frozen=True)
class Answer:
    """Predictions in physical units, NaN where none was wanted.

    Attributes:
        mean: [T, *place].
        quantiles: [T, *place, Q] at the model's levels; None where it has none.
    """

    mean: Float[Tensor, "days *_"]
    quantiles: Float[Tensor, "days *_"] | None


class Predictor:
    """The model of a run, on the run's data or on others of the same variables; see `KnownData` for the scales.

    Args:
        run: run directory.
        data: other data: a store, its directory, or a configuration, whose store is prepared where it is not there;
            None is the run's own store.
        device: auto, cpu or cuda.

    Attributes:
        span: the days that tasks may ask for, as places in the store: those that all runs of several have.
        absent: modalities that the data lack, though the run was trained on them.

    Raises:
        RunError: the run, its model or its data cannot be used.
        ConfigError: the other data are unlike those of the run.
    """

    def __init__(self, run: str | Path, data: str | Path | Store | None = None, device: str = "auto") -> None:
        self.run = RunDirectory.open(run)
        self.config = self.run.config()
        self.device = choose_device(device)
        self.model = load_pretrained(self.run.path, self.device)
        self.store = self.run.store() if data is None else data_of(data)
        try:
            self.groups = station_groups(self.config.data, self.store)  # [stations, n], or None
        except ConfigError as error:
            raise ConfigError(f"{error}; or give data that have them, since the run was trained so") from None
        self.data = KnownData(self.model, self.store, every_station=self.groups is None, settings=self.config.data)
        self.span, self.absent = slice(0, self.store.n_days), tuple[str, ...]()
        self.window = max([self.config.data.window, *self.config.data.window_mix])
        self.token_days = int(np.lcm.reduce([shape.days for shape in self.model.shapes.values()]))
        self._attributes = torch.from_numpy(self.data.attributes).to(self.device)  # [stations, A]
        self._fills = {
            name: make_fill(method, torch.from_numpy(self.data.mean(name)), self.data.scalers[name], self.device)
            for name, method in self.config.data.fill.items()
            if name in self.model.shapes and self.data.has(name)
        }

    @property
    def stations(self) -> tuple[str, ...]:
        """The stations that are predicted, in order."""
        return self.data.stations

    @property
    def quantiles(self) -> tuple[float, ...]:
        """Levels that the model predicts beside the mean."""
        return self.model.config.quantiles

    def read(self, first: int, days: int) -> dict[str, Float[Tensor, "days *_"]]:
        """Every modality's values of some days; see `KnownData.read`."""
        return {name: torch.from_numpy(self.data.read(name, first, days)) for name in self.model.shapes}

    @torch.no_grad()
    def ask(self, first: int, values: Values, wanted: Wanted, hidden: Wanted | None = None) -> dict[str, Answer]:
        """Predict what is wanted from what is shown.

        What is missing is filled as in training (`data.fill`), and filled from what is shown alone; what is wanted or
        hidden is not missing, and never filled.

        Args:
            first: the window's first day, as days since the first day of the data.
            values: of every modality as `read` gives them, NaN where the model may not look.
            wanted: modality -> what to predict; those that are not named are only looked at.
            hidden: modality -> what the model may not look at, observed or not; of those that are not named, all that
                is NaN and not wanted is missing.

        Raises:
            ConfigError: a grid is wanted of a model whose windows hold few stations.
        """
        if self.groups is None:
            batch = self._batch(first, _samples(values), _samples(wanted), None, _samples(hidden or {}))
            return {
                name: _cut(Answer(answer.mean[0], _first(answer.quantiles)), wanted[name])
                for name, answer in self._predict(batch, wanted, None).items()
            }
        for name in wanted:
            if self.model.shapes[name].kind == "grid":
                raise ConfigError(f"{name}: a grid is predicted by models of windows with all stations alone")
        return self._ask_in_groups(first, values, wanted)

    def _ask_in_groups(self, first: int, values: Values, wanted: Wanted) -> dict[str, Answer]:
        assert self.groups is not None
        levels = len(self.quantiles)
        means = {name: torch.full_like(values[name], torch.nan) for name in wanted}
        spread = {name: torch.full((*values[name].shape, levels), torch.nan) for name in wanted}
        asked = torch.stack([want.any(0) for want in wanted.values()]).any(0)  # [stations]
        at_once = windows_at_once(self.model.shapes, len(next(iter(values.values()))))
        for some in torch.split(asked.nonzero()[:, 0], at_once):
            stations = torch.from_numpy(self.groups)[some]  # [B, n], each after its own neighbours' first
            shown = {name: self._of_groups(name, value, stations) for name, value in values.items()}
            # A neighbour's values are wanted in a window of its own.
            own = torch.zeros(1, 1, stations.shape[1], dtype=torch.bool)
            own[..., 0] = True
            focal = {name: self._of_groups(name, want, stations) & own for name, want in wanted.items()}
            # Fills and windows of some stations do not go together (`DataConfig`): nothing is filled here.
            batch = self._batch(first, shown, focal, stations, {})
            for name, answer in self._predict(batch, wanted, stations).items():
                means[name][:, some] = answer.mean[:, :, 0].T.cpu()  # [B, T, n] -> [T, B]
                if answer.quantiles is not None:
                    spread[name][:, some] = answer.quantiles[:, :, 0].transpose(0, 1).cpu()
        return {name: _cut(Answer(means[name], spread[name] if levels else None), wanted[name]) for name in wanted}

    def _of_groups(self, name: str, values: Tensor, stations: Int[Tensor, "batch n"]) -> Tensor:
        """[T, stations] to [B, T, n]; a grid [T, P, C] is the same in every sample."""
        if self.model.shapes[name].kind == "grid":
            return values.expand(len(stations), *values.shape)
        return values[:, stations].transpose(0, 1)

    def _batch(
        self,
        first: int,
        values: Mapping[str, Float[Tensor, "batch days *_"]],
        wanted: Mapping[str, Bool[Tensor, "batch days *_"]],
        stations: Int[Tensor, "batch n"] | None,
        hidden: Mapping[str, Bool[Tensor, "batch days *_"]],
    ) -> Batch:
        tokens, days = {}, next(iter(values.values())).shape[1]
        for name, shape in self.model.shapes.items():
            physical = values[name].to(self.device)
            of_series = stations if shape.kind == "series" else None
            scaled = self.data.scalers[name].scale(physical, of_series)
            cells, valid = split_missing(to_tokens(scaled, shape))  # [B, tokens, cells]
            asked = torch.zeros_like(valid)
            if name in wanted:
                asked = to_tokens(wanted[name].to(self.device).float(), shape).nan_to_num() > 0
            visible, target = valid.any(-1), asked.any(-1)  # [B, tokens]; a token may be seen in part, wanted in part
            keys = order_keys(visible.long())
            fill = self._fills.get(name)
            if fill is None:
                tokens[name] = ModalityTokens(cells, valid, select(visible, keys), select(target, keys), shape)
                continue
            there = torch.ones_like(physical, dtype=torch.bool)
            if name in hidden:
                there &= ~hidden[name].to(self.device)
            # Past the last day or station of a window there is nothing to fill.
            free = (to_tokens(there.float(), shape).nan_to_num() > 0) & ~asked  # [B, tokens, cells]
            shown = select(visible | free.any(-1), keys)
            tokens[name] = fill(ModalityTokens(cells, valid, shown, select(target, keys), shape), days, free)
        size = next(iter(values.values())).shape[0]
        attributes = None
        if self._attributes.shape[-1]:
            every = self._attributes.expand(size, -1, -1)  # [B, stations, A]
            attributes = every if stations is None else self._attributes[stations.to(self.device)]  # [B, n, A]
        dates = self.store.first_day + np.arange(first, first + days)
        day_of_year = torch.from_numpy(days_of_year(dates)).to(self.device).expand(size, -1)  # [B, T]
        return Batch(tokens, attributes, day_of_year, days)

    def _predict(self, batch: Batch, wanted: Wanted, stations: Int[Tensor, "batch n"] | None) -> dict[str, Answer]:
        answers = {}
        predicted = self.model.predict_with_quantiles(batch)
        for name, (mean, quantiles) in predicted.items():
            if name not in wanted:
                continue
            tokens, scaler = batch.tokens[name], self.data.scalers[name]
            of_series = stations if tokens.shape.kind == "series" else None
            levels = [] if quantiles is None else list(quantiles.unbind(-1))
            physical = [
                scaler.unscale(scatter(one, tokens, batch.n_days).cpu(), of_series) for one in (mean, *levels)
            ]  # 1 + Q x [B, T, *place]
            answers[name] = Answer(physical[0], torch.stack(physical[1:], -1) if levels else None)
        return answers


def _samples(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value[None] for name, value in values.items()}


def _first(quantiles: Tensor | None) -> Tensor | None:
    return None if quantiles is None else quantiles[0]


def _cut(answer: Answer, wanted: Bool[Tensor, "days *_"]) -> Answer:
    """The answer where it is wanted alone: tokens are predicted whole."""
    mean = torch.where(wanted, answer.mean, torch.nan)
    if answer.quantiles is None:
        return Answer(mean, None)
    return Answer(mean, torch.where(wanted[..., None], answer.quantiles, torch.nan))
