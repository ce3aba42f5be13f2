"""Opening Zarr stores of others: no codec may run code, and no chunk may unpack to more than is declared."""

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import numpy as np
import xarray as xr
import zarr
from zarr.abc.store import ByteRequest, RangeByteRequest, Store, SuffixByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import WrapperStore

from hydromae.base.addresses import AddressPath
from hydromae.base.errors import DataError
from hydromae.readers.answer_size import at_most
from hydromae.readers.fill_values import masked
from hydromae.readers.guard import reading
from hydromae.readers.remote import is_http
from hydromae.readers.zarr_chunks import sound_blosc, unpacks_to_more
from hydromae.readers.zarr_metadata import METADATA, Shards, StoredArray, stored_arrays
from hydromae.readers.zarr_places import store_at, zarr_documents, zarr_format

__all__ = ["open_zarr_store", "zarr_format"]

_SLACK = 4096  # bytes of headers around a chunk
_ABSENT = 2**64 - 1  # the place in a shard of a chunk that is not there


def open_zarr_store(path: Path, texts: bool = False) -> xr.Dataset:
    """The arrays of numbers at the root of a Zarr group, times undecoded; values are read when they are asked for.

    Args:
        path: a folder, a zip file, an icechunk repository, or the address of one of them.
        texts: arrays of texts of any length are opened, too, as those of station ids.

    Raises:
        DataError: it is damaged or no Zarr; an array of numbers is compressed by an unknown codec, or
            declares chunks or coordinates larger than any real one.
    """
    with reading(path, "is no Zarr group that can be read", "write it again"):
        documents = zarr_documents(path)
        arrays = stored_arrays(path, documents, texts)
        return _open_masked(_Bounded(store_at(path), path, arrays, documents), zarr_format(path))


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


class _Bounded(WrapperStore[Store]):
    """Hands on the metadata that were checked, and only chunks of the arrays that unpack to what these declare."""

    def __init__(
        self, store: Store, path: Path, arrays: Mapping[str, StoredArray], documents: Mapping[str, bytes]
    ) -> None:
        super().__init__(store)
        self.path, self.arrays, self.documents = path, arrays, documents

    def _with_store(self, store: Store) -> "_Bounded":
        return _Bounded(store, self.path, self.arrays, self.documents)

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """The names of the arrays at the root, and nothing below them."""
        if not prefix.strip("/"):
            for name in self.arrays:
                yield name

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """The bytes of a key, as the store has them."""
        name, _, last = key.rpartition("/")
        if last in METADATA:
            known = not name or name in self.arrays
            return prototype.buffer.from_bytes(self.documents[key]) if known and key in self.documents else None
        array = self.arrays.get(key.split("/")[0])
        buffer = None if array is None else await self._get(key, prototype, byte_range, array)
        if buffer is None or array is None or not array.compressor:
            return buffer
        packed = buffer.to_bytes()
        chunks: Iterator[bytes] = iter((packed,))
        if array.shards is not None:
            places = await self._places(key, prototype, array.shards)
            chunks = _within(packed, places, array.shards, byte_range)
        for chunk in chunks:
            if unpacks_to_more(chunk, array.compressor, array.chunk_bytes + _SLACK):
                raise DataError(f"{self.path}: {key} unpacks to more than a chunk of its array; copy the store again")
            if array.compressor == "blosc" and not sound_blosc(chunk):
                raise DataError(f"{self.path}: {key} is damaged; copy the store again")
        return buffer

    async def _get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None, array: StoredArray
    ) -> Buffer | None:
        """The bytes of a chunk or shard, or of a part; at an address no more than there can be."""
        if not isinstance(self.path, AddressPath):
            return await self._store.get(key, prototype, byte_range)
        most = _most(byte_range, array)
        if byte_range is None and not is_http(self.path):  # whose answers are bounded without asking for a range
            byte_range = RangeByteRequest(0, most + 1)
        with at_most(most):
            buffer = await self._store.get(key, prototype, byte_range)
        if buffer is not None and len(buffer) > most:
            raise DataError(f"{self.path}: {key} has more bytes than a chunk of its array can have; write it again")
        return buffer

    async def _places(self, key: str, prototype: BufferPrototype, shards: Shards) -> np.ndarray:
        """First byte and length of each chunk in a shard, uint64 [chunk, 2], without those that are not there."""
        size = shards.index_bytes
        at = SuffixByteRequest(size) if shards.at_end else RangeByteRequest(0, size)
        index = await self._store.get(key, prototype, at)
        packed = b"" if index is None else index.to_bytes()
        if len(packed) != size:
            raise DataError(f"{self.path}: {key} is cut short; copy the store again")
        places = np.frombuffer(packed[:-4], "<u8").reshape(-1, 2)
        return places[(places != _ABSENT).any(axis=1)]


def _most(byte_range: ByteRequest | None, array: StoredArray) -> int:
    """The most bytes that a chunk, a shard or a part of one can have; what cannot be packed grows by a little."""
    if isinstance(byte_range, RangeByteRequest):
        return byte_range.end - byte_range.start
    if isinstance(byte_range, SuffixByteRequest):
        return byte_range.suffix
    chunk = array.chunk_bytes + array.chunk_bytes // 8 + _SLACK
    return chunk if array.shards is None else array.shards.chunks * chunk + array.shards.index_bytes


def _within(packed: bytes, places: np.ndarray, shards: Shards, byte_range: ByteRequest | None) -> Iterator[bytes]:
    """The chunks of a shard that a request holds; none where it is for their places."""
    if isinstance(byte_range, SuffixByteRequest) and shards.at_end:
        return
    begin = byte_range.start if isinstance(byte_range, RangeByteRequest) else 0
    for first, length in places.tolist():
        if begin <= first and first + length <= begin + len(packed):
            yield packed[first - begin : first - begin + length]
