"""Reading windows: the store against the ways that data are usually kept in, in one run on one core.

    python benchmarks/data.py                  # makes a sample in a temporary folder, 2 GB while it runs, some minutes
    python benchmarks/data.py --folder FOLDER  # keeps sample and store there, and uses them again

The data are the embedded full sample: three years of 290 x 180 cells, three grids and two series of 604 stations. Each
way reads the same windows of all five variables, at random places, after one window to warm up, into float32 arrays:

- store: the packed store through `WindowReader`, as training reads it, missing tokens counted;
- memory map, full grid: uncompressed .npy [days, 290, 180];
- HDF5, one-day chunks: gzip level 4;
- HDF5, h5py's chunks: gzip level 4, in the chunks that h5py chooses for 22 years of such maps.

Of the series every way reads the same .npy, so that the figures compare the grids. Everything is in the page cache.
Then: what loader workers do, threads as they are here and processes as in torch's DataLoader, with and without some
20 ms of arithmetic a batch beside which they read; and what `data.cache: memory` does for a store that is in the
page cache already.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import h5py
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from hydromae.app.demo import sample_config
from hydromae.config.read import build_config
from hydromae.sample.write import write_sample
from hydromae.store.maps import to_grid
from hydromae.store.memory_store import MemoryStore
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.tokens.shape import TokenShape
from hydromae.windows.loader import WindowLoader
from hydromae.windows.order import BatchOrder
from hydromae.windows.windows import WindowReader, WindowRequest, Windows

DAYS_OF_22_YEARS = 8035
BATCH = 16
BLOCK = 64  # days converted at once
FASTER_THAN_AUTO, FASTER_THAN_DAYS, LONGEST_MS = 200, 50, 2.0  # what is wanted of the store

Read = Callable[[int], object]


def make_store(folder: Path) -> Store:
    """The full sample, prepared; both are made unless they are there."""
    sample = write_sample(folder / "sample", "full")
    return prepare(build_config(sample_config(sample, "full", folder), ()))


def write_other_ways(store: Store, folder: Path) -> None:
    """The store's grids as full maps: .npy, HDF5 by days, HDF5 in h5py's chunks; -99999 where there is no value."""
    shape = (store.n_days, *store.shape)
    with h5py.File("chunks", "w", driver="core", backing_store=False) as file:
        many_years = (DAYS_OF_22_YEARS, *store.shape)
        auto = file.create_dataset("data", many_years, "f4", compression="gzip").chunks
    print(f"h5py's chunks for {many_years}: {auto}")
    for name in grids(store):
        full = np.lib.format.open_memmap(folder / f"{name}.npy", mode="w+", dtype=np.float32, shape=shape)
        for first in range(0, store.n_days, BLOCK):
            block = to_grid(store, np.array(store.read(name, slice(first, first + BLOCK))))
            full[first : first + BLOCK] = np.nan_to_num(block, nan=-99999.0)
        for way, chunks in (("days", (1, *store.shape)), ("auto", auto)):
            with h5py.File(folder / f"{name}_{way}.h5", "w") as file:
                file.create_dataset("data", data=full, chunks=chunks, compression="gzip")


def grids(store: Store) -> list[str]:
    """The names of the grids."""
    return [name for name in store.names if store.kind(name) == "grid"]


def token_shapes(store: Store) -> dict[str, TokenShape]:
    """As the default model has them."""
    patches, stations = len(store.valid_patches), len(store.station_ids)
    grid, series = TokenShape("grid", store.patch_size**2, 1, patches), TokenShape("series", 8, 1, stations)
    return {name: grid if store.kind(name) == "grid" else series for name in store.names}


def ways(store: Store, folder: Path, days: int) -> dict[str, Read]:
    """What reads the window of all variables that begins on a day."""
    reader = WindowReader(store, token_shapes(store))
    series = [name for name in store.names if store.kind(name) == "series"]

    def beside(arrays: dict[str, np.ndarray] | dict[str, h5py.Dataset]) -> Read:
        def read(start: int) -> object:
            window = {name: np.array(array[start : start + days]) for name, array in arrays.items()}
            return window | {name: np.array(store.read(name, slice(start, start + days))) for name in series}

        return read

    hdf5 = {
        way: beside({name: h5py.File(folder / f"{name}_{way}.h5", "r")["data"] for name in grids(store)})
        for way in ("days", "auto")
    }
    return {
        "store": reading(reader, days),
        "memory map, full grid": beside({n: np.load(folder / f"{n}.npy", mmap_mode="r") for n in grids(store)}),
        "HDF5, one-day chunks": hdf5["days"],
        "HDF5, h5py's chunks": hdf5["auto"],
    }


def reading(reader: WindowReader, days: int) -> Read:
    """What reads the one window that begins on a day."""
    return lambda start: reader.read([start], days)


def milliseconds(read: Read, starts: Iterable[int]) -> float:
    """Median over windows, after one to warm up."""
    read(0)
    seconds = []
    for start in starts:
        began = time.perf_counter()
        read(start)
        seconds.append(time.perf_counter() - began)
    return 1e3 * float(np.median(seconds))


def compare(store: Store, folder: Path, days: int, windows: int) -> None:
    """Milliseconds a window of each way, and how many times as long as the store they take."""
    random = np.random.default_rng(0)
    found: dict[str, float] = {}
    for way, read in ways(store, folder, days).items():
        count = windows if "HDF5" in way else 10 * windows
        found[way] = milliseconds(read, random.integers(0, store.n_days - days, count).tolist())
        size = "" if way == "store" else f"{found[way] / found['store']:8.0f} x the store"
        print(f"{way:24} {found[way]:9.3f} ms a window {size}")
    goals = {
        f"under {LONGEST_MS:g} ms": found["store"] < LONGEST_MS,
        f"{FASTER_THAN_DAYS} x one-day chunks": found["HDF5, one-day chunks"] >= FASTER_THAN_DAYS * found["store"],
        f"{FASTER_THAN_AUTO} x h5py's chunks": found["HDF5, h5py's chunks"] >= FASTER_THAN_AUTO * found["store"],
    }
    print(", ".join(f"{goal}: {'met' if met else 'not met'}" for goal, met in goals.items()))


class InProcesses(Dataset[list[Tensor]]):
    """The reader as torch's DataLoader wants it."""

    def __init__(self, reader: WindowReader, requests: list[WindowRequest]) -> None:
        self.reader, self.requests = reader, requests

    def __len__(self) -> int:
        return len(self.requests)

    def __getitem__(self, index: int) -> list[Tensor]:
        return list(self.reader.fetch(self.requests[index]).values.values())


