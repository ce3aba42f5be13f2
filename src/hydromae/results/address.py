"""Zarr at an address in an object store, which has no renaming: nothing opens it before its last object is written.

The metadata are held back until all chunks are there, the root's come last, and the mark of its writer lies beside them
meanwhile. What fails is taken away; what a killed process left has its mark and no metadata, and a later export
replaces it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from zarr.abc.store import ByteRequest, Store
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.core.sync import sync
from zarr.storage import FsspecStore, WrapperStore

from hydromae.base.addresses import AddressPath, address_of
from hydromae.base.errors import DataError
from hydromae.readers.remote import content_at, filesystem, names_below, reaching
from hydromae.results.address_turns import Turn, is_mark, turn_at
from hydromae.results.target import written_by_hydromae

_ROOT = "zarr.json"
_MAX_ROOT = 2**24  # bytes


def zarr_address(path: object) -> AddressPath | None:
    """The address of a Zarr group that can be written; None for a path, and for an address of anything else."""
    address = address_of(str(path))
    writable = address.endswith(".zarr") and "::" not in address and not address.startswith(("http:", "https:"))
    return AddressPath(address) if writable else None


def check_address(path: AddressPath, overwrite: bool) -> None:
    """Refuse, before any work, an address that must not be written.

    Raises:
        DataError: it cannot be reached, or holds something that must not be replaced.
    """
    try:
        names = names_below(path)
    except FileNotFoundError:
        return
    if not names:
        return
    root = content_at(path, _ROOT, _MAX_ROOT)
    if root is None and any(map(is_mark, names)):
        return
    if root is None or not _is_ours(root):
        raise DataError(
            f"{path}: is there already and was not written by hydromae, so it is not replaced; give another address"
        )
    if not overwrite:
        raise DataError(
            f"{path}: is there already; give another address, or replace it with --overwrite (overwrite=True)"
        )


def _is_ours(root: bytes) -> bool:
    try:
        return written_by_hydromae(dict(json.loads(root)["attributes"]))
    except (ValueError, KeyError, TypeError):
        return False


@contextmanager
def zarr_at_address(path: AddressPath) -> Iterator[Store]:
    """Yield a store to write a group to; what was there is taken away first, and what was written where this fails."""
    system, inside = filesystem(path)
    with reaching(path), ExitStack() as stack:
        try:
            turn = stack.enter_context(turn_at(path, system, inside))
        except FileNotFoundError as error:
            raise DataError(f"{path}: cannot be written ({error}); correct the bucket, or make it") from None
        _clear(system, inside)
        store = _MetadataLast(FsspecStore.from_url(str(path)), turn)
        try:
            yield store
            turn.check()
            sync(store.publish())
        except BaseException:
            with suppress(Exception):  # the first error is the one to tell
                turn.check()
                _clear(system, inside)
            raise


def _clear(system: Any, inside: str) -> None:
    """Remove what lies below a prefix but marks, the metadata of the root first, so that nothing opens the rest."""
    names = sorted((str(name) for name in system.find(inside)), key=lambda name: not name.endswith(f"{inside}/{_ROOT}"))
    if names and names[0].endswith(f"{inside}/{_ROOT}"):
        system.rm_file(names.pop(0))
    if gone := [name for name in names if not is_mark(name)]:
        system.rm(gone)


class _MetadataLast(WrapperStore[Store]):
    """Hands chunks on while it is its writer's turn, and keeps metadata until `publish`."""

    def __init__(self, store: Store, turn: Turn) -> None:
        super().__init__(store)
        self.turn = turn
        self.kept: dict[str, Buffer] = {}

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """The kept metadata, or what the store has."""
        return self.kept[key] if key in self.kept else await self._store.get(key, prototype, byte_range)

    async def set(self, key: str, value: Buffer) -> None:
        """Keep metadata, hand on a chunk."""
        if key.rpartition("/")[2] == _ROOT:
            self.kept[key] = value
            return
        if not self.turn.sure:
            await asyncio.to_thread(self.turn.check)
        await self._store.set(key, value)

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        """As `set`; nothing lies below the address when writing begins."""
        if key not in self.kept:
            await self.set(key, value)

    async def exists(self, key: str) -> bool:
        """Whether it is kept or in the store."""
        return key in self.kept or await self._store.exists(key)

    async def delete_dir(self, prefix: str) -> None:
        """Nothing: the address was emptied before, but for the mark, which has to stay."""

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """The names of the arrays, and of the root's metadata."""
        for name in {key.partition("/")[0] for key in self.kept} if not prefix.strip("/") else ():
            yield name

    async def publish(self) -> None:
        """Write the metadata, those of the root last."""
        for key in sorted(self.kept, key=lambda key: key == _ROOT):
            await self._store.set(key, self.kept[key])
