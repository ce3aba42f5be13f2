"""Reconstructing with further modalities hidden wholly: same windows, same masks, less to see."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hydromae.batch.batch import Batch, scatter
from hydromae.batch.collate import Collator
from hydromae.evaluation.paired_skills import MEAN
from hydromae.evaluation.reconstruction import SquaredErrors
from hydromae.masks.exact import order_keys, select
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.prediction.fields import state_window
from hydromae.store.store import Store
from hydromae.tasks.reconstruct import training_mean
from hydromae.tokens.selection import TARGET, Selection
from hydromae.windows.neighbours import windows_at_once
from hydromae.windows.windows import WindowReader, Windows

Hidden = frozenset[str]


def hide(batch: Batch, hidden: Collection[str], asked: Collection[str], whole: bool = False) -> Batch:
    """The same batch with some modalities hidden wholly and only some predicted.

    Args:
        batch: masked.
        hidden: modalities of which no token is visible.
        asked: modalities whose targets are predicted.
        whole: whether every observed token of these is a target, not the masked ones alone.
    """
    changed = {}
    for name, tokens in batch.tokens.items():
        nothing = Selection(tokens.visible.index[:, :0], None)
        target = tokens.target if name in asked else nothing
        if whole and name in asked:
            available = tokens.valid.any(-1)  # [B, tokens]
            target = select(available, order_keys(available.long()))
        changed[name] = replace(tokens, visible=nothing if name in hidden else tokens.visible, target=target)
    return replace(batch, tokens=changed)


@dataclass(frozen=True)
class HidingModel:
    """A trained model and its data, to be asked with any modalities hidden.

    Attributes:
        model: in eval mode.
        collator: draws the masks that all answers share.
        reader: of the windows.
        store: the data.
        groups: [stations, n] the stations of each sample, its own first; None where a sample holds all.
    """

    model: MultiModalMAE
    collator: Collator
    reader: WindowReader
    store: Store
    groups: Int[np.ndarray, "station n"] | None

    @property
    def targets(self) -> tuple[str, ...]:
        """What is reconstructed: every modality, but no grid where each sample holds all of it and a few stations."""
        every = self.model.shapes.items()
        return tuple(name for name, shape in every if self.groups is None or shape.kind == "series")

    def batches(self, start: int, days: int) -> Iterator[tuple[Windows, Batch]]:
        """One window; cut into parts where there is a sample of it for each station."""
        if self.groups is None:
            parts = [self.reader.read([start], days)]
        else:
            size = windows_at_once(self.model.shapes, days)
            cuts = [self.groups[i : i + size] for i in range(0, len(self.groups), size)]
            parts = [self.reader.read([start] * len(stations), days, stations=stations) for stations in cuts]
        for windows in parts:
            moved = windows.to(self.model.valid_patches.device)
            yield moved, self.collator.evaluation_batch(moved)

    @torch.no_grad()
    def predict(self, batch: Batch, windows: Windows) -> dict[str, Float[Tensor, "batch days *place"]]:
        """Physical predictions at the targets of the modalities that have any, NaN elsewhere."""
        found = {}
        for name, predicted in self.model.predict(batch).items():
            tokens = batch.tokens[name]
            if tokens.target.index.shape[1]:
                scaled = scatter(predicted, tokens, batch.n_days)
                found[name] = self.collator.scalers[name].unscale(scaled, self._stations(name, windows))
        return found

    def errors(self, start: int, days: int, questions: Mapping[str, Mapping[str, Hidden]]) -> dict[str, SquaredErrors]:
        """Squared errors of one window at the masked values, as `reconstruct` measures them.

        Args:
            start: first day of the window, as days since the store's first day.
            days: in it.
            questions: target -> a method's name -> what is hidden wholly; answers that need the same are given once.

        Returns:
            Target -> errors of each method and of `MEAN`, filling with the training mean.
        """
        asked: dict[Hidden, set[str]] = {}
        for name, methods in questions.items():
            for hidden in methods.values():
                asked.setdefault(hidden, set()).add(name)
        truth: dict[str, list[Tensor]] = {name: [] for name in questions}
        answers: dict[tuple[str, Hidden], list[Tensor]] = {
            (name, h): [] for h, names in asked.items() for name in names
        }
        for windows, batch in self.batches(start, days):
            for name in questions:
                masked = state_window(batch.tokens[name], days) == TARGET
                truth[name].append(self._measured(name, torch.where(masked, windows.values[name], torch.nan), windows))
            for hidden, names in asked.items():
                predicted = self.predict(hide(batch, hidden, names), windows)
                for name in names:
                    # Where nothing was masked nothing is predicted, nor scored.
                    values = predicted.get(name, torch.full_like(windows.values[name], torch.nan))
                    answers[name, hidden].append(self._measured(name, values, windows))
        found = {}
        for name, methods in questions.items():
            observed = torch.cat(truth[name], -1)
            mean = training_mean(self.store, name).to(observed.device).expand_as(observed)
            given = {method: torch.cat(answers[name, hidden], -1) for method, hidden in methods.items()}
            found[name] = SquaredErrors(self.store.kind(name), self.store.specific_units(name))
            found[name].add(observed, {MEAN: mean, **given})
        return found

    def _measured(self, name: str, values: Tensor, windows: Windows) -> Tensor:
        """As errors are measured; of samples of a few stations [B, T, n] the first one's alone, [1, T, B]."""
        values = self.collator.scalers[name].specific(values, self._stations(name, windows))
        return values if self.groups is None else values[..., 0].T[None]

    def _stations(self, name: str, windows: Windows) -> Int[Tensor, "batch n"] | None:
        return windows.stations if self.model.shapes[name].kind == "series" else None
