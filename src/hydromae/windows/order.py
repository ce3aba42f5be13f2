"""Which windows an epoch holds, and in which order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Int

from hydromae.base.errors import ConfigError
from hydromae.base.hashing import random_keys
from hydromae.config import DataConfig
from hydromae.store.store import Store
from hydromae.windows.events import flood_days
from hydromae.windows.neighbours import trained_groups
from hydromae.windows.spans import require_fit, usable_runs, window_starts
from hydromae.windows.windows import WindowRequest


class BatchOrder:
    """The batches of an epoch: shuffled starts from a new random offset, or all windows in order.

    The order is a hash of seed and epoch only, so a resumed run finds its place by skipping `first_batch` batches, and
    every rank can take its slice of each batch. Windows lie wholly inside a span. Every epoch has the same number of
    steps, and the last batch may be smaller.

    An epoch takes every `stride`-th possible start, from an offset that changes with the epoch. Where lengths are
    mixed, windows are placed on the possible starts of the shortest length, a ring that is turned by any offset. A
    longer window takes the start at the same fraction of its own list, rounded at random. So, for any length, all
    possible starts are equally likely, and the number of windows depends on no draw.

    Args:
        runs: spans that windows may lie in, as positions in the store.
        lengths: days in a window -> weight; each batch draws one.
        stride: days between starts.
        batch_size: windows in a batch, over all ranks.
        seed: seed of the run; None takes the windows in order, without offset, and needs a single length.
        groups: [G, n] stations of each kind of window, as places in the store: an epoch takes each of its starts once
            with each group, and each group has its own offset; None is one kind, with all stations.
        events: [days of the store], the days that event windows are placed on; None without them.
        event_share: share of the windows that are moved so that they hold an event day.

    Raises:
        ConfigError: a length fits no span, or no event day lies where a window can hold it.
    """

    def __init__(
        self,
        runs: Sequence[slice],
        lengths: Mapping[int, float],
        stride: int,
        batch_size: int,
        seed: int | None,
        events: Bool[np.ndarray, "day"] | None = None,
        event_share: float = 0.0,
        groups: Int[np.ndarray, "group station"] | None = None,
    ) -> None:
        self.groups, self.n_groups = groups, 1 if groups is None else len(groups)
        drawn = {length: weight for length, weight in sorted(lengths.items()) if weight > 0}
        self.stride, self.batch_size, self.seed = stride, batch_size, seed
        # In order, the windows of each span follow each other from its beginning.
        step = stride if seed is None else 1
        for length in drawn:
            require_fit(runs, length)
        self._starts = {length: window_starts(runs, length, step) for length in drawn}
        self._lengths = list(drawn)
        self._bounds = np.cumsum(list(drawn.values())) / sum(drawn.values())
        self._places = max(len(starts) for starts in self._starts.values())
        if seed is None:
            assert len(drawn) == 1, "windows in order have one length"
            self.n_starts, self._offsets = self._places, 1
        else:
            # As many as fit whatever the offset, so that the schedule knows its steps.
            self.n_starts = max(1, self._places // stride)
            mixed = len(drawn) > 1
            # So many that every possible start is taken by some offset.
            self._offsets = self._places - (0 if mixed else (self.n_starts - 1) * stride)
        self.n_windows = self.n_starts * self.n_groups
        self._n_event = 0 if events is None else round(event_share * self.n_windows)
        self._events = {} if events is None else {n: _reachable(events, s, n) for n, s in self._starts.items()}
        for length, (days, _, _) in self._events.items():
            if not len(days):
                raise ConfigError(
                    f"data.event_share: no window of {length} days can hold a flood day of the training period; "
                    f"set data.event_share=0"
                )
        self.epoch, self.first_batch = 0, 0

    def __len__(self) -> int:
        return -(-self.n_windows // self.batch_size)

    def __iter__(self) -> Iterator[WindowRequest]:
        (places, group), moved = self._order(), self._moved()
        lengths = self._batch_lengths()
        for number in range(self.first_batch, len(self)):
            days = lengths[number]
            chosen = slice(number * self.batch_size, (number + 1) * self.batch_size)
            starts = self._starts[days][self._scaled(places[chosen], chosen, len(self._starts[days]))]
            event = np.flatnonzero(moved[chosen])
            if len(event):
                starts[event] = self._on_events(days, event + chosen.start)
            stations = None if self.groups is None else self.groups[group[chosen]]  # [B, n]
            yield WindowRequest(tuple(starts.tolist()), days, 0 if self.seed is None else number, stations=stations)

    def _order(self) -> tuple[Int[np.ndarray, "window"], Int[np.ndarray, "window"]]:
        """Place of each window of the epoch in the list of possible starts, and its group, in order of use."""
        start, group = np.divmod(np.arange(self.n_windows), self.n_groups)
        if self.seed is None:
            return start, group
        offsets = self._keys("offset", self.n_groups) % self._offsets
        places = (start * self.stride + offsets[group]) % self._places
        first = int(next(iter(self._starts.values()))[places[0]])
        order = self._keys("order", self.n_windows, window=first).argsort()
        return places[order], group[order]

    def _scaled(self, places: Int[np.ndarray, "window"], windows: slice, n_starts: int) -> Int[np.ndarray, "window"]:
        """Places in the list of starts of another length, for some windows by their order of use."""
        if n_starts == self._places:
            return places
        within = self._uniform("place", self.n_windows)[windows]
        scaled: np.ndarray = ((places + within) * (n_starts / self._places)).astype(np.int64)
        return np.minimum(scaled, n_starts - 1)

    def _batch_lengths(self) -> list[int]:
        """Days in the windows of each batch of the epoch."""
        if len(self._lengths) == 1:
            return self._lengths * len(self)
        draws = self._uniform("length", len(self))
        last = len(self._lengths) - 1
        return [self._lengths[min(i, last)] for i in np.searchsorted(self._bounds, draws, side="right").tolist()]

    def _moved(self) -> Bool[np.ndarray, "window"]:
        """Which windows, in order of use, are placed on an event: exactly the share that was asked for."""
        moved = np.zeros(self.n_windows, bool)
        if self._n_event:
            moved[self._keys("event", self.n_windows).argsort()[: self._n_event]] = True
        return moved

    def _on_events(self, days: int, windows: Int[np.ndarray, "window"]) -> Int[np.ndarray, "window"]:
        """Starts for some windows: each holds an event day drawn at random, at a place in it drawn at random."""
        events, first, count = self._events[days]
        event = (self._uniform("event day", self.n_windows)[windows] * len(events)).astype(np.int64)
        within = self._uniform("event place", self.n_windows)[windows] * count[event]
        return self._starts[days][first[event] + within.astype(np.int64)]

    def _uniform(self, stream: str, count: int) -> np.ndarray:
        """Numbers in [0, 1), float64."""
        uniform: np.ndarray = (self._keys(stream, count) >> 10) / 2.0**53
        return uniform

    def _keys(self, stream: str, count: int, window: int = 0) -> Int[np.ndarray, "key"]:
        assert self.seed is not None, "windows in order draw nothing"
        windows = torch.tensor([window])
        return random_keys(windows, count, seed=self.seed, epoch=self.epoch, stream=stream)[0].numpy()


class Shares:
    """What one process reads of each batch of an order, in parts; together, all processes read each window once.

    Args:
        order: the batches, which all processes agree on.
        rank: rank of this process.
        size: number of processes.
        parts: number of parts in which each process computes its share, one after the other.
    """

    def __init__(self, order: BatchOrder, rank: int, size: int, parts: int) -> None:
        self.order, self.rank, self.size, self.parts = order, rank, size, parts

    def __len__(self) -> int:
        return len(self.order) * self.parts

    def __iter__(self) -> Iterator[WindowRequest]:
        for request in self.order:
            bounds = np.linspace(0, len(request.starts), self.size * self.parts + 1).round().astype(int).tolist()
            for part in range(self.rank * self.parts, (self.rank + 1) * self.parts):
                yield replace(request, own=slice(bounds[part], bounds[part + 1]))


def training_lengths(data: DataConfig) -> dict[int, float]:
    """Days in a training window, each length with its weight."""
    return data.window_mix or {data.window: 1.0}


def training_order(data: DataConfig, store: Store, batch_size: int, seed: int) -> BatchOrder:
    """The order of training: random windows of one or several lengths, some placed on floods if asked.

    Raises:
        ConfigError: the store has no training period, a length fits nowhere in it, or floods were asked for and there
            are none.
    """
    spans = usable_runs(store, store.period_slice("train"), data.exclude_dates)
    lengths = training_lengths(data)
    events = flood_days(store.with_excluded(data.exclude_dates), data.event_modality) if data.event_share else None
    groups = trained_groups(data, store)
    return BatchOrder(spans, lengths, data.stride, batch_size, seed, events, data.event_share, groups)


def validation_order(data: DataConfig, store: Store, split: str, batch_size: int, unscored: int = 0) -> BatchOrder:
    """The order of validation: windows of `data.window` days one after the other, between the excluded days.

    Args:
        data: of the run.
        store: its data.
        split: the period that is scored.
        batch_size: windows in a batch.
        unscored: days at the begin of a window that are not scored. So many may lie before a period that is shorter
            than a window.

    Raises:
        ConfigError: the store has no such split, or a window fits nowhere in it.
    """
    period = store.period_slice(split)
    lacking = min(max(data.window - (period.stop - period.start), 0), unscored, period.start)
    spans = usable_runs(store, slice(period.start - lacking, period.stop), data.exclude_dates)
    groups = trained_groups(data, store)
    return BatchOrder(spans, {data.window: 1.0}, data.window, batch_size, seed=None, groups=groups)


def _reachable(
    events: Bool[np.ndarray, "day"], starts: Int[np.ndarray, "start"], length: int
) -> tuple[Int[np.ndarray, "event"], Int[np.ndarray, "event"], Int[np.ndarray, "event"]]:
    """The event days that a window can hold; for each the first start of such a window in `starts`, and their number.

    The starts whose windows hold a day follow each other in the list.
    """
    days = np.flatnonzero(events)
    first = np.searchsorted(starts, days - length, side="right")  # of the starts after day - length
    count = np.searchsorted(starts, days, side="right") - first
    return days[count > 0], first[count > 0], count[count > 0]
