"""Opening Zarr stores of others: no codec may run code, and no chunk may unpack to more than is declared."""

import json
import math
import zipfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xarray as xr
import zarr
from zarr.abc.store import ByteRequest, Store
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import LocalStore, WrapperStore, ZipStore

from hydromae.base.errors import DataError
from hydromae.readers.fill_values import masked
from hydromae.readers.guard import MAX_AXIS, MAX_CHUNK, check_chunk, inflates_beyond, reading

_METADATA = ("zarr.json", ".zarray", ".zgroup", ".zattrs")
_MAX_METADATA = 2**24  # bytes of one description
# The compressors whose size can be checked before anything is unpacked; others, as pickle, may run code.
_COMPRESSORS = {"blosc", "zstd", "gzip", "zlib", "lz4", "numcodecs.zlib", "numcodecs.lz4"}
_TEXTS = "vlen-utf8"
_OTHERS = {_TEXTS, "bytes", "transpose", "crc32c", "shuffle", "delta", "fixedscaleoffset", "quantize", "bitround"}
_KINDS = "iufbSU"
_LONGEST = 256  # letters of a text of any length, on average over a chunk
_SLACK = 4096  # bytes of headers around a chunk


@dataclass(frozen=True)
class _Array:
    """What the metadata of one array declare: the most bytes a chunk unpacks to, and its compressor or ""."""

    chunk_bytes: int
    compressor: str


def zarr_format(path: Path) -> int:
    """2 or 3 where a folder or zip file is a Zarr group, 0 where it is something else."""
    try:
        names = _top_names(path)
    except (DataError, OSError):
        return 0
    return 3 if "zarr.json" in names else 2 if ".zgroup" in names else 0


def open_zarr_store(path: Path, texts: bool = False) -> xr.Dataset:
    """The arrays of numbers at the root of a Zarr group, times undecoded; values are read when they are asked for.

    Args:
        path: a folder or a zip file.
        texts: arrays of texts of any length are opened, too, as those of station ids.

    Raises:
        DataError: it is damaged or no Zarr; an array of numbers is compressed by an unknown codec, or
            declares chunks or coordinates larger than any real one.
    """
    with reading(path, "is no Zarr group that can be read", "write it again"):
        arrays, hidden = _arrays(path, texts)
        store: Store = ZipStore(path, mode="r") if path.is_file() else LocalStore(path, read_only=True)
        return _open_masked(_Bounded(store, path, arrays, hidden), zarr_format(path))


def _open_masked(store: Store, version: int) -> xr.Dataset:
    """The arrays at the root of a Zarr group of version 2 or 3, times undecoded, codes for missing values as NaN."""
    raw = xr.open_zarr(
        store, chunks=None, consolidated=False, mask_and_scale=False, decode_times=False, decode_timedelta=False
    )
    filled = {}
    if version == 2:
        # xarray puts the fill value of chunks into the attribute `_FillValue`, in place of the one in the file.
        group = zarr.open_group(store, mode="r", use_consolidated=False)
        for name, variable in raw.variables.items():
            array = group[str(name)]
            assert isinstance(array, zarr.Array)
            filled[name] = array.fill_value
            variable.attrs.pop("_FillValue", None)
            if "_FillValue" in array.attrs:
                variable.attrs["_FillValue"] = array.attrs["_FillValue"]
    return masked(raw, filled)


def _top_names(path: Path) -> set[str]:
    if path.is_dir():
        return {name for name in _METADATA if (path / name).is_file()}
    if path.is_file() and path.suffix == ".zip":
        with reading(path), zipfile.ZipFile(path) as content:
            return set(_METADATA) & set(content.namelist())
    return set()


def _arrays(path: Path, texts: bool) -> tuple[dict[str, _Array], set[str]]:
    """The arrays of numbers and short texts by name, and the names of the others, which are never read."""
    arrays, others = {}, set()
    for name, text in _descriptions(path).items():
        metadata = json.loads(text)
        if metadata.get("node_type", "array") != "array":
            continue
        read = _array_v3 if metadata.get("zarr_format") == 3 else _array_v2
        array = read(path, name, metadata, texts)
        if array is None:
            others.add(name)
            continue
        arrays[name] = array
    return arrays, others


def _descriptions(path: Path) -> dict[str, str]:
    """Array name -> its metadata, of the arrays at the root."""
    files = ("zarr.json", ".zarray")
    if path.is_dir():
        paths = {file.parent.name: file for name in files for file in path.glob(f"*/{name}")}
        sizes = {name: file.stat().st_size for name, file in paths.items()}
    else:
        content = zipfile.ZipFile(path)
        entries = {tuple(entry.filename.split("/")): entry for entry in content.infolist()}
        if any(entry.file_size > MAX_CHUNK for entry in entries.values()):
            raise DataError(f"{path}: an entry unpacks to more than {MAX_CHUNK} bytes; write it with smaller chunks")
        zipped = {parts[0]: entry for parts, entry in entries.items() if len(parts) == 2 and parts[1] in files}
        sizes = {name: entry.file_size for name, entry in zipped.items()}
    if too_large := [name for name, size in sizes.items() if size > _MAX_METADATA]:
        raise DataError(f"{path}: the metadata of {too_large[0]} are larger than {_MAX_METADATA} bytes")
    if path.is_dir():
        return {name: file.read_text(encoding="utf-8") for name, file in paths.items()}
    with content:
        return {name: content.read(entry).decode() for name, entry in zipped.items()}


