"""Windows: spans of consecutive days of everything, read from the store."""

import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from hydromae.data.masks import random_keys
from hydromae.data.store import Store
from hydromae.data.tokens import TokenShape, to_tokens
from hydromae.errors import ConfigError


@dataclass(frozen=True)
class Windows:
    """Some windows of one length, as the loader gives them: physical values, nothing scaled or hidden.

    Attributes:
        values: modality -> grid [B, T, patches, cells] or series [B, T, stations], float32, NaN = missing.
        starts: [B] first day of each, as days since the store's first day.
        available: modality -> tokens of each sample that hold any value; on the host, so that no device is waited for.
    """

    values: dict[str, Float[Tensor, "batch days *place"]]
    starts: Int[Tensor, " batch"]
    available: dict[str, list[int]]

    def to(self, device: torch.device) -> "Windows":
        """The same on a device, copied without waiting where the memory is pinned."""
        moved = {name: values.to(device, non_blocking=True) for name, values in self.values.items()}
        return replace(self, values=moved, starts=self.starts.to(device, non_blocking=True))

    def pin_memory(self) -> "Windows":
        """The same in pinned memory; the loader calls this by name."""
        pinned = {name: values.pin_memory() for name, values in self.values.items()}
        return replace(self, values=pinned, starts=self.starts.pin_memory())


class WindowReader(Dataset[Windows]):
    """Reads windows from the store's memory maps; it pickles small, so that worker processes open their own.

    Args:
        store: the prepared data.
        shapes: token shape of each modality to read.
    """

    def __init__(self, store: Store, shapes: Mapping[str, TokenShape]) -> None:
        self.store, self.shapes = store, dict(shapes)

    def read(self, starts: list[int], days: int) -> Windows:
        """The windows of `days` days that begin at `starts`."""
        values = {
            name: torch.from_numpy(np.stack([self.store.values(name)[s : s + days] for s in starts]))
            for name in self.shapes
        }
        available = {
            name: (~torch.isnan(to_tokens(window, self.shapes[name]))).any(-1).sum(1).tolist()
            for name, window in values.items()
        }
        return Windows(values, torch.tensor(starts), available)

    def __getitem__(self, request: tuple[list[int], int]) -> Windows:
        return self.read(*request)


class BatchOrder(Sampler[tuple[list[int], int]]):
    """The batches of an epoch: shuffled starts from a new random offset, or all windows in order.

    The order follows from seed and epoch alone, so a resumed run finds its place by skipping `first_batch` batches.
    Windows lie wholly inside the period. Every epoch has the same number of steps, and the last batch may be smaller.

    Args:
        period: days of the split, as positions in the store.
        length: days in a window.
        stride: days between starts.
        batch_size: windows in a batch.
        seed: of the run; None takes the windows in order, without offset.

    Raises:
        ConfigError: the period is shorter than a window.
    """

    def __init__(self, period: slice, length: int, stride: int, batch_size: int, seed: int | None) -> None:
        self.period, self.length, self.stride, self.batch_size, self.seed = period, length, stride, batch_size, seed
        spare = period.stop - period.start - length
        if spare < 0:
            raise ConfigError(
                f"a window of {length} days does not fit a period of {spare + length} days; shorten data.window"
            )
        if seed is None:
            self.n_windows, self._offsets = spare // stride + 1, 1
        else:
            # As many as fit whatever the offset, so that the schedule knows its steps.
            self.n_windows = max(1, (spare + 1) // stride)
            self._offsets = spare - (self.n_windows - 1) * stride + 1  # so that no day of the period is never seen
        self.epoch, self.first_batch = 0, 0

    def __len__(self) -> int:
        return -(-self.n_windows // self.batch_size)

    def starts(self) -> list[int]:
        """First days of this epoch's windows, in order of use."""
        first = torch.arange(self.n_windows) * self.stride + self.period.start
        if self.seed is None:
            return [int(s) for s in first]
        draw = random_keys(torch.zeros(1, dtype=torch.int64), 1, seed=self.seed, epoch=self.epoch, stream="offset")
        first = first + draw.item() % self._offsets
        shuffle = random_keys(first[:1], self.n_windows, seed=self.seed, epoch=self.epoch, stream="order")[0].argsort()
        return [int(s) for s in first[shuffle]]

    def __iter__(self) -> Iterator[tuple[list[int], int]]:
        starts = self.starts()
        for i in range(self.first_batch * self.batch_size, len(starts), self.batch_size):
            yield starts[i : i + self.batch_size], self.length


def make_loader(reader: WindowReader, order: BatchOrder, workers: int, pin_memory: bool) -> DataLoader[Windows]:
    """A loader of whole batches; its workers live as long as it does."""
    return DataLoader(
        reader,
        sampler=order,
        batch_size=None,  # a request already is a batch
        num_workers=workers,
        pin_memory=pin_memory,
        persistent_workers=workers > 0,
        # Workers that are forked while other threads run can deadlock.
        multiprocessing_context="forkserver" if workers > 0 else None,
        worker_init_fn=_leave_interrupts_to_the_trainer,
        # Of its own: a loader draws a number whenever it starts, which must not shift the dropout of a resumed run.
        generator=torch.Generator(),
    )


def _leave_interrupts_to_the_trainer(worker: int) -> None:
    """Ctrl-C reaches every process of the terminal; the one that trains still needs its next batch to stop in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
