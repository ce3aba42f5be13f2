"""Dropout (Srivastava et al. 2014) that is cheap on a CPU too."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

_FEW = 1 << 16  # values for which calling anything costs more than drawing numbers
_LEVELS = 1 << 16  # of a number of 16 bits


class Dropout(nn.Dropout):
    """nn.Dropout; on a CPU it draws 16 random bits for each value.

    torch draws a whole number of its generator for each value there, which was most of the time of a dropout. Here one
    number of 64 bits gives four of 16, from the same generator, so that checkpoints hold its state as before. The share
    that is dropped is rounded to a multiple of 1/65,536, and what is kept is scaled by the rounded share.

    Shape: [...] -> [...].
    """

    def forward(self, values: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        if not self.training or not self.p or values.device.type != "cpu" or values.numel() < _FEW:
            return functional.dropout(values, self.p, self.training)
        dropped = min(max(round(self.p * _LEVELS), 1), _LEVELS - 1)
        kept = random_bits(values.shape) >= dropped - _LEVELS // 2
        out: Tensor = _Kept.apply(values, kept, _LEVELS / (_LEVELS - dropped))  # type: ignore[no-untyped-call]
        return out


def random_bits(shape: torch.Size) -> Tensor:
    """Whole numbers of 16 bits with a sign, all equally likely, from torch's generator of the CPU."""
    count = shape.numel()
    words = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None)
    return words.view(torch.int16)[:count].view(shape)


class _Kept(torch.autograd.Function):
    """Values times `scale` where `kept`, else 0. Only a byte for each value is kept for the way back."""

    @staticmethod
    def forward(context: Any, values: Tensor, kept: Tensor, scale: float) -> Tensor:
        context.save_for_backward(kept)
        context.scale = scale
        return _as_numbers(kept, values).mul_(scale).mul_(values)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (kept,) = context.saved_tensors
        return _as_numbers(kept, gradients[0]).mul_(context.scale).mul_(gradients[0]), None, None


def _as_numbers(kept: Tensor, like: Tensor) -> Tensor:
    """0 and 1: torch turns bytes into numbers in half the time that it takes for truth values."""
    return kept.view(torch.uint8).to(like.dtype)
