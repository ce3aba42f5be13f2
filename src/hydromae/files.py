"""Writing so that nothing partial is left behind: to a temporary name beside the target, then rename."""

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hydromae.errors import DataError

_REFUSALS = {
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST", "ENOENT", "ENAMETOOLONG")
    if hasattr(errno, name)
}


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into an error that names the target, not the temporary name beside it."""
    try:
        yield
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        raise DataError(f"{path}: cannot be written ({error.strerror}); give another path, or make room") from error


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path; on success flush it to disk and rename it to `path`, on failure delete it.

    Raises DataError where the disk refuses, before any work if the path can never be written.

    The suffix of `path` is kept out of the temporary name, so writers that choose a format by suffix must be told.
    """
    path = Path(path)
    if path.is_dir():
        raise DataError(f"{path}: is a folder; give the path of a file")
    temporary = _temporary(path)
    try:
        with writable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
    finally:
        with suppress(OSError):  # on a read-only disk: what refused is told by then
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Yield a temporary directory; on success rename it to `path` (which must not exist), on failure delete it."""
    path = Path(path)
    temporary = _temporary(path)
    try:
        with writable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.mkdir()
            yield temporary
        os.rename(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sync_directory(path: Path, deep: bool = True) -> None:
    """Have the disk hold a directory, and with `deep` every file in it, before a name is given that promises so."""
    paths = [path, *path.rglob("*")] if deep else [path]
    for one in paths:
        try:
            descriptor = os.open(one, os.O_RDONLY)
        except PermissionError:  # a directory on Windows, where only files are flushed
            continue
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sha256(path: Path) -> str:
    """Hex digest of a file's content, read in pieces."""
    with Path(path).open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
