"""A trained model that predicts on any data. Every task is a mask: a window and its mask say what to predict."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hydromae.base.allocator import keep_freed_memory
from hydromae.base.devices import choose_device
from hydromae.base.errors import ConfigError
from hydromae.batch.batch import scatter
from hydromae.batch.batcher import Batcher
from hydromae.batch.fills import make_fill
from hydromae.masks.tasks import ValueMask
from hydromae.prediction.known_data import KnownData, data_of
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import load_pretrained
from hydromae.store.store import Store
from hydromae.windows.cells_around import cells_around
from hydromae.windows.context import context_stations
from hydromae.windows.neighbours import station_groups, station_places, windows_at_once
from hydromae.windows.windows import Context, Windows

Values = Mapping[str, Float[Tensor, "days *_"]]


@dataclass(frozen=True)
class Answer:
    """Predictions in physical units, NaN where nothing was a target.

    Attributes:
        mean: [T, *place].
        quantiles: [T, *place, Q] at the model's levels; None where it has none.
    """

    mean: Float[Tensor, "days *_"]
    quantiles: Float[Tensor, "days *_"] | None


class Predictor:
    """The model of a run, on the run's data or on others with the same modalities; see `KnownData` for the scales.

    Args:
        run: run directory.
        data: other data: a store, its directory, or a configuration, whose store is prepared if it does not exist;
            None is the run's own store.
        device: auto, cpu or cuda.
        own_records: see `KnownData`.

    Attributes:
        span: the days that tasks may ask for, as positions in the store; with several runs, the days that all have.
        absent: modalities that the data lack, though the run was trained on them.

    Raises:
        RunError: the run, its model or its data cannot be used.
        ConfigError: the other data do not fit those of the run.
    """

    def __init__(
        self,
        run: str | Path,
        data: str | Path | Store | None = None,
        device: str = "auto",
        own_records: bool = False,
    ) -> None:
        self.run = RunDirectory.open(run)
        self.config = self.run.config()
        self.device = choose_device(device)
        keep_freed_memory()
        self.model = load_pretrained(self.run.path, self.device)
        self.store = self.run.store() if data is None else data_of(data)
        try:
            self.groups = station_groups(self.config.data, self.store)  # [stations, n], or None
            self.context = context_stations(self.config.data, self.store)  # [stations, K], or None
            cells = cells_around(self.model.config, self.store)
        except ConfigError as error:
            raise ConfigError(f"{error}; or give data that have them, since the run was trained so") from None
        self.data = KnownData(self.model, self.store, self.groups is None, self.config.data, own_records)
        self.span, self.absent = slice(0, self.store.n_days), tuple[str, ...]()
        self.window = max([self.config.data.window, *self.config.data.window_mix])
        self.token_days = int(np.lcm.reduce([shape.days for shape in self.model.shapes.values()]))
        fills = {
            name: make_fill(method, torch.from_numpy(self.data.mean(name)), self.data.scalers[name], self.device)
            for name, method in self.config.data.fill.items()
            if name in self.model.shapes and self.data.has(name)
        }
        self.batcher = Batcher(
            self.model.shapes,
            self.data.scalers,
            self.data.attributes,
            self.store.first_day,
            self.store.n_days,
            self.device,
            fills,
            places=None if self.groups is None else station_places(self.store),
            cells=cells,
        )

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
    def ask(self, first: int, values: Values, mask: ValueMask) -> dict[str, Answer]:
        """Predict the targets of a window from the values that its mask leaves visible.

        Missing values are filled as in training (`data.fill`), from visible ones. Targets and hidden values are not
        missing, and are never filled.

        Args:
            first: the window's first day, as days since the first day of the data.
            values: of every modality as `read` gives them, NaN where missing.
            mask: says which values are targets, and which are hidden.

        Returns:
            The predictions for each modality with targets in the mask.

        Raises:
            ConfigError: a grid is a target in a model whose windows hold few stations.
        """
        if self.groups is None:
            (_, windows), *_ = self.windows(first, values)
            answers = self._predict(windows, mask)
            return {name: _kept(_sample(answer, 0), mask.target[name]) for name, answer in answers.items()}
        for name in mask.target:
            if self.model.shapes[name].kind == "grid":
                raise ConfigError(f"{name}: a grid is predicted by models whose windows hold all stations")
        return self._ask_in_groups(first, values, mask)

    def windows(
        self, first: int, values: Values, asked: Int[Tensor, " station"] | None = None
    ) -> Iterator[tuple[Int[Tensor, " station"], Windows]]:
        """The windows in which the model reads some values: one with all stations, or one for each station asked about.

        Args:
            first: as in `ask`.
            values: as in `ask`.
            asked: places of stations among the predictor's; None is all.

        Yields:
            Some stations and their windows, of which the model takes so many at once. Where windows hold few stations,
            each is the first in its own; otherwise there is one window, for all that are asked about.
        """
        asked = torch.arange(len(self.stations)) if asked is None else asked
        if self.groups is None:
            yield asked, self._windows(first, {name: value[None] for name, value in values.items()}, None)
            return
        at_once = windows_at_once(self.model.shapes, len(next(iter(values.values()))))
        for some in torch.split(asked, at_once):
            stations = torch.from_numpy(self.groups)[some]  # [B, n], each before its own neighbours
            samples = {name: self._of_groups(name, value, stations) for name, value in values.items()}
            windows = self._windows(first, samples, stations)
            if self.context is not None:
                around = torch.from_numpy(self.context)[some]  # [B, K]
                series = {name: value for name, value in values.items() if self.model.shapes[name].kind == "series"}
                shown = {name: self._of_groups(name, value, around) for name, value in series.items()}
                windows = replace(windows, context=Context(around, shown)).to(self.device)
            yield some, windows

    def _ask_in_groups(self, first: int, values: Values, mask: ValueMask) -> dict[str, Answer]:
        """Predict each station in a window of its own, in which it is the first station."""
        assert self.groups is not None
        levels = len(self.quantiles)
        means = {name: torch.full_like(values[name], torch.nan) for name in mask.target}
        spread = {name: torch.full((*values[name].shape, levels), torch.nan) for name in mask.target}
        asked = torch.stack([target.any(0) for target in mask.target.values()]).any(0)  # [stations]
        for some, windows in self.windows(first, values, asked.nonzero()[:, 0]):
            for name, answer in self._predict(windows, mask).items():
                means[name][:, some] = answer.mean[:, :, 0].T.cpu()  # [B, T, n] -> [T, B]
                if answer.quantiles is not None:
                    spread[name][:, some] = answer.quantiles[:, :, 0].transpose(0, 1).cpu()
        return {
            name: _kept(Answer(means[name], spread[name] if levels else None), target)
            for name, target in mask.target.items()
        }

    def _of_groups(self, name: str, values: Tensor, stations: Int[Tensor, "batch n"]) -> Tensor:
        """[T, stations] to [B, T, n]; a grid [T, P, C] is the same in every sample."""
        if self.model.shapes[name].kind == "grid":
            return values.expand(len(stations), *values.shape)
        return values[:, stations].transpose(0, 1)

    def _windows(
        self,
        first: int,
        samples: Mapping[str, Float[Tensor, "batch days *_"]],
        stations: Int[Tensor, "batch n"] | None,
    ) -> Windows:
        size = len(next(iter(samples.values())))
        return Windows(dict(samples), torch.full((size,), first), {}, stations=stations).to(self.device)

    def _predict(self, windows: Windows, mask: ValueMask) -> dict[str, Answer]:
        batch = self.batcher.batch(windows, mask)
        answers = {}
        for name, (mean, quantiles) in self.model.predict_with_quantiles(batch, idle_decoders=False).items():
            if name not in mask.target:
                continue
            levels = [] if quantiles is None else list(quantiles.unbind(-1))
            physical = [
                self.batcher.unscale(name, scatter(part, batch.tokens[name], batch.n_days), windows).cpu()
                for part in (mean, *levels)
            ]  # 1 + Q x [B, T, *place]
            answers[name] = Answer(physical[0], torch.stack(physical[1:], -1) if levels else None)
        return answers


def _sample(answer: Answer, place: int) -> Answer:
    return Answer(answer.mean[place], None if answer.quantiles is None else answer.quantiles[place])


def _kept(answer: Answer, target: Bool[Tensor, "days *_"]) -> Answer:
    """Predictions only at the targets, since tokens are predicted whole."""
    mean = torch.where(target, answer.mean, torch.nan)
    if answer.quantiles is None:
        return Answer(mean, None)
    return Answer(mean, torch.where(target[..., None], answer.quantiles, torch.nan))
