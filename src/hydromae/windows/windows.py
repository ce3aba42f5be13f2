"""Windows: consecutive days of all modalities, read from the store."""

import math
import weakref
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hydromae.store.store import Store
from hydromae.tokens.shape import TokenShape

_STATION = 2**20  # in the identity of a window: more than any store has days


@dataclass(frozen=True)
class WindowRequest:
    """What an order of batches asks a reader for: the windows of one batch.

    Attributes:
        starts: first day of each window, as days since the store's first day.
        days: days in each window.
        number: the batch's number in its epoch; 0 outside training.
        own: places of the windows to be read where the rest is read by other processes, or by this one later; an empty
            slice takes part in the batch without adding to it. None is all.
        stations: [B, n] the stations of each window, as places in the store; None is all stations in every window.
    """

    starts: tuple[int, ...]
    days: int
    number: int = 0
    own: slice | None = None
    stations: Int[np.ndarray, "window station"] | None = None

    @property
    def identity(self) -> list[int]:
        """A number for each window that no other has, as `Windows.identity`, on the host."""
        if self.stations is None:
            return list(self.starts)
        return (np.array(self.starts) + (self.stations[:, 0] + 1) * _STATION).tolist()


@dataclass(frozen=True)
class Context:
    """The stations around those of each window, whose series are only looked at.

    Attributes:
        stations: [B, K] places in the store.
        values: series -> [B, T, K], float32, physical, NaN = missing.
    """

    stations: Int[Tensor, "batch context"]
    values: dict[str, Float[Tensor, "batch days context"]]

    def map(self, change: Callable[[Tensor], Tensor]) -> "Context":
        """The same with every tensor changed."""
        return Context(change(self.stations), {name: change(values) for name, values in self.values.items()})


@dataclass(frozen=True)
class Windows:
    """Some windows of one length, as the loader gives them: physical values, nothing scaled or hidden.

    Attributes:
        values: modality -> grid [B, T, patches, cells] or series [B, T, stations], float32, NaN = missing.
        starts: [B] first day of each window, as days since the store's first day.
        available_by_slot: modality -> tokens that hold any value, of each sample of the whole batch in each slot (the
            days of one token); on the host, so that no device is waited for.
        number: the batch's number in its epoch, the same on every rank and in a resumed run; 0 outside training.
        own: places in the whole batch of the windows that are here; None is all. An empty slice has one stand-in
            window, which must add nothing.
        first_days: `starts` on the host.
        stations: [B, n] places in the store of the stations of each window; None is all, in order.
        context: the stations around them; None without.
    """

    values: dict[str, Float[Tensor, "batch days *place"]]
    starts: Int[Tensor, " batch"]
    available_by_slot: dict[str, list[list[int]]]
    number: int = 0
    own: slice | None = None
    first_days: tuple[int, ...] = ()
    stations: Int[Tensor, "batch station"] | None = None
    context: Context | None = None

    @property
    def idle(self) -> bool:
        """Whether the only window here is a stand-in."""
        return self.own is not None and self.own.start == self.own.stop

    @property
    def here(self) -> slice:
        """Places in the whole batch of the windows that are here, the stand-in among them."""
        if self.own is None:
            return slice(0, len(self.starts))
        return slice(0, 1) if self.idle else self.own

    @property
    def days(self) -> int:
        """Days in each window, T."""
        return next(iter(self.values.values())).shape[1]

    @property
    def identity(self) -> Int[Tensor, " batch"]:
        """[B] a number that no other window has: of its first day, and its first station where it has not all."""
        return self.starts if self.stations is None else self.starts + (self.stations[:, 0] + 1) * _STATION

    @property
    def available(self) -> dict[str, list[int]]:
        """Modality -> tokens of each sample of the whole batch that hold any value."""
        return {name: [sum(slots) for slots in samples] for name, samples in self.available_by_slot.items()}

    def to(self, device: torch.device) -> "Windows":
        """The same on a device, copied without waiting where the memory is pinned."""
        return self._map(lambda values: values.to(device, non_blocking=True))

    def pin_memory(self) -> "Windows":
        """The same in pinned memory; the loader calls this by name."""
        return self._map(lambda values: values.pin_memory())

    def _map(self, change: Callable[[Tensor], Tensor]) -> "Windows":
        return replace(
            self,
            values={name: change(values) for name, values in self.values.items()},
            starts=change(self.starts),
            stations=None if self.stations is None else change(self.stations),
            context=None if self.context is None else self.context.map(change),
        )


