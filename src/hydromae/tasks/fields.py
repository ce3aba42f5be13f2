"""From tokens back to days and places: what was seen, hidden, and predicted."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hydromae.data.batch import IGNORED, MISSING, TARGET, VISIBLE, ModalityTokens
from hydromae.data.tokens import from_tokens


def predicted_window(
    predicted: Float[Tensor, "batch targets cells"], tokens: ModalityTokens, n_days: int
) -> Float[Tensor, "batch days *place"]:
    """Predictions at their days and places, NaN elsewhere; still scaled."""
    window = torch.full_like(tokens.values, torch.nan)
    _put(window, tokens.target.index, tokens.target.real, predicted.to(window.dtype))
    return from_tokens(window, tokens.shape, n_days)


def state_window(tokens: ModalityTokens, n_days: int) -> Int[Tensor, "batch days *place"]:
    """State of every value: VISIBLE, TARGET, IGNORED or MISSING."""
    state = torch.full(tokens.values.shape[:2], IGNORED, device=tokens.values.device)[..., None]  # [B, tokens, 1]
    for selection, number in ((tokens.visible, VISIBLE), (tokens.target, TARGET)):
        _put(state, selection.index, selection.real, torch.full_like(selection.index, number)[..., None])
    state = torch.where(tokens.valid, state, MISSING)  # [B, tokens, cells]
    return from_tokens(state, tokens.shape, n_days)


def _put(window: Tensor, index: Tensor, real: Tensor, values: Tensor) -> None:
    """Write values to the tokens they belong to, in place; what stands at padding goes nowhere."""
    sample = torch.arange(len(index), device=index.device)[:, None].expand_as(index)
    keep: Any = (sample[real], index[real])
    window[keep] = values[real]
