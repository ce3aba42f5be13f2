"""One copy of a store's values in shared memory, for every process of a user that trains on it.

Where the store lies on a local disk and fits in memory, the page cache already holds its maps once for all processes;
the copy is for network file systems, and for machines on which other files push the maps out of the page cache.

`/dev/shm/hydromae-<user id>/<fingerprint>/<name>.npy`. Each process that reads it holds a shared lock (flock) on its
folder; the last to leave, the only one that can get an exclusive lock, deletes it. The kernel drops the locks of a
process however it ends, so what killed processes left is unlocked, and deleted by the next one that comes. Whoever
copies or deletes holds the lock of the user's folder meanwhile.
"""

import atexit
import logging
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Literal

from hydromae.base.errors import DataError
from hydromae.store.store import Store

if sys.platform != "win32":
    import fcntl

logger = logging.getLogger(__name__)

SHARED_MEMORY = Path("/dev/shm")
LARGEST_SHARE = 0.5  # of what is free, that a copy may take
WAIT_SECONDS = 900.0  # for another process that is copying
WAIT_TO_LEAVE_SECONDS = 10.0
_CGROUPS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
)


class SharedValues:
    """A store whose values are read from shared memory where they fit, else from the store itself.

    Every block is compared with its hash as it is copied. Nothing else that goes wrong with the copy is an error: the
    store can always be read as it is. Use as a context manager, or call `close`; it is closed when the process ends.

    Args:
        store: the data.
        cache: auto, or none to read the store as it is.
        shared_memory: a folder in memory that all processes see; None takes the system's.

    Attributes:
        store: to be read from.
        note: how it is read, and why; None where no copy was asked for.

    Raises:
        DataError: a block differs from when the store was written; the message names the file and the days.
    """

    def __init__(self, store: Store, cache: Literal["auto", "none"], shared_memory: Path | None = None) -> None:
        shared_memory = shared_memory or SHARED_MEMORY
        self.store, self.note = store, None
        self._original, self._lock, self._process = store, -1, os.getpid()
        self._root = shared_memory / f"hydromae-{os.getuid()}" if hasattr(os, "getuid") else shared_memory
        if cache == "none":
            return
        why_not = _useless(store, shared_memory)
        if why_not is None:
            try:
                why_not = self._join()
            except OSError as error:
                why_not = f"the copy in {shared_memory} failed ({error})"
                logger.warning("data.cache: %s; the store is read as it is", why_not)
        self.note = f"values are read from {self._folder}" if why_not is None else f"values are not copied: {why_not}"

    def close(self) -> None:
        """Leave the copy, and delete it if no other process reads it; maps that are open stay readable."""
        self.store = self._original
        if self._lock < 0 or self._process != os.getpid():  # a forked child must not drop the lock of its parent
            return
        atexit.unregister(self.close)
        lock, self._lock = self._lock, -1
        try:
            # What cannot be deleted now is deleted by the next process that comes.
            with suppress(OSError), _holding(self._root, WAIT_TO_LEAVE_SECONDS):
                _delete_unused(self._folder, lock)
        finally:
            os.close(lock)

    def __enter__(self) -> "SharedValues":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _folder(self) -> Path:
        return self._root / self._original.fingerprint

    def _join(self) -> str | None:
        """Copy the values unless another process has, and lock them against deletion; else say why they do not fit."""
        with _holding(self._root, WAIT_SECONDS):
            for left in self._root.iterdir():
                if left != self._folder or not _is_whole(self._original, left):
                    _delete_unused(left)
            if not self._folder.is_dir():
                size, free = _size(self._original), _free(self._root)
                if size > LARGEST_SHARE * free:
                    return (
                        f"they are {size / 2**30:.2f} GiB, more than half of the {free / 2**30:.2f} GiB that are free"
                    )
                self._copy()
            lock = os.open(self._folder, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_SH)
        self._lock = lock
        atexit.register(self.close)
        self.store = self._original.with_values_at(self._folder)
        return None

    def _copy(self) -> None:
        partial = self._folder.with_suffix(".partial")
        partial.mkdir(mode=0o700)
        try:
            for name in self._original.names:
                with (partial / f"{name}.npy").open("wb") as copy:
                    copy.writelines(self._original.verified_pieces(name))
            partial.rename(self._folder)
        except DataError as error:
            shutil.rmtree(partial, ignore_errors=True)
            if self._original.replaced:
                raise OSError("the store was replaced since it was opened") from error
            raise
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


def _useless(store: Store, shared_memory: Path) -> str | None:
    """Why a copy would be of no use or is not possible here."""
    if sys.platform == "win32" or not shared_memory.is_dir():
        return f"there is no {shared_memory}"
    if _file_system(store.path) in ("tmpfs", "ramfs"):
        return "the store already lies in memory"
    return None


@contextmanager
def _holding(root: Path, seconds: float) -> Iterator[None]:
    """The exclusive lock of the user's folder, which is made if need be, and deleted if it is empty afterwards.

    Raises:
        OSError: it is not to be had in time, or the folder is another user's.
    """
    end = time.monotonic() + seconds
    while (lock := _try_lock(root)) is None:
        if time.monotonic() > end:
            raise TimeoutError(f"{root} is locked by another process")
        time.sleep(0.05)
    try:
        yield
    finally:
        with suppress(OSError):  # it is not empty
            root.rmdir()
        os.close(lock)


def _try_lock(root: Path) -> int | None:
    root.mkdir(mode=0o700, exist_ok=True)
    # A folder that another user has put there could be changed under our hands.
    if root.is_symlink() or root.stat().st_uid != os.getuid():
        raise PermissionError(f"{root} belongs to another user")
    lock = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Another process may have deleted the folder between the opening and the lock.
        if os.path.samestat(os.fstat(lock), root.stat()):
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(lock)
    return None


def _delete_unused(folder: Path, lock: int | None = None) -> None:
    """Delete a copy, or what is left of one, unless a process reads it; the lock of the folder above is held."""
    own = os.open(folder, os.O_RDONLY) if lock is None else lock
    try:
        fcntl.flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    except BlockingIOError:
        return
    finally:
        if lock is None:
            os.close(own)


def _files(store: Store) -> dict[str, Path]:
    return {name: store.path / "values" / f"{name}.npy" for name in store.names}


def _size(store: Store) -> int:
    return sum(path.stat().st_size for path in _files(store).values())


def _is_whole(store: Store, folder: Path) -> bool:
    """Whether every file of the copy is there in its full size."""
    copies = {folder / f"{name}.npy": source for name, source in _files(store).items()}
    return all(copy.is_file() and copy.stat().st_size == source.stat().st_size for copy, source in copies.items())


def _free(shared_memory: Path) -> int:
    """Bytes that may still be taken: of the folder, of the machine, and of the container the process runs in."""
    free = [shutil.disk_usage(shared_memory).free]
    with suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free.append(int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1]) * 1024)
    for limit, used in _CGROUPS:
        with suppress(OSError, ValueError):  # no such group, or "max"
            free.append(int(limit.read_text(encoding="ascii")) - int(used.read_text(encoding="ascii")))
    return max(min(free), 0)


def _file_system(path: Path) -> str:
    """Type of the file system that a path lies on, empty where that is not known."""
    with suppress(OSError):
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
        path = path.resolve()
        above = [(len(point), kind) for point, kind in mounts if path.is_relative_to(point)]
        return max(above)[1] if above else ""
    return ""