class WindowReader:
    """Reads windows from the store's memory maps, from any number of threads; it pickles without values, as the store.

    Args:
        store: the prepared data.
        shapes: token shape of each modality to read.
        context: [stations, K] the stations around each, which windows of few stations get of their first one; None is
            none.
    """

    def __init__(
        self,
        store: Store,
        shapes: Mapping[str, TokenShape],
        context: Int[np.ndarray, "station context"] | None = None,
    ) -> None:
        self.store, self.shapes, self.context = store, dict(shapes), context
        self._memory = _Memory()
        self._present: dict[str, np.ndarray] = {}

    def __reduce__(self) -> tuple[type["WindowReader"], tuple[Store, dict[str, TokenShape], np.ndarray | None]]:
        return (WindowReader, (self.store, self.shapes, self.context))

    def read(
        self,
        starts: Sequence[int],
        days: int,
        number: int = 0,
        stations: Int[np.ndarray, "window station"] | None = None,
    ) -> Windows:
        """The windows of `days` days that begin at `starts`, at least one, each with all stations or some."""
        return self.fetch(WindowRequest(tuple(starts), days, number, stations=stations))

    def fetch(self, request: WindowRequest) -> Windows:
        """The windows of a request that `own` names; the first is the stand-in where there is none."""
        own = slice(None) if request.own is None else request.own
        starts = request.starts[own] or request.starts[:1]
        spans = [slice(start, start + request.days) for start in starts]
        stations = None
        if request.stations is not None:
            stations = request.stations[own] if len(request.stations[own]) else request.stations[:1]
        values = {name: self._values(name, spans, stations) for name in self.shapes}
        available = self.available(request)
        chosen = None if stations is None else torch.from_numpy(stations)
        context = self._context(spans, stations)
        return Windows(values, torch.tensor(starts), available, request.number, request.own, starts, chosen, context)

    def available(self, request: WindowRequest) -> dict[str, list[list[int]]]:
        """Modality -> tokens that hold any value, of each window of a whole batch in each slot; no value is read."""
        return {name: self._available(name, request) for name in self.shapes}

    def _values(
        self, name: str, spans: Sequence[slice], stations: Int[np.ndarray, "window station"] | None
    ) -> Float[Tensor, "batch days *place"]:
        if self.shapes[name].kind == "series" and stations is not None:
            days = np.array([range(span.start, span.stop) for span in spans])  # [B, T]
            return torch.from_numpy(self.store.gather(name, days, stations))
        first = self.store.read(name, spans[0])
        windows = self._memory.take(name, (len(spans), *first.shape))
        windows[0] = first
        for i, span in enumerate(spans[1:], start=1):
            windows[i] = self.store.read(name, span)
        return torch.from_numpy(windows)

    def _context(self, spans: Sequence[slice], stations: Int[np.ndarray, "window station"] | None) -> Context | None:
        if self.context is None or stations is None:
            return None
        days = np.array([range(span.start, span.stop) for span in spans])  # [B, T]
        around = self.context[stations[:, 0]]  # [B, K]
        series = [name for name, shape in self.shapes.items() if shape.kind == "series"]
        values = {name: torch.from_numpy(self.store.gather(name, days, around)) for name in series}
        return Context(torch.from_numpy(around), values)

    def _available(self, name: str, request: WindowRequest) -> list[list[int]]:
        shape = self.shapes[name]
        if shape.kind == "series" and request.stations is not None:
            days = np.add.outer(request.starts, range(request.days))  # [B, T]
            present = self.store.present(name)[days[:, :, None], request.stations[:, None]]  # [B, T, n]
            return tokens_by_slot(places_present(present, shape), shape).tolist()
        if name not in self._present:
            self._present[name] = places_present(self.store.present(name), shape)
        present = self._present[name]
        return [tokens_by_slot(present[start : start + request.days], shape).tolist() for start in request.starts]


def places_present(present: Bool[np.ndarray, "*any place"], shape: TokenShape) -> Bool[np.ndarray, "*any group"]:
    """Where any station of a token has a value: [..., stations] to [..., groups]; patches are tokens as they are."""
    if shape.kind == "grid" or shape.size == 1:
        return present
    groups = np.arange(0, present.shape[-1], shape.size)
    together: np.ndarray = np.logical_or.reduceat(present, groups, axis=-1)  # [..., groups], the last may be partial
    return together


def tokens_by_slot(present: Bool[np.ndarray, "*any day group"], shape: TokenShape) -> Int[np.ndarray, "*any slot"]:
    """Tokens that hold any value in each slot of a window, from the places that hold one on each day.

    A slot is the days of one token; the last may be partial.
    """
    if shape.days > 1:
        first = np.arange(0, present.shape[-2], shape.days)
        present = np.logical_or.reduceat(present, first, axis=-2)  # [..., slots, groups]
    return np.count_nonzero(present, axis=-1)


class _Memory:
    """Memory for batches, used again once nothing refers to the batch that it held.

    The kernel needs as long to give fresh memory as a copy into it takes.
    """

    def __init__(self) -> None:
        self._free: dict[str, deque[np.ndarray]] = defaultdict(deque)

    def take(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """An array, float32, with any content; it is not used again while a tensor made of it exists."""
        size, free = math.prod(shape), self._free[name]
        try:
            memory = free.pop()
        except IndexError:  # asking first would let another thread take it in between
            memory = np.empty(size, np.float32)
        if memory.size < size:
            memory = np.empty(size, np.float32)
        lent = memory[:size].reshape(shape)
        weakref.finalize(lent, free.append, memory).atexit = False
        return lent
