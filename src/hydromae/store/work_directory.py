"""The directory in which a store is made: it outlives an interruption, and only one process at a time has it."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hydromae.base.files import sync_directory, writable
from hydromae.store.provenance import exchange, restore


@contextmanager
def work_directory(path: Path, key: str) -> Iterator[Path]:
    """Yield a directory in which to make what is to become `path`, and put it in that place on success.

    An interruption of the process, by Ctrl-C, a signal or a power cut, leaves the directory, and the next caller with
    the same key is given it with all it holds; `journal` in it is removed at the end. An error removes the directory,
    and success removes those of other keys. What `path` held before stays until then, and is replaced in one step. Call
    it under `locked`.

    Args:
        path: what is made; nothing, or a directory.
        key: 12 hexadecimal digits of what it is made from.

    Raises:
        DataError: the disk refuses to be written to.
    """
    work = _sibling(path, f"{key}.unfinished")
    try:
        with writable(path):
            restore(path)
            work.mkdir(exist_ok=True)
            yield work
            sync_directory(work)
            shutil.rmtree(work / "journal", ignore_errors=True)
            if path.exists():
                exchange(work, path)
            else:
                work.rename(path)
            sync_directory(path.parent, deep=False)
    except Exception:
        shutil.rmtree(work, ignore_errors=True)
        raise
    ours = re.compile(re.escape(f".{path.name}.") + r"[0-9a-f]{12}\.unfinished")
    for other in path.parent.iterdir():
        if ours.fullmatch(other.name):
            shutil.rmtree(other, ignore_errors=True)


@contextmanager
def locked(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the right to make the store at `path`, waiting while another process holds it; it ends with the process.

    Where the system or the file system knows no locks, nothing is held.

    Raises:
        DataError: the folder of `path` cannot be written to.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    lock = _sibling(path, "lock")
    with writable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with writable(path):
            file = lock.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            break
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), lock.stat()):
                break
        file.close()  # the process that held the lock has removed it
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        file.close()


def _sibling(path: Path, ending: str) -> Path:
    return path.with_name(f".{path.name}.{ending}")
