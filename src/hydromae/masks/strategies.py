"""In which order the tokens of a window are hidden: whoever hides n tokens hides the first n of the order.

So every strategy hides an exact number, and which tokens those are follows from the window alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from einops import rearrange, repeat
from jaxtyping import Bool, Int
from torch import Tensor

from hydromae.base.hashing import random_keys
from hydromae.config import Strategy
from hydromae.masks.exact import hide_first, states
from hydromae.masks.plan import Hiding
from hydromae.tokens.selection import IGNORED, MISSING, TARGET
from hydromae.tokens.shape import TokenShape

Order = Int[Tensor, "batch tokens"]


@dataclass(frozen=True)
class Drawing:
    """What the masks of one modality are drawn from.

    Attributes:
        available: [B, tokens], True where a token holds any value.
        keys: [B, tokens] random, see `random_keys`.
        places: tokens a slot (span of days).
        ratio: share of the available tokens that will be hidden.
        random: gives [B, n] keys for another use of the same windows, by its name.
    """

    available: Bool[Tensor, "batch tokens"]
    keys: Int[Tensor, "batch tokens"]
    places: int
    ratio: float
    random: Callable[[int, str], Int[Tensor, "batch n"]]


def drawing(
    available: Bool[Tensor, "batch tokens"],
    windows: Int[Tensor, " batch"],
    shape: TokenShape,
    ratio: float,
    *,
    seed: int,
    epoch: int,
    stream: str,
) -> Drawing:
    """A `Drawing` for windows; `seed`, `epoch` and `stream` are those of `random_keys`."""

    def random(count: int, use: str) -> Int[Tensor, "batch n"]:
        return random_keys(windows, count, seed=seed, epoch=epoch, stream=f"{stream} {use}")

    keys = random_keys(windows, available.shape[1], seed=seed, epoch=epoch, stream=stream)
    return Drawing(available, keys, shape.places, ratio, random)


def hide(draw: Drawing, hidings: Sequence[Hiding], per_day: bool, filled: bool) -> Int[Tensor, "batch tokens"]:
    """State of each token of one modality.

    Args:
        draw: the tokens and what is random about them.
        hidings: what is hidden in each sample, counted on the host.
        per_day: whether strategy random hides its share on every day.
        filled: whether missing tokens are filled, and so visible.
    """
    device, n_tokens = draw.available.device, draw.available.shape[1]
    shares = torch.tensor([hiding.share for hiding in hidings]).to(device, non_blocking=True)
    hidden = hide_first(draw.available, shares, _order(draw, [hiding.strategy for hiding in hidings], per_day))
    state = states(draw.available | filled, hidden)  # [B, tokens]
    if all(hiding.closed * draw.places == n_tokens for hiding in hidings):
        return state
    closed = torch.tensor([hiding.closed * draw.places for hiding in hidings]).to(device, non_blocking=True)
    states_behind = torch.tensor([TARGET if hiding.predicted else IGNORED for hiding in hidings])
    behind = torch.where(draw.available, states_behind.to(device, non_blocking=True)[:, None], MISSING)
    return torch.where(torch.arange(n_tokens, device=device) >= closed[:, None], behind, state)


def anywhere(draw: Drawing) -> Order:
    """Any token of the window, all alike."""
    return draw.keys


def every_day(draw: Drawing) -> Order:
    """Random tokens, the same share of each day: every day hides the floor or the ceiling of ratio * its available."""
    keys = torch.where(draw.available, draw.keys, torch.iinfo(torch.int64).max)
    rank = rearrange(keys, "b (t p) -> b t p", p=draw.places).argsort(2).argsort(2)  # [B, slots, P]
    size = rearrange(draw.available, "b (t p) -> b t p", p=draw.places).sum(2, keepdim=True)  # [B, slots, 1]
    return _in_shares(rank, size, draw)


def spans(draw: Drawing) -> Order:
    """A span of consecutive days of each place: every place hides the floor or the ceiling of ratio * its available.

    Where each span begins is drawn so that it fits. Days without a value are passed over: they neither count nor end a
    span.
    """
    available = rearrange(draw.available, "b (t p) -> b t p", p=draw.places)  # [B, slots, P]
    size = available.sum(1, keepdim=True)  # [B, 1, P]
    observed_before = available.cumsum(1) - available.long()  # [B, slots, P]
    longest = (draw.ratio * size.double()).ceil().long()
    first = draw.random(draw.places, "span")[:, None] % (size - longest + 1)  # [B, 1, P]
    rank = (observed_before - first) % size.clamp(min=1)  # [B, slots, P], 0 on the span's first day
    return _in_shares(rank, size, draw)


def whole_places(draw: Drawing) -> Order:
    """All days of one place, then of the next: whole patches or groups of stations; of the last one, random days."""
    slots = draw.available.shape[1] // draw.places
    of_place = repeat(draw.random(draw.places, "place"), "b p -> b (t p)", t=slots)  # [B, tokens]
    return of_place >> 31 << 31 | draw.keys >> 32


def _order(draw: Drawing, strategies: Sequence[Strategy], per_day: bool) -> Order:
    """The order of each sample's strategy; any one for those that hide by day or by modality alone."""
    of_strategy = {"random": every_day if per_day else anywhere, "span": spans, "place": whole_places}
    order = draw.keys
    for strategy in sorted(set(strategies) & of_strategy.keys()):
        own = of_strategy[strategy](draw)
        if len(set(strategies)) == 1:
            return own
        samples = torch.tensor([other == strategy for other in strategies]).to(own.device, non_blocking=True)
        order = torch.where(samples[:, None], own, order)
    return order


def _in_shares(rank: Int[Tensor, "batch slots places"], size: Int[Tensor, "batch _ _"], draw: Drawing) -> Order:
    """First the floor of every group's share, then at random what the rounding leaves, never past a ceiling.

    Args:
        rank: of the tokens within their group.
        size: available tokens of the group.
        draw: gives the ratio and what is random.
    """
    share = draw.ratio * size.double()
    level = (rank >= share.floor()).long() + (rank >= share.ceil()).long()  # [B, slots, P]
    return rearrange(level, "b t p -> b (t p)") << 61 | draw.keys >> 2
