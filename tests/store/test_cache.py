import multiprocessing
import os
import shutil
import signal
from collections import namedtuple
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest

from hydromae.base.errors import DataError
from hydromae.store import cache
from hydromae.store.cache import SharedValues
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from support.cache_user import lies_in, use
from support.sources import World

FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload(["hydromae.store.cache"])  # torch takes seconds to import
PATIENCE = 60  # seconds that a process of a test may take


@pytest.fixture
def store(prepared: tuple[World, Store]) -> Store:
    return Store.open(prepared[1].path)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def same_values(found: Store, expected: Store) -> bool:
    return all(np.array_equal(found.values(n), expected.values(n), equal_nan=True) for n in expected.names)


class Users:
    """Processes that read the same store through the same shared memory."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.folder = store, folder
        self.started: list[BaseProcess] = []

    def start(self, number: int) -> list[tuple[BaseProcess, Connection]]:
        """Start some at once and wait until each reads the copy."""
        users = []
        for _ in range(number):
            here, there = FORKSERVER.Pipe()
            process = FORKSERVER.Process(target=use, args=(self.store.path, self.folder, there))
            process.start()
            self.started.append(process)
            users.append((process, here))
        expected = float(np.nansum(self.store.values("precip")))
        for _, talk in users:
            assert talk.poll(PATIENCE) and talk.recv() == (True, expected)
        return users

    def leave(self, user: tuple[BaseProcess, Connection]) -> None:
        user[1].send("leave")
        assert user[1].poll(PATIENCE) and user[1].recv() == "left"
        user[0].join(PATIENCE)
        assert user[0].exitcode == 0


@pytest.fixture
def users(store: Store, tmp_path: Path) -> Iterator[Users]:
    (tmp_path / "shm").mkdir()
    made = Users(store, tmp_path / "shm")
    yield made
    for process in made.started:
        process.kill()
        process.join()


def test_two_processes_read_one_copy_that_is_gone_after_both(users: Users) -> None:
    first, second = users.start(2)
    copies = files(users.folder)
    assert sorted(path.stem for path in copies) == sorted(users.store.names)
    inodes = {path.stat().st_ino for path in copies}
    (third,) = users.start(1)
    assert {path.stat().st_ino for path in files(users.folder)} == inodes
    users.leave(first)
    users.leave(third)
    assert {path.stat().st_ino for path in files(users.folder)} == inodes
    users.leave(second)
    assert list(users.folder.iterdir()) == []


def test_a_killed_process_does_not_keep_the_copy(users: Users) -> None:
    first, second = users.start(2)
    os.kill(first[0].pid or 0, signal.SIGKILL)
    first[0].join(PATIENCE)
    assert len(files(users.folder)) == len(users.store.names)
    users.leave(second)
    assert list(users.folder.iterdir()) == []


def test_what_killed_processes_left_is_used_or_deleted_by_the_next(users: Users, world: World) -> None:
    for process, _ in users.start(2):
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join(PATIENCE)
    (left,) = {path.parent for path in files(users.folder)}
    partial = left.with_name("0123.partial")
    shutil.copytree(left, partial)
    inodes = {path.stat().st_ino for path in files(left)}
    (user,) = users.start(1)
    assert {path.stat().st_ino for path in files(users.folder)} == inodes and not partial.exists()
    os.kill(user[0].pid or 0, signal.SIGKILL)
    user[0].join(PATIENCE)
    world.grids["soil"] *= np.float32(0.5)
    world.write_grids("soil")
    with SharedValues(prepare(world.config()), "auto", users.folder):
        assert left not in {path.parent for path in files(users.folder)} and len(files(users.folder)) == 4
    assert list(users.folder.iterdir()) == []


def test_a_copy_that_is_not_whole_is_made_anew(store: Store, tmp_path: Path) -> None:
    root = tmp_path / f"hydromae-{os.getuid()}"
    (root / store.fingerprint).mkdir(parents=True)
    (root / store.fingerprint / "precip.npy").write_bytes(b"short")
    with SharedValues(store, "auto", tmp_path) as shared:
        assert lies_in(shared.store, tmp_path) and same_values(shared.store, store)
    assert list(tmp_path.iterdir()) == []


def test_the_copy_holds_the_stores_values_and_closing_gives_the_store_back(store: Store, tmp_path: Path) -> None:
    with SharedValues(store, "auto", tmp_path) as shared:
        copied = shared.store
        assert lies_in(copied, tmp_path) and same_values(copied, store) and copied.fingerprint == store.fingerprint
        assert shared.note is not None and str(tmp_path) in shared.note
    assert shared.store is store
    assert same_values(copied, store)  # maps that are open stay readable
    shared.close()


def test_none_copies_nothing(store: Store, tmp_path: Path) -> None:
    with SharedValues(store, "none", tmp_path) as shared:
        assert shared.store is store and shared.note is None
        assert list(tmp_path.iterdir()) == []


Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize("what", ["full", "no memory", "no folder", "refused", "breaks off", "in memory", "foreign"])
def test_whatever_is_in_the_way_the_store_is_read_as_it_is(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    folder = tmp_path / "shm"
    folder.mkdir()
    size = sum(path.stat().st_size for path in (store.path / "values").iterdir())
    if what == "full":
        monkeypatch.setattr(cache.shutil, "disk_usage", lambda path: Usage(3 * size, 0, 2 * size - 2))
    elif what == "no memory":
        monkeypatch.setattr(cache, "_free", lambda path: size)
    elif what == "no folder":
        folder.rmdir()
    elif what == "refused":
        (folder / f"hydromae-{os.getuid()}").write_text("in the way")
    elif what == "breaks off":
        verified_pieces = Store.verified_pieces

        def pieces(store: Store, name: str) -> Iterator[bytes]:
            yield next(verified_pieces(store, name))
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Store, "verified_pieces", pieces)
    elif what == "in memory":
        monkeypatch.setattr(cache, "_file_system", lambda path: "tmpfs")
    elif what == "foreign":
        (folder / f"hydromae-{os.getuid()}").symlink_to(tmp_path)
    with SharedValues(store, "auto", folder) as shared:
        assert shared.store is store
        assert shared.note is not None and shared.note.startswith("values are not copied: ")
        assert not [path for path in files(tmp_path) if path.suffix == ".npy"]


def _damaged(store: Store, tmp_path: Path) -> Store:
    """A copy of the store with one bit of a value of soil changed."""
    path = shutil.copytree(store.path, tmp_path / "store")
    file = path / "values" / "soil.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    return Store.open(path)


def test_a_damaged_store_is_not_copied_but_named(store: Store, tmp_path: Path) -> None:
    (tmp_path / "shm").mkdir()
    with pytest.raises(DataError, match=r"values/soil\.npy: days 2001-07-12 to 2001-07-19 differ from when"):
        SharedValues(_damaged(store, tmp_path), "auto", tmp_path / "shm")
    assert not files(tmp_path / "shm")


def test_a_store_that_was_replaced_since_it_was_opened_is_not_copied(store: Store, tmp_path: Path) -> None:
    (tmp_path / "shm").mkdir()
    old = _damaged(store, tmp_path)  # whose files are by now others than its description says
    (old.path / "store.json").unlink()
    with SharedValues(old, "auto", tmp_path / "shm") as shared:
        assert shared.store is old
        assert shared.note is not None and "was replaced since it was opened" in shared.note
    assert not files(tmp_path / "shm")


def test_a_store_fits_where_twice_its_size_is_free(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = sum(path.stat().st_size for path in (store.path / "values").iterdir())
    monkeypatch.setattr(cache, "_free", lambda path: 2 * size)
    with SharedValues(store, "auto", tmp_path) as shared:
        assert lies_in(shared.store, tmp_path)


def test_a_store_that_lies_on_tmpfs_is_told_from_one_on_a_disk() -> None:
    if not Path("/dev/shm").is_dir() or not Path("/proc/mounts").is_file():
        pytest.skip("this system has no /dev/shm")
    assert cache._file_system(Path("/dev/shm")) == "tmpfs"
    assert cache._file_system(Path("/proc/self")) == "proc"


def test_a_lock_that_another_process_keeps_is_not_waited_for_without_end(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "WAIT_SECONDS", 0.1)
    root = tmp_path / f"hydromae-{os.getuid()}"
    with cache._holding(root, 1.0), SharedValues(store, "auto", tmp_path) as shared:
        assert shared.store is store and "locked by another process" in (shared.note or "")
