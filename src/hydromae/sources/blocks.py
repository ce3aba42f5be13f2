"""The values of a source block by block: read along the chunks of its files, packed to land patches, and checked."""

from collections.abc import Iterator
from functools import partial
from itertools import starmap

import numpy as np
from jaxtyping import Float, Int

from hydromae.base.patches import cell_index, pack
from hydromae.sources.cleaning import first_fault
from hydromae.sources.cluster import read_on
from hydromae.sources.plan import Plan
from hydromae.sources.source import OF_STATION, Source

BLOCK_DAYS = 64
_SPAN_BYTES = 192 * 2**20  # most that is read at once

Blocks = Iterator[tuple[int, Float[np.ndarray, "day *place"]]]


def place_shape(plan: Plan, source: Source) -> tuple[int, ...]:
    """Shape of one stored day: (patches, cells) of a grid, (stations,) of a series."""
    if source.settings.kind == "series":
        return (len(plan.station_ids),)
    assert plan.land is not None
    return plan.land.cells.shape


def read_blocks(plan: Plan, source: Source, patch_size: int, begin: int, end: int) -> Blocks:
    """Position of the first day on the days of the store, and checked float32 values, of each block of 64 days.

    Args:
        plan: what the store is to be.
        source: one of its modalities.
        patch_size: rows and columns of a patch.
        begin: first day.
        end: day after the last.

    Raises:
        DataError: a value is impossible or cannot be read.
    """
    patches = plan.land.patches if source.settings.kind == "grid" and plan.land is not None else None
    read = partial(_read, source, patches, patch_size)
    edges = _spans(source, _day(plan, begin), _day(plan, end))
    spans = ((first, int((last - first).astype(int))) for first, last in edges)
    paths = [piece.path for piece in source.pieces]
    # The values of series are in memory already.
    parts = starmap(read, spans) if plan.dask is None or patches is None else read_on(plan.dask, read, spans, paths)
    start, held = begin, np.empty((0, *place_shape(plan, source)), np.float32)
    for part in parts:
        held = np.concatenate((held, part)) if len(held) else part  # [day, *place]
        used = 0
        while len(held) - used >= BLOCK_DAYS or (used < len(held) and start + len(held) - used == end):
            block = _checked(plan, source, patch_size, start, held[used : used + BLOCK_DAYS])
            yield start, block
            used += len(block)
            start += len(block)
        held = held[used:].copy()  # a view would keep the whole of what was read


def _read(
    source: Source, patches: Int[np.ndarray, "patch"] | None, patch_size: int, first: np.datetime64, count: int
) -> Float[np.ndarray, "day *place"]:
    """Days of a source; those of a grid are cut to the valid patches, [day, patch, cell]."""
    values = source.read(first, count)
    return values if patches is None else pack(values, patches, patch_size)


def _spans(source: Source, begin: np.datetime64, end: np.datetime64) -> Iterator[tuple[np.datetime64, np.datetime64]]:
    """First day of each reading, and the day after its last, which is where a chunk of the file ends if possible.

    A chunk is decompressed whole whatever part of it is asked for: those that h5py chooses hold hundreds of days of a
    few cells, so that reading block by block would decompress each of them many times.
    """
    day_bytes = 4 * max(int(np.prod(source.pieces[0].values.shape[1:])), 1)
    most, day = max(BLOCK_DAYS, _SPAN_BYTES // day_bytes), np.timedelta64(1, "D")
    while begin < end:
        stop = begin + BLOCK_DAYS * day
        for piece in source.pieces:
            chunks = piece.values.encoding.get("chunksizes")
            if chunks and 0 < chunks[0] <= most and piece.days[0] <= begin <= piece.days[-1]:
                position = int(np.searchsorted(piece.days, begin))
                edge = (position + max(BLOCK_DAYS, chunks[0])) // chunks[0] * chunks[0]
                stop = piece.days[edge] if edge < len(piece.days) else piece.days[-1] + day
                stop = min(max(stop, begin + day), begin + most * day)
        yield begin, min(stop, end)
        begin = stop


def _day(plan: Plan, position: int) -> np.datetime64:
    return np.datetime64(plan.first_day) + np.timedelta64(position, "D")


def _checked(
    plan: Plan, source: Source, patch_size: int, start: int, block: Float[np.ndarray, "day *place"]
) -> Float[np.ndarray, "day *place"]:
    if source.settings.kind == "grid":
        assert plan.land is not None
        block[:, ~plan.land.cells] = np.nan
    fault = first_fault(block, source.settings)
    if fault is not None:
        day = _day(plan, start + fault.index[0])
        raise source.error(fault, day, place_of(plan, fault.index[1:], patch_size))
    return block


def station_at(plan: Plan, index: tuple[int, ...]) -> str | None:
    """The station at a place of a series; None for a place of a grid."""
    return plan.station_ids[index[0]] if len(index) == 1 else None


def place_of(plan: Plan, index: tuple[int, ...], patch_size: int) -> str:
    """A station, or a patch and a cell, in words."""
    if (station := station_at(plan, index)) is not None:
        return f"{OF_STATION}{station}"
    assert plan.land is not None
    cell = int(cell_index(plan.land.patches, plan.land.shape, patch_size)[index])
    row, column = divmod(cell, plan.land.shape[1])
    return f"at row {row}, column {column}"
