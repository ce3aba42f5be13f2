"""One step of the optimizer, and one pass over the validation period, over all processes together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hydromae.batch.batch import Batch
from hydromae.batch.batcher import Batcher
from hydromae.masks.mask import MaskRule
from hydromae.masks.masker import Masker
from hydromae.models.losses import scored_cells
from hydromae.training.engine import Engine
from hydromae.windows.windows import Windows


@dataclass(frozen=True)
class Step:
    """The results of a step, on the device.

    Attributes:
        losses: [modalities] this process's share of each mean squared error; the shares of all processes add up to it.
        norm: of the gradient before clipping.
        windows: number in the whole batch, over all processes; 0 in a step from a checkpoint, which no speed counts.
        tokens: visible and hidden tokens in the whole batch; 0 likewise.
    """

    losses: Float[Tensor, " modality"]
    norm: Float[Tensor, ""]
    windows: int = 0
    tokens: int = 0


@dataclass(frozen=True)
class Pass:
    """The results of one pass over the validation period, over all processes.

    Attributes:
        losses: [losses][modalities] over all scored values: mean squared errors and, in a model with quantiles, pinball
            losses; None where none was scored.
        windows: [modalities] number of windows in which any value of the modality was scored.
        left_out: number of windows in which nothing was scored.
    """

    losses: list[list[float | None]]
    windows: list[int]
    left_out: int


class Stepper:
    """Makes steps with an engine.

    A loss is a sum over all parts of a step and all processes, divided by the number of values in them, so that neither
    the cut of a batch into parts nor the number of processes changes the gradient. The loss is the squared error of the
    mean; in a model with quantiles their pinball loss is added with the same weight.

    Args:
        engine: computes and updates.
        batcher: makes the batches.
        masker: draws their masks.
        task_weights: weight of each loss, as `precip_loss`.
    """

    def __init__(self, engine: Engine, batcher: Batcher, masker: Masker, task_weights: Mapping[str, float]) -> None:
        self.engine, self.batcher, self.masker, self.world = engine, batcher, masker, engine.world
        weights = [task_weights.get(f"{name}_loss", 1.0) for name in batcher.shapes]
        self.weights = torch.tensor(weights, device=self.world.device)

    def train(self, parts: Sequence[Windows], epoch: int) -> Step:
        """Step once on the windows of this process, in parts that fit its memory; nothing waits for the device."""
        self.engine.module.train()
        mask = self.masker.training(epoch)
        batches = [self._batch(windows.to(self.world.device), mask, epoch) for windows in parts]
        counts = self.world.sum(torch.stack([scored_values(batch) for batch in batches]).sum(0)).clamp(min=1)
        shares = []
        for i, batch in enumerate(batches):
            share = self.engine(batch) / counts  # [losses, modalities]
            self.engine.backward((self.weights * share).sum(), last=i == len(batches) - 1)
            shares.append(share[0].detach())
        windows = len(next(iter(parts[0].available_by_slot.values())))
        tokens = windows * max(tokens_of_window(batch) for batch in batches)
        return Step(torch.stack(shares).sum(0), self.engine.update(), windows, tokens)

    def _batch(self, windows: Windows, mask: MaskRule, epoch: int) -> Batch:
        """A batch of training, some of whose windows may lack attributes."""
        batch = self.batcher.batch(windows, mask)
        if batch.attributes is None:
            return batch
        return replace(batch, attributes=self.masker.without_attributes(batch.attributes, windows, epoch))

    @torch.no_grad()
    def validate(self, loader: Iterable[Windows]) -> Pass:
        """Losses of each modality over all scored values in the windows of all processes, and numbers of windows."""
        self.engine.module.eval()
        rows, names = 2 if self.engine.model.config.quantiles else 1, len(self.weights)
        sums = torch.zeros(rows + 1, names, dtype=torch.float64, device=self.world.device)
        windows_of = torch.zeros(names + 1, dtype=torch.int64, device=self.world.device)  # with any, and with none
        for windows in loader:
            batch = self.batcher.batch(windows.to(self.world.device), self.masker.evaluation)
            sums += torch.cat([self.engine(batch), scored_values(batch)[None]])  # [losses + 1, modalities]
            if not windows.idle:
                scored = scored_samples(batch)  # [B, modalities]
                windows_of += torch.cat([scored.sum(0), (~scored.any(1)).sum()[None]])
        *losses, counts = self.world.sum(sums).tolist()
        *of_modality, left_out = self.world.sum(windows_of).tolist()
        means = [[loss / n if n else None for loss, n in zip(row, counts, strict=True)] for row in losses]
        return Pass(means, of_modality, left_out)


def scored_values(batch: Batch) -> Float[Tensor, " modality"]:
    """Observed values among the targets of each modality, in the order of the batch."""
    return torch.stack([scored_cells(tokens).sum() for tokens in batch.tokens.values()]).float()


def scored_samples(batch: Batch) -> Bool[Tensor, "batch modality"]:
    """Whether any observed value is among the targets of each modality, in each sample."""
    return torch.stack([scored_cells(tokens).flatten(1).any(1) for tokens in batch.tokens.values()], dim=1)


def tokens_of_window(batch: Batch) -> int:
    """Number of visible and hidden tokens in a window of a training batch, the same in all; from shapes on the host.

    A batch that only fills in for a missing one has no hidden tokens.
    """
    return sum(tokens.visible.index.shape[1] + tokens.target.index.shape[1] for tokens in batch.tokens.values())
