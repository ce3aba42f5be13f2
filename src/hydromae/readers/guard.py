"""The boundary to files of others: whatever goes wrong with a damaged or hostile file becomes one DataError."""

import math
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hydromae.base.addresses import AddressPath
from hydromae.base.errors import ConfigError, DataError
from hydromae.base.memory import machine_memory
from hydromae.base.permissions import refused

MAX_DAYS = 100_000  # 273 years
MAX_A_DAY = 288  # values: one every 5 minutes
MAX_CELLS = 100_000_000  # of one map: a 1 km grid of Great Britain has a million
MAX_AXIS = 100_000  # entries of a coordinate
MAX_ENTRIES = 5_000_000  # of an array of one dimension, read when a file is opened: quarters of an hour of 140 years
MAX_CHUNK = 2**30  # bytes that one chunk becomes when it is read
MAX_SERIES = 1_000_000_000  # days x stations: every station of the world over 40 years fits
COPY: Final = "copy or download it again"
SPARSE = 1_000_000_000  # more values than this must be backed by bytes
_EXPANSION = 10_000  # times: more than any compression of real values


@contextmanager
def reading(path: Path, problem: str = "cannot be read", advice: str = COPY) -> Iterator[None]:
    """Turn every exception of the libraries that decode a file into a DataError that names the file.

    They raise whatever damaged bytes lead them to: OSError, KeyError, UnicodeDecodeError, MemoryError, zlib.error, ...
    """
    try:
        yield
    except (DataError, ConfigError):
        raise
    except Exception as error:
        if refusal := refused(path, error):
            raise DataError(refusal) from error
        if not isinstance(path, AddressPath) and not path.exists():
            raise DataError(f"{path}: {problem}, since it no longer exists; put it back") from error
        raise DataError(f"{path}: {problem} ({reason_of(error)}); {advice}") from error


def reason_of(error: Exception) -> str:
    """The first line of what an exception says, at most 200 characters, or its type where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def check_maps(path: Path, name: object, shape: Sequence[int], sub_daily: bool = False) -> None:
    """Raise DataError where [days, rows, columns] is more than any real grid, before memory is taken for it.

    With `sub_daily` there may be as many maps a day as there are steps of 5 minutes.
    """
    days, rows, columns = shape
    if days > MAX_DAYS * (MAX_A_DAY if sub_daily else 1) or rows * columns > MAX_CELLS:
        raise DataError(
            f"{path}: {name} declares {days} days of {rows} x {columns} cells, more than the {MAX_DAYS} days of "
            f"{MAX_CELLS} cells that are read; the file is damaged, or cut it into parts"
        )


def check_series(path: Path, days: int, stations: int) -> None:
    """Raise DataError where [days, stations] is more than any real record, before memory is taken for it."""
    if days > MAX_DAYS or days * stations > MAX_SERIES:
        raise DataError(
            f"{path}: spans {days} days of {stations} stations, more than the {MAX_DAYS} days and {MAX_SERIES} values "
            f"that are read; correct its dates, or cut it into parts"
        )


def check_stored(path: Path, name: object, shape: Sequence[int], value_bytes: int, stored: int) -> None:
    """Raise DataError where values by the thousand million are declared but `stored` bytes cannot hold them."""
    count = math.prod(shape)
    if count > SPARSE and count * value_bytes > stored * _EXPANSION:
        raise DataError(
            f"{path}: {name} declares {count} values, but only {stored} bytes are stored; "
            f"the file is damaged or was never written in full, make it again"
        )


def check_memory(path: Path, size: int) -> None:
    """Raise DataError where values are to be read that take more than half of the machine's memory."""
    memory = machine_memory()
    if memory is not None and 2 * size > memory:
        raise DataError(
            f"{path}: holds {size / 2**30:.1f} GiB of values that are read at once, more than half of the machine's "
            f"memory of {memory / 2**30:.1f} GiB; the file is damaged, or cut it into parts"
        )


def check_chunk(path: Path, name: object, chunk: Sequence[int], value_bytes: int) -> None:
    """Raise DataError where a chunk, which is read as a whole, would take too much memory."""
    size = math.prod(chunk) * value_bytes
    if size > MAX_CHUNK:
        raise DataError(
            f"{path}: {name} is stored in chunks of {size} bytes, which are read whole; "
            f"write it with smaller chunks, as one day each"
        )


def inflates_beyond(packed: bytes, limit: int) -> bool:
    """Whether gzip or zlib data become more than `limit` bytes; they are unpacked a piece at a time and let go."""
    left = limit
    try:
        while packed:  # gzip goes on with what follows its end, so that is looked at too
            unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # gzip or zlib, by its header
            while packed and not unpacker.eof:
                left -= len(unpacker.decompress(packed, 2**20))
                if left < 0:
                    return True
                packed = unpacker.unconsumed_tail
            packed = unpacker.unused_data
    except zlib.error:  # damaged: whoever unpacks it will say so
        return False
    return False
