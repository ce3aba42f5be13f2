"""The reconstruction loss."""

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hydromae.data.batch import ModalityTokens


def squared_error(
    predicted: Float[Tensor, "batch targets cells"], tokens: ModalityTokens
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Sum of squared errors over the observed values of the targets, and their number; in float32 or better.

    What is missing or padding counts in neither, and cannot reach a gradient.
    """
    precision = torch.promote_types(predicted.dtype, torch.float32)
    truth = tokens.target.take(tokens.values).to(precision)  # [B, n, cells]
    scored = scored_cells(tokens)  # [B, n, cells]
    error = torch.where(scored, predicted.to(precision) - truth, 0.0)
    return error.square().sum(), scored.sum().to(precision)


def scored_cells(tokens: ModalityTokens) -> Bool[Tensor, "batch targets cells"]:
    """True where the values of the targets were observed, and the target is no padding."""
    return tokens.target.take(tokens.valid) & tokens.target.real[..., None]


def weighted_total(losses: Mapping[str, Float[Tensor, ""]], weights: Mapping[str, float]) -> Float[Tensor, ""]:
    """Sum of the modalities' losses, each by its weight (1 where none is named)."""
    return torch.stack([weights.get(name, 1.0) * loss for name, loss in losses.items()]).sum()
