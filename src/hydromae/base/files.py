"""Writing so that nothing partial is left behind: to a temporary name beside the target, which is then renamed."""

import hashlib
import os
import shutil
import stat
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from hydromae.base.errors import DataError
from hydromae.base.leftovers import clean, exchange
from hydromae.base.locks import among_writers, locked
from hydromae.base.writing_errors import writable


def absolute(path: str | Path) -> Path:
    """The path from the root: the name of a link is kept, `.` and `..` are resolved."""
    given = Path(path)
    return given.resolve() if ".." in given.parts else given.absolute()


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")


@contextmanager
def _place_for(path: Path, on_wait: Callable[[], None] | None) -> Iterator[Path]:
    """Yield a temporary name beside `path`; what killed processes left there is removed.

    With `on_wait` no other process writes there meanwhile; see `hydromae.base.locks.locked`.
    """
    if on_wait is None:
        with among_writers(path, when_alone=clean):
            yield _temporary(path)
        return
    with locked(path, on_wait) as held:
        if held:
            clean(path)
        yield _temporary(path)


@contextmanager
def atomic_path(path: Path, on_wait: Callable[[], None] | None = None) -> Iterator[Path]:
    """Yield a temporary path; on success flush it to disk and rename it to `path`, on failure delete it.

    What killed processes left beside `path` is removed. Of several processes that write the same file the last one to
    end wins; with `on_wait` they write one after the other, and it is called by one that has to wait, or it raises.

    Raises DataError where the file cannot be written, before any work if the path can never be written. Permissions are
    those of any new file, as the umask has them.

    The temporary name does not end in the suffix of `path`, so writers that choose a format by suffix must be given it.
    """
    path = Path(path)
    with writable(path):
        if path.is_dir():
            raise DataError(f"{path}: is a folder; give the path of a file")
    with _place_for(path, on_wait) as temporary:
        try:
            with writable(path):
                # A file made here has the permissions that the user's umask and the folder give to new ones.
                temporary.touch(exist_ok=False)
                mode = stat.S_IMODE(temporary.stat().st_mode)
                temporary.unlink()
                yield temporary
            _permit(temporary, mode)
            with writable(path):
                with temporary.open("rb+") as written:
                    os.fsync(written.fileno())
                os.replace(temporary, path)
        finally:
            with suppress(OSError):  # on a read-only disk, where an error was raised before
                temporary.unlink(missing_ok=True)


def _permit(path: Path, mode: int) -> None:
    """Give a file its permissions, which some libraries keep to its owner whatever the umask says."""
    if stat.S_IMODE(path.stat().st_mode) != mode:
        with suppress(OSError):  # a file system that has no permissions
            path.chmod(mode)


@contextmanager
def atomic_directory(path: Path, replace: bool = False, on_wait: Callable[[], None] | None = None) -> Iterator[Path]:
    """Yield a temporary directory; on success rename it to `path`, on failure delete it.

    Args:
        path: must not exist, unless `replace` has what is there give way in one step.
        replace: put it in the place of what is there.
        on_wait: as of `atomic_path`.
    """
    path = Path(path)
    with _place_for(path, on_wait) as temporary:
        try:
            with writable(path):
                temporary.mkdir()
                yield temporary
                if replace and path.exists():
                    exchange(temporary, path)
                else:
                    os.rename(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def sync_directory(path: Path, deep: bool = True) -> None:
    """Flush a directory to disk, and with `deep` every file in it, before it is given its final name."""
    paths = [path, *path.rglob("*")] if deep else [path]
    for entry in paths:
        try:
            descriptor = os.open(entry, os.O_RDONLY)
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


class _Writer:
    """A file that numpy does not know for one: to real files it writes past Python, and then cannot say what failed."""

    def __init__(self, write: Callable[[bytes], int]) -> None:
        self.write = write


def write_array(path: Path, array: np.ndarray) -> None:
    """Write .npy as `np.save` does, with errors of the disk that say what they are."""
    with path.open("wb") as file:
        np.save(_Writer(file.write), array)


def sha256(path: Path) -> str:
    """Hex digest of a file's content, read in pieces."""
    with Path(path).open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
