"""Gaps as gauges have them: some days of a place are hidden, whether or not they fill whole tokens.

A token of which days remain is both seen, without the hidden ones, and a target, of these alone.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool
from torch import Tensor

from hydromae.base.hashing import random_keys
from hydromae.batch.batch import ModalityTokens
from hydromae.tokens.selection import Selection, places_of
from hydromae.tokens.shape import TokenShape, to_tokens
from hydromae.windows.windows import Windows

_LAST = float(2**63)


def hide_gaps(
    tokens: ModalityTokens, windows: Windows, samples: Sequence[bool], *, seed: int, epoch: int, name: str
) -> ModalityTokens:
    """Hide one gap in each place of some samples, besides what is hidden already.

    A gap lasts 1 day to half the window, short ones as often as long ones (uniform in its logarithm), and lies anywhere
    in the window. Every token is listed, with padding where it is not meant, so that no count has to be fetched from
    the device.

    Args:
        tokens: with the masks that hide whole tokens.
        windows: whose tokens they are.
        samples: [B] which samples have gaps.
        seed: of the masks.
        epoch: of the training.
        name: of the modality, so that each has gaps of its own.
    """
    hidden = gap_days(windows, tokens.shape, seed=seed, epoch=epoch, stream=name)  # [B, T, places]
    hidden &= torch.tensor(list(samples)).to(hidden.device, non_blocking=True)[:, None, None]
    if tokens.shape.kind == "grid":
        hidden = hidden[..., None].expand(*hidden.shape, tokens.shape.size)  # [B, T, patches, cells]
    cells = to_tokens(hidden.float(), tokens.shape) == 1  # [B, tokens, cells]
    count = tokens.values.shape[1]
    visible, target = places_of(tokens.visible, count), places_of(tokens.target, count)  # [B, tokens]
    shown = tokens.valid & ~(cells & visible[..., None])
    scored = torch.where(target[..., None], tokens.valid, tokens.valid & cells & visible[..., None])
    return replace(
        tokens,
        visible=_listed(visible & shown.any(-1)),
        target=_listed(scored.any(-1)),
        shown=shown,
        scored=scored,
    )


def gap_days(
    windows: Windows, shape: TokenShape, *, seed: int, epoch: int, stream: str
) -> Bool[Tensor, "batch days places"]:
    """The days of one gap in each patch or station of each window; arguments as those of `random_keys`."""
    places, days = shape.width, windows.days

    def uniform(use: str) -> Tensor:
        keys = random_keys(windows.identity, places, seed=seed, epoch=epoch, stream=f"{stream} gap {use}")
        return keys.double() / _LAST  # [B, places]

    longest = max(days // 2, 1)
    length = (uniform("length") * math.log(longest + 1)).exp().long().clamp(1, longest)
    first = (uniform("place") * (days - length + 1)).long()
    day = torch.arange(days, device=first.device)[None, :, None]
    return (day >= first[:, None]) & (day < (first + length)[:, None])


def _listed(chosen: Bool[Tensor, "batch tokens"]) -> Selection:
    """Every token, in order, as padding where it is not chosen."""
    every = torch.arange(chosen.shape[1], device=chosen.device).expand_as(chosen)
    return Selection(every, ~chosen)
