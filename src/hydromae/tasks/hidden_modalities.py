"""Reconstruct with further modalities wholly hidden: the same windows and masks, but less is visible."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hydromae.batch.batch import Batch, scatter
from hydromae.batch.batcher import Batcher
from hydromae.batch.states import state_window
from hydromae.evaluation.paired_skills import MEAN
from hydromae.evaluation.reconstruction import SquaredErrors
from hydromae.masks.mask import hide_wholly
from hydromae.masks.masker import Masker
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.store.store import Store
from hydromae.tasks.reconstruct import training_mean
from hydromae.tokens.selection import TARGET
from hydromae.windows.neighbours import grouped_windows
from hydromae.windows.windows import WindowReader, Windows

Hidden = frozenset[str]


@dataclass(frozen=True)
class HidingModel:
    """A trained model and its data, to be asked with any modalities hidden.

    Attributes:
        model: in eval mode.
        batcher: of the model.
        masker: draws the masks that all predictions share.
        reader: of the windows.
        store: the data.
        groups: [stations, n] the stations of each sample, its own first; None where a sample holds all.
    """

    model: MultiModalMAE
    batcher: Batcher
    masker: Masker
    reader: WindowReader
    store: Store
    groups: Int[np.ndarray, "station n"] | None

    @property
    def targets(self) -> tuple[str, ...]:
        """What is reconstructed: every modality, but no grid where a sample holds the whole grid and a few stations."""
        shapes = self.model.shapes.items()
        return tuple(name for name, shape in shapes if self.groups is None or shape.kind == "series")

    def batches(self, start: int, days: int) -> Iterator[tuple[Windows, Batch]]:
        """One window, masked as in training; cut into parts where there is one sample for each station."""
        for read in grouped_windows(self.reader, start, days, self.groups):
            windows = read.to(self.batcher.device)
            yield windows, self.batcher.batch(windows, self.masker.evaluation)

    @torch.no_grad()
    def predict(
        self, windows: Windows, hidden: Collection[str], targets: Collection[str], whole: bool = False
    ) -> dict[str, Float[Tensor, "batch days *place"]]:
        """Physical predictions at the targets of the modalities that have any, NaN elsewhere; see `hide_wholly`."""
        batch = self.batcher.batch(windows, hide_wholly(self.masker.evaluation, hidden, targets, whole))
        predictions = {}
        for name, predicted in self.model.predict(batch).items():
            tokens = batch.tokens[name]
            if tokens.target.index.shape[1]:
                predictions[name] = self.batcher.unscale(name, scatter(predicted, tokens, batch.n_days), windows)
        return predictions

    def errors(self, start: int, days: int, questions: Mapping[str, Mapping[str, Hidden]]) -> dict[str, SquaredErrors]:
        """Squared errors of one window at the masked values, as `reconstruct` measures them.

        Args:
            start: first day of the window, as days since the store's first day.
            days: number of days in it.
            questions: target -> a method's name -> what is wholly hidden; the same prediction is made only once.

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
                predicted = self.predict(windows, hidden, names)
                for name in names:
                    # Where nothing was masked, nothing is predicted or scored.
                    values = predicted.get(name, torch.full_like(windows.values[name], torch.nan))
                    answers[name, hidden].append(self._measured(name, values, windows))
        errors_of = {}
        for name, methods in questions.items():
            observed = torch.cat(truth[name], -1)
            mean = training_mean(self.store, name).to(observed.device).expand_as(observed)
            given = {method: torch.cat(answers[name, hidden], -1) for method, hidden in methods.items()}
            errors_of[name] = SquaredErrors(self.store.kind(name), self.store.specific_units(name))
            errors_of[name].add(observed, {MEAN: mean, **given})
        return errors_of

    def _measured(self, name: str, values: Tensor, windows: Windows) -> Tensor:
        """Values as errors are measured; of samples of a few stations [B, T, n] only the first station's, [1, T, B]."""
        values = self.batcher.specific(name, values, windows)
        return values if self.groups is None else values[..., 0].T[None]
