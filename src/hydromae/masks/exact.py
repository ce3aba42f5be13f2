"""Who is hidden: vectorised, exact and reproducible masks.

The random numbers are a hash of (seed, epoch, window, modality, token), not the state of a generator: a window gets
the same mask on every device, in every batch and on every rank, and a resumed run needs nothing restored.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

from hydromae.tokens.selection import MISSING, TARGET, VISIBLE, Selection

_LAST = torch.iinfo(torch.int64).max


def order_keys(state: Shaped[Tensor, "batch tokens"]) -> Int[Tensor, "batch tokens"]:
    """Keys that keep the tokens in their order, for masks that draw nothing."""
    return torch.arange(state.shape[1], device=state.device).expand_as(state)


def target_counts(available: Sequence[int], ratio: float) -> list[int]:
    """Tokens to hide in each sample: round(ratio * available), to even at halves, but at least one of two or more."""
    return [max(round(ratio * n), 1) if n > 1 else round(ratio * n) for n in available]


def hide_first(
    available: Bool[Tensor, "batch tokens"], counts: Int[Tensor, " batch"], order: Int[Tensor, "batch tokens"]
) -> Bool[Tensor, "batch tokens"]:
    """Hide exactly `counts` of each sample's available tokens: those that come first in `order`, from 0 upwards."""
    index = _order(available, order)
    first = torch.arange(index.shape[1], device=index.device)[None, :] < counts[:, None]  # [B, tokens] of the order
    return torch.zeros_like(available).scatter(1, index, first)  # [B, tokens]


def states(
    available: Bool[Tensor, "batch tokens"], hidden: Bool[Tensor, "batch tokens"]
) -> Int[Tensor, "batch tokens"]:
    """State of each token from what there is and what is hidden; a missing token is neither visible nor a target."""
    return torch.where(available, torch.where(hidden, TARGET, VISIBLE), MISSING)


def arrange(state: Int[Tensor, "batch tokens"], keys: Int[Tensor, "batch tokens"]) -> Int[Tensor, "batch tokens"]:
    """Places of each sample's targets, then of its visible tokens, then of the others, each in order of their keys."""
    rank = torch.full_like(state, 2).masked_fill(state == TARGET, 0).masked_fill(state == VISIBLE, 1)
    return (rank << 61 | keys >> 2).argsort(dim=1, stable=True)  # [B, tokens]


def take(arranged: Int[Tensor, "batch tokens"], first: Sequence[int], counts: Sequence[int]) -> Selection:
    """A stretch of each sample's arranged tokens: `counts` of them from place `first` on, both known on the host."""
    longest, n_tokens, device = max(counts), arranged.shape[1], arranged.device
    if min(first) == max(first):
        index = arranged[:, first[0] : first[0] + longest]  # [B, longest]
    else:
        start = torch.tensor(first).to(device, non_blocking=True)[:, None]
        stretch = start + torch.arange(longest, device=device)  # [B, longest]
        index = arranged.gather(1, stretch.clamp(max=n_tokens - 1))
    return Selection(index, _padding(counts, device))


def select(
    chosen: Bool[Tensor, "batch tokens"], keys: Int[Tensor, "batch tokens"], counts: Sequence[int] | None = None
) -> Selection:
    """Gather places of the chosen tokens, in order of their keys.

    Args:
        chosen: [B, tokens].
        keys: [B, tokens] order.
        counts: how many are chosen in each sample, where that is known; else the device is asked, which waits for it.
    """
    if counts is None:
        counts = chosen.sum(1).tolist()
    return Selection(_order(chosen, keys)[:, : max(counts)], _padding(counts, chosen.device))


def _padding(counts: Sequence[int], device: torch.device) -> Bool[Tensor, "batch longest"] | None:
    longest = max(counts)
    if min(counts) == longest:
        return None
    number = torch.tensor(counts).to(device, non_blocking=True)[:, None]
    return torch.arange(longest, device=device)[None, :] >= number  # [B, longest]


def _order(chosen: Bool[Tensor, "batch tokens"], keys: Int[Tensor, "batch tokens"]) -> Int[Tensor, "batch tokens"]:
    """Places of the chosen tokens in order of their keys, then those of the others."""
    return torch.where(chosen, keys, _LAST).argsort(dim=1, stable=True)  # [B, tokens]
