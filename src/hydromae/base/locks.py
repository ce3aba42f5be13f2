"""Locks beside what is written: they tell live writers from killed ones, since they end with their process."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hydromae.base.errors import DataError
from hydromae.base.writing_errors import writable

try:
    import fcntl
except ImportError:  # Windows, where nothing is ever held
    fcntl = None  # type: ignore[assignment]


@contextmanager
def locked(path: Path, on_wait: Callable[[], None], ending: str = "lock") -> Iterator[bool]:
    """Hold the right to write `path`, waiting while another process writes there; yields whether it is held.

    Where the system or the file system knows no locks, nothing is held. The lock is an empty hidden file beside `path`.

    Args:
        path: a file or a directory, which need not exist.
        on_wait: called before waiting; it may raise instead.
        ending: of the name of the lock, where work on a path needs one of its own beside that of writing it.

    Raises:
        DataError: the folder of `path` cannot be written to, or something else has the name of the lock.
    """
    with _held(path, on_wait, ending) as (_, held):
        yield held


def refusing(path: Path) -> Callable[[], None]:
    """An `on_wait` that raises DataError in place of waiting."""

    def refuse() -> None:
        raise DataError(f"{path}: is being written by another process; wait for its end, or give another path")

    return refuse


@contextmanager
def among_writers(path: Path, when_alone: Callable[[Path], None]) -> Iterator[None]:
    """Be one of the writers of `path`, who do not wait for each other; arguments and errors as of `locked`.

    Args:
        path: a file or a directory, which need not exist.
        when_alone: called with `path` where no other process is writing there.
    """
    with _held(path, None, "lock") as (descriptor, alone):
        if alone:
            when_alone(path)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield


@contextmanager
def _held(path: Path, on_wait: Callable[[], None] | None, ending: str) -> Iterator[tuple[int, bool]]:
    """The open file of a lock, and whether no other process has it; without `on_wait` others may have it too."""
    lock = path.with_name(f".{path.name}.{ending}")
    with writable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    if fcntl is None:
        yield -1, False
        return
    with writable(path):
        descriptor, alone = _take(lock, on_wait)
    try:
        yield descriptor, alone
    finally:
        if _is_last(descriptor):
            with suppress(OSError):
                lock.unlink(missing_ok=True)
        with suppress(OSError):  # the work is done
            os.close(descriptor)


def _is_last(descriptor: int) -> bool:
    """Whether no other process has the lock, so that its file can be removed."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no locks here
        pass
    return True


def _take(lock: Path, on_wait: Callable[[], None] | None) -> tuple[int, bool]:
    while True:
        descriptor = _opened(lock)
        try:
            alone = True
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if on_wait is None:
                    alone = False
                else:
                    on_wait()
                fcntl.flock(descriptor, fcntl.LOCK_SH if on_wait is None else fcntl.LOCK_EX)
            except OSError:
                return descriptor, False
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), lock.lstat()):
                    return descriptor, alone
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # the process that held the lock has removed it


def _opened(lock: Path) -> int:
    """Open the file of a lock, without following a link and without changing what is there."""
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise
        raise DataError(_in_the_way(lock)) from None
    there = os.fstat(descriptor)
    if stat.S_ISREG(there.st_mode) and there.st_size == 0:
        return descriptor
    os.close(descriptor)
    raise DataError(_in_the_way(lock))


def _in_the_way(lock: Path) -> str:
    return f"{lock}: is where hydromae puts a lock, an empty file, but is something else; move it away"
