"""What a Zarr group says of its arrays: read once, checked before a chunk is, and handed to zarr as it was checked."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hydromae.base.errors import DataError
from hydromae.readers.guard import MAX_ENTRIES, check_chunk

METADATA = ("zarr.json", ".zarray", ".zgroup", ".zattrs")
# The compressors whose size can be checked before anything is unpacked; others, as pickle, may run code.
_COMPRESSORS = {"blosc", "zstd", "gzip", "zlib", "lz4", "numcodecs.zlib", "numcodecs.lz4"}
_TEXTS = "vlen-utf8"
_OTHERS = {_TEXTS, "bytes", "transpose", "crc32c", "shuffle", "delta", "fixedscaleoffset", "quantize", "bitround"}
_SHARDS = "sharding_indexed"
_KINDS = "iufbSU"
_LONGEST = 256  # letters of a text of any length, on average over a chunk
_MOST_IN_A_SHARD = 2**20  # chunks, whose places are read as a whole


@dataclass(frozen=True)
class Shards:
    """How the places of the chunks stand in a shard: pairs of 64 bits and a checksum, at its end or its beginning."""

    chunks: int
    at_end: bool

    @property
    def index_bytes(self) -> int:
        """Bytes of the places and their checksum."""
        return 16 * self.chunks + 4


@dataclass(frozen=True)
class StoredArray:
    """What the metadata of one array declare: the most bytes a chunk unpacks to, its compressor or "", its shards."""

    chunk_bytes: int
    compressor: str
    shards: Shards | None = None


def stored_arrays(path: Path, documents: Mapping[str, bytes], texts: bool) -> dict[str, StoredArray]:
    """The arrays of numbers and short texts by name; the others are never read.

    Args:
        path: of the group, for messages.
        documents: key -> metadata, as `zarr_documents` has them.
        texts: arrays of texts of any length are opened, too.

    Raises:
        DataError: an array is stored by an unknown codec, or declares chunks or coordinates larger than any real one.
    """
    arrays = {}
    for key, text in documents.items():
        name, _, kind = key.rpartition("/")
        if not name or kind not in ("zarr.json", ".zarray"):
            continue
        metadata = json.loads(text)
        if metadata.get("node_type", "array") != "array":
            continue
        array = (_array_v3 if kind == "zarr.json" else _array_v2)(path, name, metadata, texts)
        if array is not None:
            arrays[name] = array
    return arrays


def _array_v2(path: Path, name: str, metadata: Mapping[str, Any], texts: bool) -> StoredArray | None:
    codecs = [codec["id"] for codec in (*(metadata.get("filters") or ()), metadata.get("compressor")) if codec]
    dtype = _dtype(metadata["dtype"], texts and _TEXTS in codecs)
    return None if dtype is None else _checked(path, name, metadata["shape"], metadata["chunks"], dtype, codecs)


def _array_v3(path: Path, name: str, metadata: Mapping[str, Any], texts: bool) -> StoredArray | None:
    codecs, chunk = metadata["codecs"], metadata["chunk_grid"]["configuration"]["chunk_shape"]
    shard = next((codec["configuration"] for codec in codecs if _name(codec) == _SHARDS), None)
    inner = codecs if shard is None else shard["codecs"]
    dtype = _dtype(metadata["data_type"], texts and _TEXTS in map(_name, inner))
    if dtype is None:
        return None
    shards = None
    if shard is not None:
        if len(codecs) > 1 or [_name(codec) for codec in shard["index_codecs"]] != ["bytes", "crc32c"]:
            raise DataError(f"{path}: the shards of {name} are packed in an unusual way; write it as xarray does")
        shards, chunk = _shards(path, name, chunk, shard), shard["chunk_shape"]
    return _checked(path, name, metadata["shape"], chunk, dtype, [_name(codec) for codec in inner], shards)


def _name(codec: Any) -> str:
    return str(codec["name"] if isinstance(codec, dict) else codec)


def _shards(path: Path, name: str, shard: list[int], settings: Mapping[str, Any]) -> Shards:
    chunk, big = settings["chunk_shape"], settings["index_codecs"][0].get("configuration", {}).get("endian") == "big"
    sizes = [*shard, *chunk]
    if big or len(shard) != len(chunk) or not all(isinstance(n, int) and n > 0 for n in sizes):
        raise DataError(f"{path}: {name} has shards of {shard} in chunks of {chunk}; write it again")
    count = math.prod(-(-whole // part) for whole, part in zip(shard, chunk, strict=True))
    if count > _MOST_IN_A_SHARD or any(whole % part for whole, part in zip(shard, chunk, strict=True)):
        raise DataError(
            f"{path}: {name} has shards of {shard} in chunks of {chunk}, which are no whole number of chunks or more "
            f"than {_MOST_IN_A_SHARD}; write it with smaller shards"
        )
    return Shards(count, settings.get("index_location", "end") == "end")


def _dtype(named: object, texts: bool) -> np.dtype[Any] | None:
    """The type of an array's entries, None where it is not read; with `texts` they may be texts of any length."""
    if named in ("string", "|O"):
        return np.dtype((np.str_, _LONGEST)) if texts else None
    if isinstance(named, dict):  # as version 3 writes texts of one length
        letters = {"fixed_length_utf32": ("U", 4), "null_terminated_bytes": ("S", 1)}.get(named.get("name", ""))
        length = named.get("configuration", {}).get("length_bytes", 0)
        return None if letters is None else np.dtype(f"{letters[0]}{length // letters[1]}")
    try:
        dtype = np.dtype(named) if isinstance(named, str) else None
    except TypeError:
        return None
    return dtype if dtype is not None and dtype.kind in _KINDS else None


def _checked(
    path: Path,
    name: str,
    shape: list[int],
    chunk: list[int],
    dtype: np.dtype[Any],
    codecs: list[str],
    shards: Shards | None = None,
) -> StoredArray:
    sizes = [*shape, *chunk]
    if len(shape) != len(chunk) or not all(isinstance(n, int) and n >= 0 for n in sizes):
        raise DataError(f"{path}: {name} has the shape {shape} in chunks {chunk}; write it again")
    if unknown := [codec for codec in codecs if codec not in _COMPRESSORS | _OTHERS]:
        raise DataError(f"{path}: {name} is stored with {unknown[0]}, which is not read; write it with zstd or blosc")
    if len(shape) == 1 and shape[0] > MAX_ENTRIES:
        raise DataError(
            f"{path}: {name} declares {shape[0]} entries, more than the {MAX_ENTRIES} that are read; cut it"
        )
    check_chunk(path, name, chunk, dtype.itemsize)
    compressors = [codec.removeprefix("numcodecs.") for codec in codecs if codec in _COMPRESSORS]
    if len(compressors) > 1:
        raise DataError(f"{path}: {name} is compressed twice ({', '.join(compressors)}); write it with one of them")
    # A filter may keep numbers wider than the array's own.
    return StoredArray(math.prod(chunk) * max(dtype.itemsize, 8), compressors[0] if compressors else "", shards)
