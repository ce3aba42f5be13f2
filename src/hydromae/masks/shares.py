"""Strategies that hide a share of the tokens: random tokens, spans of days, whole places."""

import torch
from einops import rearrange, repeat
from jaxtyping import Int
from torch import Tensor

from hydromae.masks.strategy import Drawing, Order, Strategy


class Random(Strategy):
    """Any token of the window, all alike; with `masking.per_day` the same share of each day."""

    def order(self, drawing: Drawing) -> Order:
        """Random; per day, every day hides the floor or the ceiling of ratio * its available tokens."""
        if not drawing.per_day:
            return drawing.keys
        keys = torch.where(drawing.available, drawing.keys, torch.iinfo(torch.int64).max)
        rank = rearrange(keys, "b (t p) -> b t p", p=drawing.places).argsort(2).argsort(2)  # [B, slots, P]
        size = rearrange(drawing.available, "b (t p) -> b t p", p=drawing.places).sum(2, keepdim=True)  # [B, slots, 1]
        return _in_shares(rank, size, drawing)


class Span(Strategy):
    """A span of consecutive days of each place."""

    def order(self, drawing: Drawing) -> Order:
        """Spans: every place hides the floor or the ceiling of ratio * its available tokens.

        Where each span begins is drawn so that it fits. Days without a value are passed over: they neither count nor
        end a span.
        """
        available = rearrange(drawing.available, "b (t p) -> b t p", p=drawing.places)  # [B, slots, P]
        size = available.sum(1, keepdim=True)  # [B, 1, P]
        observed_before = available.cumsum(1) - available.long()  # [B, slots, P]
        longest = (drawing.ratio * size.double()).ceil().long()
        first = drawing.random(drawing.places, "span")[:, None] % (size - longest + 1)  # [B, 1, P]
        rank = (observed_before - first) % size.clamp(min=1)  # [B, slots, P], 0 on the span's first day
        return _in_shares(rank, size, drawing)


class Place(Strategy):
    """Whole patches or groups of stations; of the last one, random days."""

    def order(self, drawing: Drawing) -> Order:
        """All days of one place, then of the next."""
        slots = drawing.available.shape[1] // drawing.places
        of_place = repeat(drawing.random(drawing.places, "place"), "b p -> b (t p)", t=slots)  # [B, tokens]
        return of_place >> 31 << 31 | drawing.keys >> 32


def _in_shares(rank: Int[Tensor, "batch slots places"], size: Int[Tensor, "batch _ _"], drawing: Drawing) -> Order:
    """First the floor of every group's share, then at random what the rounding leaves, never past a ceiling.

    Args:
        rank: of the tokens within their group.
        size: available tokens of the group.
        drawing: gives the ratio and what is random.
    """
    share = drawing.ratio * size.double()
    level = (rank >= share.floor()).long() + (rank >= share.ceil()).long()  # [B, slots, P]
    return rearrange(level, "b t p -> b (t p)") << 61 | drawing.keys >> 2
