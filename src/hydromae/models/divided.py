"""Attention that is divided: in turn within a day, and along time at a place (Bertasius et al. 2021, axial).

Full attention grows with the square of all tokens. Here the first kind grows with the days of a window, and the second
with their square at one place, which stays small. Layers take turns, so that divided attention has the weights of full
attention; what lies on another day and at another place is reached in two layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor

from hydromae.tokens.selection import Selection, append_padding
from hydromae.tokens.shape import TokenShape

By = Literal["day", "place"]


@dataclass(frozen=True)
class TokenPlaces:
    """When and where the tokens of a sequence lie.

    Attributes:
        day: [B, n] first day of each token, counted from the window's first.
        place: [B, n] number of its patch or group of stations among those of the sequence.
        days: days in the longest token: what begins within as many is of one group.
        places: number of places.
        window: days of the window.
        static: places in the sequence of static tokens, which are of no day and no place, and seen from all.
        padding: [B, n], True where there is no token; None where there is one everywhere.
    """

    day: Int[Tensor, "batch n"]
    place: Int[Tensor, "batch n"]
    days: int
    places: int
    window: int
    static: tuple[int, ...] = ()
    padding: Bool[Tensor, "batch n"] | None = None

    @cached_property
    def by_day(self) -> "Slots":
        """The tokens sorted by when they begin."""
        return self._sorted(self.day // self.days, -(-self.window // self.days), self.places * self.days)

    @cached_property
    def by_place(self) -> "Slots":
        """The tokens sorted by where they lie."""
        return self._sorted(self.place, self.places, self.window)

    def _sorted(self, group: Int[Tensor, "batch n"], count: int, most: int) -> "Slots":
        if self.static:
            group = group.index_fill(1, self.static_index, count)
        return Slots.of(group if self.padding is None else group.masked_fill(self.padding, count), count, most)

    @property
    def static_index(self) -> Int[Tensor, " static"]:
        """`static` beside the tokens."""
        return torch.tensor(self.static, dtype=torch.int64, device=self.day.device)

    def without_static(self) -> "TokenPlaces":
        """The same without the static tokens, which are the last."""
        n = self.day.shape[1] - len(self.static)
        padding = None if self.padding is None else self.padding[:, :n]
        return replace(self, day=self.day[:, :n], place=self.place[:, :n], static=(), padding=padding)

    def among(self, others: "TokenPlaces", first: int) -> "TokenPlaces":
        """The same in the groups of a sequence among whose places the own ones begin at `first`."""
        return replace(self, place=self.place + first, places=others.places, days=others.days)


def joined_places(parts: Sequence[TokenPlaces], padding: Bool[Tensor, "batch n"] | None) -> TokenPlaces:
    """Places of sequences put one after another; no two of them share a place. `padding` is that of all."""
    firsts, static, length, places = [], [], 0, 0
    for part in parts:
        firsts.append(places)
        static += [length + at for at in part.static]
        length, places = length + part.day.shape[1], places + part.places
    return TokenPlaces(
        torch.cat([part.day for part in parts], 1),
        torch.cat([part.place + first for part, first in zip(parts, firsts, strict=True)], 1),
        max(part.days for part in parts),
        places,
        parts[0].window,
        tuple(static),
        padding,
    )


@dataclass(frozen=True)
class Slots:
    """Tokens sorted into groups of as many slots each.

    Attributes:
        table: [B * G * W] the row that stands in each slot, of all sequences one after another; any where it is empty.
        empty: [B * G, W].
        position: [B * n] the slot of each token; any for one of no group.
        outside: [B, n], True where a token is of no group.
    """

    table: Int[Tensor, " slots"]
    empty: Bool[Tensor, "groups width"]
    position: Int[Tensor, " rows"]
    outside: Bool[Tensor, "batch n"]

    @classmethod
    def of(cls, group: Int[Tensor, "batch n"], count: int, most: int) -> "Slots":
        """Sort tokens by their group.

        Args:
            group: of each token, `count` for one of none.
            count: number of groups.
            most: tokens that a group may have.
        """
        batch, n = group.shape
        order = group.argsort(dim=1, stable=True)  # [B, n]
        in_order = group.gather(1, order)
        members = group.new_zeros(batch, count + 1).scatter_add_(1, group, torch.ones_like(group))  # [B, G + 1]
        rank = torch.arange(n, device=group.device) - (members.cumsum(1) - members).gather(1, in_order)
        width = _largest(members[:, :count], most)
        slot = (in_order * width + rank).clamp(max=count * width)  # [B, n] the last is of no group
        table = group.new_full((batch, count * width + 1), -1).scatter_(1, slot, order)[:, :-1]  # [B, G * W]
        position = torch.empty_like(group).scatter_(1, order, slot)
        outside, empty = position == count * width, table < 0
        of_sample = torch.arange(batch, device=group.device)[:, None]
        return cls(
            (table.clamp(min=0) + of_sample * n).flatten(),
            empty.view(batch * count, width),
            (position.masked_fill(outside, 0) + of_sample * (count * width)).flatten(),
            outside,
        )

    def group(self, nowhere: int) -> Int[Tensor, "batch n"]:
        """The group of each token, counted over the samples, and `nowhere` for one of none."""
        return (self.position // self.empty.shape[1]).view(self.outside.shape).masked_fill(self.outside, nowhere)

    def sort(self, tokens: Float[Tensor, "batch n dim"]) -> Float[Tensor, "groups width dim"]:
        """The tokens in their slots."""
        rows: Tensor = _Rows.apply(tokens.flatten(0, 1), self.table, self.position, self.outside.flatten())  # type: ignore[no-untyped-call]
        return rows.view(*self.empty.shape, tokens.shape[2])

    def restore(self, slots: Float[Tensor, "groups width dim"]) -> Float[Tensor, "batch n dim"]:
        """The inverse of `sort`; what stands at a token of no group means nothing."""
        rows: Tensor = _Rows.apply(slots.flatten(0, 1), self.position, self.table, self.empty.flatten())  # type: ignore[no-untyped-call]
        return rows.view(*self.outside.shape, slots.shape[2])


class _Rows(torch.autograd.Function):
    """Rows in another order, and on the way back in the first: to add up gradients by index takes far longer.

    What stands in rows of `nothing` is read by nothing, so its gradient is 0.
    """

    @staticmethod
    def forward(context: Any, rows: Tensor, there: Tensor, back: Tensor, nothing: Tensor) -> Tensor:
        context.save_for_backward(back, nothing)
        return _taken(rows, there)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        back, nothing = context.saved_tensors
        return _taken(gradients[0], back).masked_fill_(nothing[:, None], 0.0), None, None, None


def _taken(rows: Tensor, index: Tensor) -> Tensor:
    """Rows by their number, and 0 where there is no row at all."""
    return rows.index_select(0, index) if len(rows) else rows.new_zeros(len(index), rows.shape[1])


def _largest(members: Int[Tensor, "batch groups"], most: int) -> int:
    """Slots that every group needs: on a CPU the largest count; elsewhere to know it would hold the device up."""
    if members.device.type != "cpu" or isinstance(members, FakeTensor) or members.numel() == 0:
        return max(most, 1)
    return max(int(members.max()), 1)


@dataclass(frozen=True)
class Division:
    """Which queries attend to which keys: those of their group, and static tokens.

    Attributes:
        queries: sorted; static queries attend to static keys only.
        keys: sorted into as many groups.
        unseen: [B * G, W + static keys], True where a group has no key; None where all have as many: no mask then.
        static_queries: places of static tokens among the queries, [] where there are none.
        static_keys: among the keys.
    """

    queries: Slots
    keys: Slots
    unseen: Bool[Tensor, "groups width"] | None
    static_queries: Int[Tensor, " static_queries"]
    static_keys: Int[Tensor, " static_keys"]

    @classmethod
    def between(cls, queries: TokenPlaces, keys: TokenPlaces, by: By) -> "Division":
        """Divide by day or by place."""
        of_queries, slots = (places.by_day if by == "day" else places.by_place for places in (queries, keys))
        unseen = None
        if slots.empty.device.type != "cpu" or isinstance(slots.empty, FakeTensor) or bool(slots.empty.any()):
            unseen = torch.cat([slots.empty, slots.empty.new_zeros(len(slots.empty), len(keys.static))], dim=1)
        return cls(of_queries, slots, unseen, queries.static_index, keys.static_index)

    def with_static(self, keys: Float[Tensor, "batch m dim"]) -> Float[Tensor, "groups keys dim"]:
        """Keys or values in their slots, and the static ones behind those of every group."""
        slots = self.keys.sort(keys)
        if not len(self.static_keys):
            return slots
        static = keys[:, self.static_keys]  # [B, S, D]
        return torch.cat([slots, static.repeat_interleave(len(slots) // len(keys), dim=0)], dim=1)

    def dense(self) -> Bool[Tensor, "batch queries keys"]:
        """True where a query does not see a key, for every pair: large, for a person to look at."""
        of_query, of_key = self.queries.group(nowhere=-1), self.keys.group(nowhere=-2)
        unseen = of_query[:, :, None] != of_key[:, None]
        unseen[:, self.static_queries] = True
        unseen[:, :, self.static_keys] = False
        return unseen


@dataclass(frozen=True)
class Divided:
    """Divisions that layers take in turn, by day, by place, by day, and so on; each is made when a layer needs it.

    Attributes:
        queries: where they lie, among the places of the keys.
        keys: what they attend to.
    """

    queries: TokenPlaces
    keys: TokenPlaces

    @cached_property
    def by_day(self) -> Division:
        """What begins on the same day."""
        return Division.between(self.queries, self.keys, "day")

    @cached_property
    def by_place(self) -> Division:
        """What lies at the same place."""
        return Division.between(self.queries, self.keys, "place")

    def of_layer(self, layer: int) -> Division:
        """That of a layer, counted from 0."""
        return self.by_place if layer % 2 else self.by_day


def places_of_tokens(selection: Selection, shape: TokenShape, window: int, static: int = 0) -> TokenPlaces:
    """Places of some tokens of one modality, and of `static` tokens behind them.

    Args:
        selection: the tokens.
        shape: how the modality was cut.
        window: days of the window.
        static: number of static tokens.
    """
    day, place = selection.index // shape.places * shape.days, shape.place(selection.index)  # [B, n]
    n = day.shape[1]
    if static:
        day, place = (torch.cat([of, of.new_zeros(len(of), static)], dim=1) for of in (day, place))
    padding = append_padding(selection, static)
    return TokenPlaces(day, place, shape.days, shape.places, window, tuple(range(n, n + static)), padding)
