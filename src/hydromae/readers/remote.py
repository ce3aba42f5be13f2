"""Files and Zarr groups at addresses, through fsspec: groups are read where they lie, single files are copied once.

A copy lies in the folder of caches under a name that changes when the file does, so the readers and their guards work
on it as on any other file.
"""

import glob
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from zarr.abc.store import Store
from zarr.storage import FsspecStore

from hydromae.base.addresses import AddressPath
from hydromae.base.errors import ConfigError, DataError
from hydromae.base.files import atomic_path
from hydromae.readers.answer_size import at_most
from hydromae.readers.guard import reason_of

_BLOCK: Final = 2**22  # bytes that are copied at once
_SPARE: Final = 2**30  # bytes that a copy leaves free on the disk
_ABSENT = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
# What tells one state of a file from another, as file systems of fsspec name it.
_STATE = ("ETag", "etag", "LastModified", "last_modified", "mtime", "updated", "md5Hash", "CRC", "size")


@contextmanager
def reaching(path: AddressPath) -> Iterator[None]:
    """Turn whatever a file system raises into a DataError that names the address; FileNotFoundError and such stay."""
    try:
        yield
    except (DataError, ConfigError):
        raise
    except _ABSENT as error:
        if not isinstance(error.__cause__, OSError) or isinstance(error.__cause__, _ABSENT):
            raise
        # HTTP calls a file absent, too, where there is no server.
        raise _unreached(path, error.__cause__) from error
    except ImportError as error:
        raise DataError(
            f"{path}: a package for such addresses is not installed ({reason_of(error)}); "
            f"run `pip install 'hydromae[cloud]'`"
        ) from None
    except Exception as error:
        raise _unreached(path, error) from error


def _unreached(path: AddressPath, error: Exception) -> DataError:
    return DataError(
        f"{path}: cannot be reached ({reason_of(error)}); check the address, the connection and the credentials"
    )


def filesystem(path: AddressPath) -> tuple[Any, str]:
    """The file system of fsspec, and what the address is called on it."""
    import fsspec

    with reaching(path):
        # Listings are not kept: files come and go while a process runs.
        system, inside = fsspec.url_to_fs(_within_copy(path), use_listings_cache=False, **_options(path))
        return system, inside.rstrip("/")


def _within_copy(path: AddressPath) -> str:
    """The address; of a part of a file, as zip://rain.nc::https://host/a.zip, that of the part in its copy."""
    part, chained, whole = str(path).partition("::")
    return f"{part}::file://{local_copy(AddressPath(whole))}" if chained else part


def address_store(path: AddressPath) -> Store:
    """The store of a Zarr group at an address, which only reads."""
    with reaching(path):
        return FsspecStore.from_url(_within_copy(path), read_only=True, storage_options=_options(path))


def is_http(path: Path) -> bool:
    """Whether a path is an address of HTTP, and no part of a file at one."""
    return isinstance(path, AddressPath) and path.parts[0] in ("http:", "https:")


def _options(path: AddressPath) -> dict[str, Any]:
    if not is_http(path):
        return {}
    from hydromae.readers.http_answers import http_options

    return http_options()


def content_at(path: AddressPath, name: str, most: int) -> bytes | None:
    """The bytes of a small file below an address; None where there is none, DataError where it has more than `most`.

    The same object `path` is asked no second time.
    """
    if name not in path.held:
        path.held[name] = _content_at(path, name, most)
    return path.held[name]


def _content_at(path: AddressPath, name: str, most: int) -> bytes | None:
    system, inside = filesystem(path)
    try:
        with reaching(path), at_most(most):
            content: bytes = system.cat_file(f"{inside}/{name}", start=0, end=most + 1)
    except _ABSENT:
        return None
    if len(content) > most:
        raise DataError(f"{path}: {name} is larger than {most} bytes")
    return content


def names_below(path: AddressPath) -> list[str]:
    """The names right below an address that can be listed."""
    system, inside = filesystem(path)
    with reaching(path):
        listed = system.ls(inside, detail=False)
    return sorted({str(name).rstrip("/").rpartition("/")[2] for name in listed} - {""})


def bytes_below(path: AddressPath) -> int | None:
    """The bytes of all files below an address; None where it cannot be listed."""
    system, inside = filesystem(path)
    if is_http(path):
        return None
    with reaching(path):
        return int(system.du(inside))


def expand_address(path: AddressPath) -> list[AddressPath]:
    """An address with a pattern (*, [...]) replaced by its matches, sorted.

    Raises:
        DataError: nothing matches, or the address cannot be reached.
    """
    text = str(path)
    if "*" not in text and not ("[" in text and glob.has_magic(text) and not text.startswith("http")):
        return [path]
    system, inside = filesystem(path)
    with reaching(path):
        matches = sorted(system.glob(inside))
    if not matches:
        raise DataError(f"{path}: no file matches this pattern; correct it, or name the files one by one")
    first, chained, rest = text.partition("::")
    scheme = first.partition("://")[0]
    if chained:
        return [AddressPath(f"{scheme}://{name}::{rest}") for name in matches]
    return [AddressPath(system.unstrip_protocol(name)) for name in matches]


def local_copy(path: AddressPath) -> Path:
    """The copy of a file at an address, made unless the file as it is now was copied before.

    Raises:
        DataError: there is no such file, it cannot be reached, or the disk has no room for it.
    """
    system, inside = filesystem(path)
    try:
        with reaching(path):
            state = system.info(inside)
        if state.get("type") == "directory":
            raise IsADirectoryError(inside)
    except _ABSENT:
        raise DataError(
            f"{path}: is no file and no Zarr group that can be read; correct the address, or name the files of a "
            f"folder by a pattern, as s3://bucket/rain/*.nc"
        ) from None
    known = {key: str(state[key]) for key in _STATE if state.get(key) is not None}
    size = int(state.get("size") or 0)
    if set(known) <= {"size"}:
        return _copied_now(path, size)  # nothing says whether it has changed
    named = hashlib.sha256(f"{path} {sorted(known.items())}".encode()).hexdigest()[:16]
    return _copy(path, _cache() / named / _name_of(inside), size)


@lru_cache(maxsize=4096)
def _copied_now(path: AddressPath, size: int) -> Path:
    """A copy that is made anew by every process."""
    named = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    target = _cache() / named / _name_of(filesystem(path)[1])
    target.unlink(missing_ok=True)
    return _copy(path, target, size)


def _copy(path: AddressPath, target: Path, announced: int) -> Path:
    if target.is_file():
        return target
    system, inside = filesystem(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    room, size = shutil.disk_usage(target.parent).free - _SPARE, 0
    full = DataError(
        f"{path}: has more bytes than {target.parent} has room for ({max(room, 0) / 2**30:.1f} GiB and one to spare); "
        f"make room there, or set HYDROMAE_CACHE to a folder on a larger disk"
    )
    if announced > room:
        raise full
    streamed = {"block_size": 0} if is_http(path) else {}  # without asking for ranges, which not all servers give
    with (
        atomic_path(target) as temporary,
        temporary.open("wb") as copy,
        reaching(path),
        system.open(inside, **streamed) as content,
    ):
        while block := content.read(_BLOCK):
            size += len(block)
            if size > room:
                raise full
            copy.write(block)
    return target


def _cache() -> Path:
    """The folder of copies: HYDROMAE_CACHE, or that of the user's caches."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("HYDROMAE_CACHE") or Path(base) / "hydromae")


def _name_of(inside: str) -> str:
    return inside.rpartition("/")[2].partition("?")[0] or "file"