def _array_v2(path: Path, name: str, metadata: Mapping[str, Any], texts: bool) -> _Array | None:
    codecs = [codec["id"] for codec in (*(metadata.get("filters") or ()), metadata.get("compressor")) if codec]
    dtype = _dtype(metadata["dtype"], texts and _TEXTS in codecs)
    return None if dtype is None else _checked(path, name, metadata["shape"], metadata["chunks"], dtype, codecs)


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


def _array_v3(path: Path, name: str, metadata: Mapping[str, Any], texts: bool) -> _Array | None:
    codecs = [codec["name"] if isinstance(codec, dict) else codec for codec in metadata["codecs"]]
    dtype = _dtype(metadata["data_type"], texts and _TEXTS in codecs)
    if dtype is None:
        return None
    if "sharding_indexed" in codecs:
        raise DataError(f"{path}: {name} is stored in shards, which are not read; write it in chunks without shards")
    return _checked(
        path, name, metadata["shape"], metadata["chunk_grid"]["configuration"]["chunk_shape"], dtype, codecs
    )


def _checked(
    path: Path, name: str, shape: list[int], chunk: list[int], dtype: np.dtype[Any], codecs: list[str]
) -> _Array:
    sizes = [*shape, *chunk]
    if len(shape) != len(chunk) or not all(isinstance(n, int) and n >= 0 for n in sizes):
        raise DataError(f"{path}: {name} has the shape {shape} in chunks {chunk}; write it again")
    if unknown := [codec for codec in codecs if codec not in _COMPRESSORS | _OTHERS]:
        raise DataError(f"{path}: {name} is stored with {unknown[0]}, which is not read; write it with zstd or blosc")
    if len(shape) == 1 and shape[0] > MAX_AXIS:
        raise DataError(f"{path}: {name} declares {shape[0]} entries, more than the {MAX_AXIS} that are read; cut it")
    check_chunk(path, name, chunk, dtype.itemsize)
    compressors = [codec.removeprefix("numcodecs.") for codec in codecs if codec in _COMPRESSORS]
    if len(compressors) > 1:
        raise DataError(f"{path}: {name} is compressed twice ({', '.join(compressors)}); write it with one of them")
    # A filter may keep numbers wider than the array's own.
    return _Array(math.prod(chunk) * max(dtype.itemsize, 8), compressors[0] if compressors else "")


class _Bounded(WrapperStore[Store]):
    """Hands on only chunks that unpack to what their array declares, and nothing of the arrays in `hidden`."""

    def __init__(self, store: Store, path: Path, arrays: Mapping[str, _Array], hidden: set[str]) -> None:
        super().__init__(store)
        self.path, self.arrays, self.hidden = path, arrays, hidden

    def _with_store(self, store: Store) -> "_Bounded":
        return _Bounded(store, self.path, self.arrays, self.hidden)

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """The names below a prefix."""
        async for name in self._store.list_dir(prefix):
            if prefix or name not in self.hidden:
                yield name

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """The bytes of a key, as the store has them."""
        name = key.split("/")[0]
        buffer = None if name in self.hidden else await self._store.get(key, prototype, byte_range)
        if buffer is None or name not in self.arrays or key.rsplit("/", 1)[-1] in _METADATA:
            return buffer
        array = self.arrays[name]
        if array.compressor and _unpacks_to_more(buffer.to_bytes(), array.compressor, array.chunk_bytes + _SLACK):
            raise DataError(f"{self.path}: {key} unpacks to more than a chunk of its array; copy the store again")
        if array.compressor == "blosc" and not _sound_blosc(buffer.to_bytes()):
            raise DataError(f"{self.path}: {key} is damaged; copy the store again")
        return buffer


def _unpacks_to_more(packed: bytes, codec: str, limit: int) -> bool:
    """Whether a packed chunk becomes more than `limit` bytes."""
    if codec == "blosc":
        return int.from_bytes(packed[4:8], "little") > limit
    if codec == "lz4":
        return int.from_bytes(packed[:4], "little") > limit
    if codec in ("gzip", "zlib"):
        return inflates_beyond(packed, limit)
    declared = _zstd_size(packed)
    return declared > limit if declared is not None else _zstd_streamed(packed, limit)


def _sound_blosc(packed: bytes) -> bool:
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
