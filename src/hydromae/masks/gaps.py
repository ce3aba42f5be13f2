"""Gaps as gauges have them: some days of a place are hidden, whether or not they fill whole tokens.

A token of which days remain is both seen, without the hidden ones, and a target, of these only.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool
from torch import Tensor

from hydromae.base.hashing import random_numbers
from hydromae.masks.hiding import Choice, Hiding, Settings
from hydromae.masks.mask import ModalityMask, listed
from hydromae.masks.strategy import Strategy
from hydromae.tokens.selection import places_of
from hydromae.tokens.shape import TokenShape, to_tokens
from hydromae.windows.windows import Windows


class Gap(Strategy):
    """One gap in each patch or station: see `hide_gaps`, which hides values where this hides no token."""

    def hiding(self, settings: Settings, name: str, choice: Choice, counts: Sequence[int]) -> Hiding:
        """No whole token, but a gap."""
        return Hiding.of(choice.strategy, settings.shapes[name], counts, gapped=choice.hides(name))


def hide_gaps(
    mask: ModalityMask,
    valid: Bool[Tensor, "batch tokens cells"],
    windows: Windows,
    shape: TokenShape,
    samples: Sequence[bool],
    *,
    seed: int,
    epoch: int,
    stream: str,
) -> ModalityMask:
    """Hide one gap in each place of some samples, besides what is hidden already.

    A gap lasts 1 day to half the window, short ones as often as long ones (uniform in its logarithm), and lies anywhere
    in the window.

    Args:
        mask: that hides whole tokens.
        valid: where a value was observed.
        windows: whose mask it is.
        shape: of the tokens.
        samples: [B] which samples have gaps.
        seed: of the masks.
        epoch: of the training.
        stream: modalities of the same one have the same gaps.
    """
    days = gap_days(windows, shape, seed=seed, epoch=epoch, stream=stream)  # [B, T, places]
    days &= torch.tensor(list(samples)).to(days.device, non_blocking=True)[:, None, None]
    if shape.kind == "grid":
        days = days[..., None].expand(*days.shape, shape.size)  # [B, T, patches, cells]
    count = valid.shape[1]
    visible, target = places_of(mask.visible, count), places_of(mask.target, count)  # [B, tokens]
    hidden = (to_tokens(days.float(), shape) == 1) & visible[..., None]  # [B, tokens, cells]
    scored = valid & (hidden | target[..., None])
    seen = visible & (valid & ~hidden).any(-1)
    return replace(mask, visible=listed(seen), target=listed(scored.any(-1)), hidden=hidden, scored=scored)


def gap_days(
    windows: Windows, shape: TokenShape, *, seed: int, epoch: int, stream: str
) -> Bool[Tensor, "batch days places"]:
    """The days of one gap in each patch or station of each window; arguments as those of `random_keys`."""
    places, days = shape.width, windows.days

    def uniform(use: str) -> Tensor:
        return random_numbers(windows.identity, places, seed=seed, epoch=epoch, stream=f"{stream} gap {use}")

    longest = max(days // 2, 1)
    length = (uniform("length") * math.log(longest + 1)).exp().long().clamp(1, longest)
    first = (uniform("place") * (days - length + 1)).long()
    day = torch.arange(days, device=first.device)[None, :, None]
    return (day >= first[:, None]) & (day < (first + length)[:, None])
