"""An average of the weights over the steps, which varies less than they do."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn


class MovingAverage:
    """Exponential moving average of the weights (Polyak & Juditsky 1992; as a teacher, Tarvainen & Valpola 2017).

    After step n the average moves by 1 - min(decay, (1 + n) / (10 + n)) towards the weights: the memory is short at
    first, so that the random start is soon forgotten. A skipped step does not count. Everything is done on the device,
    and each process averages its own part of a model that is spread over processes.

    Args:
        model: the model whose trained weights are averaged; on its device, and already spread if it will be.
        decay: between 0 and 1.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model, self.decay = model, decay
        self.average = [weight.clone() for weight in self._weights()]
        self.steps = torch.zeros((), dtype=torch.float64, device=self.average[0].device)
        self._in_place = False

    @torch.no_grad()
    def update(self, bad: Float[Tensor, ""]) -> None:
        """Take note of a step: 0 if it was taken, 1 if it was skipped. Nothing waits for the device."""
        self.steps += 1 - bad
        keep = ((1 + self.steps) / (10 + self.steps)).clamp(max=self.decay)
        move = ((1 - keep) * (1 - bad)).to(self.average[0].dtype)
        torch._foreach_mul_(self.average, 1 - move)
        torch._foreach_add_(self.average, torch._foreach_mul(self._weights(), move))

    @contextmanager
    def in_place_of_weights(self) -> Iterator[None]:
        """Give the model the average meanwhile; within another such context nothing changes."""
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
        """Set the average to the present weights of the model."""
        torch._foreach_copy_(self.average, self._weights())

    @torch.no_grad()
    def _swap(self) -> None:
        weights = self._weights()
        before = [weight.clone() for weight in weights]
        torch._foreach_copy_(weights, self.average)
        torch._foreach_copy_(self.average, before)

    def _weights(self) -> list[Tensor]:
        # After a forward pass without a backward pass FSDP still holds whole weights, and would not notice a change to
        # its own share of them.
        for part in self.model.modules():
            if hasattr(part, "reshard"):
                part.reshard()  # type: ignore[operator]
        trained = [p.detach() for p in self.model.parameters() if p.requires_grad]
        return [p.to_local() if hasattr(p, "to_local") else p for p in trained]  # its own share, with FSDP
