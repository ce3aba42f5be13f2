"""Who is hidden: vectorised, exact and reproducible masks.

The random numbers are a hash of (seed, epoch, window, modality, token), not the state of a generator: a window gets
the same mask on every device, in every batch and on every rank, and a resumed run needs nothing restored.
"""

import zlib
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from hydromae.data.batch import IGNORED, MISSING, TARGET, VISIBLE, Selection

_LAST = torch.iinfo(torch.int64).max


def random_keys(
    windows: Int[Tensor, " batch"], n_tokens: int, *, seed: int, epoch: int, stream: str
) -> Int[Tensor, "batch tokens"]:
    """Uniform random 63-bit integers, a hash of all the arguments and the token's place.

    The hash is the finaliser of SplitMix64 (Steele, Lea & Flood 2014), applied once an argument.

    Args:
        windows: [B] what tells one window from another, its first day.
        n_tokens: tokens a sample.
        seed: of the run.
        epoch: of the training; -1 where masks must not change.
        stream: what the numbers are for, as the modality's name.
    """
    device = windows.device
    start = _mix(torch.tensor(seed, device=device) + zlib.crc32(stream.encode()) * 2**16)
    keys = _mix(start + epoch * 2**32 + windows.long())  # [B]
    places = torch.arange(n_tokens, device=device)
    return _mix(keys[:, None] + _mix(places)[None, :]) & _LAST  # [B, tokens]


def order_keys(state: Int[Tensor, "batch tokens"]) -> Int[Tensor, "batch tokens"]:
    """Keys that keep the tokens in their order, where nothing random is wanted."""
    return torch.arange(state.shape[1], device=state.device).expand_as(state)


def target_counts(available: Sequence[int], ratio: float) -> list[int]:
    """Tokens to hide in each sample: round(ratio * available), to even at halves."""
    return [round(ratio * n) for n in available]


def draw_random(
    available: Bool[Tensor, "batch tokens"], counts: Int[Tensor, " batch"], keys: Int[Tensor, "batch tokens"]
) -> Int[Tensor, "batch tokens"]:
    """Hide exactly `counts` of each sample's available tokens, the ones with the smallest keys.

    Returns:
        State of each token: TARGET, VISIBLE, or MISSING where it is not available.
    """
    return states(available, _order(available, keys).argsort(1) < counts[:, None])


def states(
    available: Bool[Tensor, "batch tokens"], hidden: Bool[Tensor, "batch tokens"]
) -> Int[Tensor, "batch tokens"]:
    """State of each token from what there is and what is hidden; a missing token is neither visible nor a target."""
    return torch.where(available, torch.where(hidden, TARGET, VISIBLE), MISSING)


def cut(
    state: Int[Tensor, "batch tokens"], keys: Int[Tensor, "batch tokens"], which: int, counts: Sequence[int]
) -> Int[Tensor, "batch tokens"]:
    """Ignore all but so many of each sample's tokens in state `which`: those with the smallest keys stay."""
    chosen = state == which
    rank = _order(chosen, keys).argsort(1)  # [B, tokens]
    kept = torch.tensor(counts).to(state.device, non_blocking=True)[:, None]
    return torch.where(chosen & (rank >= kept), IGNORED, state)


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
    longest = max(counts)
    index = _order(chosen, keys)[:, :longest]  # [B, longest]
    if min(counts) == longest:
        return Selection(index, None)
    number = torch.tensor(counts, device=chosen.device)
    padding = torch.arange(longest, device=chosen.device)[None, :] >= number[:, None]  # [B, longest]
    return Selection(index, padding)


def _order(chosen: Bool[Tensor, "batch tokens"], keys: Int[Tensor, "batch tokens"]) -> Int[Tensor, "batch tokens"]:
    """Places of the chosen tokens in order of their keys, then those of the others."""
    return torch.where(chosen, keys, _LAST).argsort(dim=1, stable=True)  # [B, tokens]


def _mix(x: Int[Tensor, "..."]) -> Int[Tensor, "..."]:
    """SplitMix64's finaliser on 64-bit integers that wrap."""
    x = x + -7046029254386353131  # 0x9E3779B97F4A7C15
    x = (x ^ _shift(x, 30)) * -4658895280553007687  # 0xBF58476D1CE4E5B9
    x = (x ^ _shift(x, 27)) * -7723592293110705685  # 0x94D049BB133111EB
    return x ^ _shift(x, 31)


def _shift(x: Int[Tensor, "..."], bits: int) -> Int[Tensor, "..."]:
    """Logical shift to the right of signed integers."""
    return (x >> bits) & (2 ** (64 - bits) - 1)
