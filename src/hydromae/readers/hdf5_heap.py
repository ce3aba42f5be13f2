"""A check of the heaps of texts in an HDF5 file: the HDF5 library never returns from a damaged one."""

import mmap
import struct
from functools import lru_cache
from pathlib import Path

from hydromae.base.errors import DataError

# Global heap collection (HDF5 file format specification, III.E): its signature, version 1 and three bytes of 0.
_BEGIN = b"GCOL\x01\x00\x00\x00"
_HEADER = 16
_LOOKED_AT = 2**26  # bytes at either end of a file; heaps of attributes are among the first


def check_heaps(path: Path) -> None:
    """Raise DataError where a heap has an entry of no size, over which HDF5 2.0 loops without end."""
    stat = path.stat()
    if _stuck(path, stat.st_size, stat.st_mtime_ns):
        raise DataError(f"{path}: is not an HDF5 file or is cut short (a heap of texts is damaged); copy it again")


@lru_cache(maxsize=4096)
def _stuck(path: Path, size: int, changed: int) -> bool:
    """Files are looked at once for every size and time of change."""
    if not size:
        return False
    with path.open("rb") as content, mmap.mmap(content.fileno(), 0, access=mmap.ACCESS_READ) as held:
        for begin, end in ((0, min(size, _LOOKED_AT)), (max(size - _LOOKED_AT, _LOOKED_AT), size)):
            at = begin - 1
            while (at := held.find(_BEGIN, at + 1, end)) >= 0:
                if _is_stuck(held[at : min(at + _LOOKED_AT, size)]):
                    return True
    return False


def _is_stuck(heap: bytes) -> bool:
    """Whether stepping from entry to entry stops before the end of the heap."""
    if len(heap) < _HEADER:
        return False
    end = min(len(heap), int.from_bytes(heap[8:16], "little"))
    place = _HEADER
    while place + _HEADER <= end:
        index, _, _, size = struct.unpack_from("<HHIQ", heap, place)
        step = size if index == 0 else _HEADER + -(-size // 8) * 8
        if step < _HEADER:
            return True
        place += step
    return False
