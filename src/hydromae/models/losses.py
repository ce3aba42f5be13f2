"""The losses of a reconstruction: of its mean, and of its quantiles where the model has them."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hydromae.batch.batch import ModalityTokens


def squared_error(
    predicted: Float[Tensor, "batch targets cells"], tokens: ModalityTokens
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Sum of squared errors over the observed values of the targets, and their number; in float32 or better.

    Each error counts by its weight, if there are weights, and once in the number. What is missing or padding counts in
    neither, and cannot reach a gradient.
    """
    precision = torch.promote_types(predicted.dtype, torch.float32)
    truth = tokens.target.take(tokens.values).to(precision)  # [B, n, cells]
    scored = scored_cells(tokens)  # [B, n, cells]
    error = torch.where(scored, predicted.to(precision) - truth, 0.0)
    squares = error.square()
    if tokens.weights is not None:
        squares = squares * tokens.target.take(tokens.weights)  # [B, n, cells]
    return squares.sum(), scored.sum().to(precision)


def pinball(
    quantiles: Float[Tensor, "batch targets cells quantile"], levels: Sequence[float], tokens: ModalityTokens
) -> Float[Tensor, ""]:
    """Sum of pinball losses over the values that `squared_error` scores, each averaged over the levels.

    At level q a prediction p of y costs max(q (y - p), (q - 1) (y - p)), which is least in the mean where p is the
    q-quantile (Koenker and Bassett 1978). Its weights are the roots of those of squares, since it grows with an error,
    not with its square.
    """
    precision = torch.promote_types(quantiles.dtype, torch.float32)
    truth = tokens.target.take(tokens.values).to(precision)[..., None]  # [B, n, cells, 1]
    error = torch.where(scored_cells(tokens)[..., None], truth - quantiles.to(precision), 0.0)
    if tokens.weights is not None:
        error = error * tokens.target.take(tokens.weights).sqrt()[..., None]
    # A number at a time: levels as a tensor would have to be brought to the device in every step.
    costs = [torch.maximum(q * e, (q - 1) * e).sum() for q, e in zip(levels, error.unbind(-1), strict=True)]
    return torch.stack(costs).mean()


def loss_sums(
    mean: Float[Tensor, "batch targets cells"],
    quantiles: Float[Tensor, "batch targets cells quantile"] | None,
    levels: Sequence[float],
    tokens: ModalityTokens,
) -> Float[Tensor, " loss"]:
    """Sums of one modality's losses over its scored values: squared error and, with quantiles, pinball."""
    error = squared_error(mean, tokens)[0]
    return torch.stack([error] if quantiles is None else [error, pinball(quantiles, levels, tokens)])


def scored_cells(tokens: ModalityTokens) -> Bool[Tensor, "batch targets cells"]:
    """True where the values of the targets were observed, and the target is no padding."""
    scored = tokens.valid if tokens.scored is None else tokens.scored
    return tokens.target.take(scored) & tokens.target.real[..., None]


def weighted_total(losses: Mapping[str, Float[Tensor, ""]], weights: Mapping[str, float]) -> Float[Tensor, ""]:
    """Sum of the modalities' losses, each by its weight (1 where none is named)."""
    return torch.stack([weights.get(name, 1.0) * loss for name, loss in losses.items()]).sum()
