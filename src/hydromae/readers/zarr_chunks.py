"""Chunks of Zarr as they are packed: how large they become, and whether a library may trust what they say."""

import numpy as np
import pyarrow as pa

from hydromae.readers.guard import inflates_beyond


def unpacks_to_more(packed: bytes, codec: str, limit: int) -> bool:
    """Whether a packed chunk becomes more than `limit` bytes."""
    if codec == "blosc":
        return int.from_bytes(packed[4:8], "little") > limit
    if codec == "lz4":
        return int.from_bytes(packed[:4], "little") > limit
    if codec in ("gzip", "zlib"):
        return inflates_beyond(packed, limit)
    declared = _zstd_size(packed)
    return declared > limit if declared is not None else _zstd_streamed(packed, limit)


def sound_blosc(packed: bytes) -> bool:
    """Whether sizes and offsets of a chunk (c-blosc, README_CHUNK_FORMAT) are inside it: the library trusts them."""
    if len(packed) < 16:
        return False
    size, block, stored = (int.from_bytes(packed[i : i + 4], "little") for i in (4, 8, 12))
    plain, typesize = packed[2] & 2, packed[3]
    if stored != len(packed) or not typesize or (size and not 0 < block <= size):
        return False
    if plain or not size:
        return stored >= 16 + (size if plain else 0)
    blocks = -(-size // block)
    first = 16 + 4 * blocks
    offsets = np.frombuffer(packed[16:first], "<i4")
    return len(offsets) == blocks and bool(((offsets >= first) & (offsets <= stored - 4)).all())


def _zstd_size(packed: bytes) -> int | None:
    """The size in the frame's header (RFC 8878, 3.1.1.1), which zstd keeps to; None where the header has none."""
    if len(packed) < 6 or packed[:4] != b"\x28\xb5\x2f\xfd":
        return None
    flag, single, key = packed[4] >> 6, packed[4] >> 5 & 1, packed[4] & 3
    size = {0: 1 if single else 0, 1: 2, 2: 4, 3: 8}[flag]
    begin = 5 + (0 if single else 1) + (0, 1, 2, 4)[key]
    if not size:
        return None
    return int.from_bytes(packed[begin : begin + size], "little") + (256 if size == 2 else 0)


def _zstd_streamed(packed: bytes, limit: int) -> bool:
    left = limit
    try:
        with pa.CompressedInputStream(pa.BufferReader(packed), "zstd") as stream:
            while piece := stream.read(2**20):
                left -= len(piece)
                if left < 0:
                    return True
    except OSError:  # damaged: zstd will say so
        return False
    return False
