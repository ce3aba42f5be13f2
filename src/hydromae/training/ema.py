"""An average of the weights over the steps, which varies less than they do."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor


class MovingAverage:
    """Exponential moving average of the weights (Polyak & Juditsky 1992; as a teacher, Tarvainen & Valpola 2017).

    After step n the average moves by 1 - min(decay, (1 + n) / (10 + n)) towards the weights: a short memory at first,
    so that the random start is soon forgotten. A step that was skipped does not count. All is done on the device, and
    each process averages what it holds of a model that is spread.

    Args:
        model: whose weights, those that are trained; on its device, spread already where it is to be.
        decay: above 0, below 1.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model, self.decay = model, decay
        self.average = [weight.clone() for weight in self._weights()]
        self.steps = torch.zeros((), dtype=torch.float64, device=self.average[0].device)
        self._in_place = False

    @torch.no_grad()
    def update(self, bad: Float[Tensor, ""]) -> None:
        """Take note of a step: 0 where it was taken, 1 where it was skipped. Nothing waits for the device."""
        self.steps += 1 - bad
        keep = ((1 + self.steps) / (10 + self.steps)).clamp(max=self.decay)
        move = ((1 - keep) * (1 - bad)).to(self.average[0].dtype)
        torch._foreach_mul_(self.average, 1 - move)
        torch._foreach_add_(self.average, torch._foreach_mul(self._weights(), move))

    @contextmanager
    def in_place_of_weights(self) -> Iterator[None]:
        """Let the model have the average meanwhile; within another such context nothing changes."""
        if self._in_place:
            yield
            return
        self._swap()
        self._in_place = True
        try:
            yield
        finally:
            self._swap()
            self._in_place = False

    @torch.no_grad()
    def take_weights(self) -> None:
        """Let the average be the model's present weights."""
        torch._foreach_copy_(self.average, self._weights())

    @torch.no_grad()
    def _swap(self) -> None:
        weights = self._weights()
        before = [weight.clone() for weight in weights]
        torch._foreach_copy_(weights, self.average)
        torch._foreach_copy_(self.average, before)

    def _weights(self) -> list[Tensor]:
        # After a forward pass alone FSDP still holds whole weights, of which a change to its own share says nothing.
        for part in self.model.modules():
            if isinstance(part, FSDPModule):
                part.reshard()
        trained = [p.detach() for p in self.model.parameters() if p.requires_grad]
        return [p.to_local() if isinstance(p, DTensor) else p for p in trained]