def windows_per_second(batches: Iterable[Windows | list[Tensor]], number: int, use: bool) -> float:
    """The fastest of a few epochs; `use` multiplies matrices after each batch, as training does."""
    fastest, matrix = float("inf"), torch.ones(1000, 1000)
    for _ in range(4):
        began = time.perf_counter()
        for _ in batches:
            if use:
                matrix @ matrix
        fastest = min(fastest, time.perf_counter() - began)
    return number / fastest


def compare_workers(store: Store, days: int) -> None:
    """Windows a second of 0, 1 and 2 workers, threads and processes."""
    reader = WindowReader(store, token_shapes(store))
    order = BatchOrder([slice(0, store.n_days)], {days: 1.0}, 1, BATCH, seed=0)
    alone = windows_per_second([[]] * len(order), order.n_windows, use=True)
    print(f"batches of {BATCH}, windows a second   batches only      with arithmetic")
    print(f"the arithmetic alone {alone:44.0f}")
    for workers in (0, 1, 2):
        loader = WindowLoader(reader, order, workers)
        rates = [windows_per_second(loader, order.n_windows, use) for use in (False, True)]
        print(f"{workers} threads (WindowLoader){rates[0]:18.0f} {rates[1]:18.0f}")
    for workers in (1, 2):
        processes = DataLoader(
            InProcesses(reader, list(order)),
            batch_size=None,
            num_workers=workers,
            persistent_workers=True,
            multiprocessing_context="forkserver",
        )
        rates = [windows_per_second(processes, order.n_windows, use) for use in (False, True)]
        print(f"{workers} processes (DataLoader) {rates[0]:18.0f} {rates[1]:18.0f}")


def compare_cache(store: Store, days: int, windows: int) -> None:
    """Milliseconds a window from the maps and from arrays in memory, by turns."""
    starts = np.random.default_rng(1).integers(0, store.n_days - days, 10 * windows).tolist()
    found: dict[str, list[float]] = {"maps of the store": [], "data.cache: memory": []}
    readers = [WindowReader(s, token_shapes(s)) for s in (Store.open(store.path), MemoryStore(store))]
    for _ in range(3):
        for way, reader in zip(found, readers, strict=True):
            found[way].append(milliseconds(reading(reader, days), starts))
    for way, times in found.items():
        print(f"{way:24} {min(times):9.3f} ms a window")


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this thread and those it starts to one core meanwhile, where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="keeps sample and store (default: a temporary folder)")
    parser.add_argument("--days", type=int, default=30, help="days in a window")
    parser.add_argument("--windows", type=int, default=20, help="windows read from HDF5; ten times as many elsewhere")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        store = make_store((arguments.folder or Path(temporary)).absolute())
        patches = len(store.valid_patches)
        print(f"{store.n_days} days, {patches} land patches, {len(store.station_ids)} stations, T {arguments.days}")
        write_other_ways(store, Path(temporary))
        with one_core():
            compare(store, Path(temporary), arguments.days, arguments.windows)
            compare_cache(store, arguments.days, arguments.windows)
        compare_workers(store, arguments.days)


if __name__ == "__main__":
    main()
