"""Writing leaves the old content or the new, and nothing else."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydromae.base.errors import DataError
from hydromae.base.files import absolute, atomic_directory, atomic_path, sha256, write_text


class Interrupted(Exception):
    """Stands for whatever stops a writer half-way."""


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def write_half_a_file(target: Path, stop: type[BaseException]) -> None:
    with atomic_path(target) as temporary:
        temporary.write_text("half")
        raise stop


def write_below_a_file(target: Path) -> None:
    with atomic_path(target) as temporary:
        temporary.touch()
        (temporary / "below").write_text("x")


def write_half_a_directory(target: Path, stop: type[BaseException]) -> None:
    with atomic_directory(target) as temporary:
        (temporary / "inner").mkdir()
        (temporary / "inner" / "values.npy").write_bytes(b"half")
        raise stop


def test_a_file_is_replaced_whole_and_alone(tmp_path):
    target = tmp_path / "metrics.json"
    target.write_text("old")
    with atomic_path(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
        assert temporary.parent == tmp_path, "a rename is atomic only within one file system"
    assert target.read_text() == "new"
    assert names(tmp_path) == ["metrics.json"]


@pytest.mark.parametrize("stop", [Interrupted, KeyboardInterrupt])
def test_an_interrupted_file_leaves_the_old_one_and_nothing_else(tmp_path, stop):
    target = tmp_path / "metrics.json"
    target.write_text("old")
    with pytest.raises(stop):
        write_half_a_file(target, stop)
    assert target.read_text() == "old"
    assert names(tmp_path) == ["metrics.json"]


def test_an_interrupted_first_file_leaves_nothing(tmp_path):
    with pytest.raises(Interrupted):
        write_half_a_file(tmp_path / "metrics.json", Interrupted)
    assert names(tmp_path) == []


def test_a_writer_that_wrote_nothing_does_not_replace_the_old_file(tmp_path):
    target = tmp_path / "metrics.json"
    target.write_text("old")
    with pytest.raises(FileNotFoundError), atomic_path(target):
        pass
    assert target.read_text() == "old" and names(tmp_path) == ["metrics.json"]


def test_content_is_on_the_disk_before_it_takes_the_name(tmp_path, monkeypatch):
    calls = []

    def recorded(name):
        real = getattr(os, name)
        return lambda *args: calls.append(name) or real(*args)

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, recorded(name))
    write_text(tmp_path / "note.txt", "x")
    assert calls == ["fsync", "replace"]


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    target = tmp_path / "metrics.json"
    with atomic_path(target) as first, atomic_path(target) as second:
        first.write_text("first")
        second.write_text("second")
    assert target.read_text() == "first", "the last to finish wins"
    assert names(tmp_path) == ["metrics.json"]


def test_missing_folders_above_are_made(tmp_path):
    write_text(tmp_path / "a" / "b" / "note.txt", "x")
    with atomic_directory(tmp_path / "c" / "d") as temporary:
        (temporary / "part").touch()
    assert (tmp_path / "a" / "b" / "note.txt").exists() and (tmp_path / "c" / "d" / "part").exists()


def test_a_directory_appears_whole_and_alone(tmp_path):
    target = tmp_path / "store"
    with atomic_directory(target) as temporary:
        (temporary / "values.npy").write_bytes(b"1")
        assert not target.exists()
    assert names(tmp_path) == ["store"] and names(target) == ["values.npy"]


@pytest.mark.parametrize("stop", [Interrupted, KeyboardInterrupt])
def test_an_interrupted_directory_leaves_nothing(tmp_path, stop):
    with pytest.raises(stop):
        write_half_a_directory(tmp_path / "store", stop)
    assert names(tmp_path) == []


def test_a_directory_in_the_way_keeps_what_it_holds(tmp_path):
    target = tmp_path / "store"
    target.mkdir()
    (target / "values.npy").write_bytes(b"old")
    with pytest.raises(OSError, match="store"), atomic_directory(target) as temporary:
        (temporary / "values.npy").write_bytes(b"new")
    assert (target / "values.npy").read_bytes() == b"old"
    assert names(tmp_path) == ["store"]


@settings(deadline=None)
@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\r")))
def test_text_is_written_as_utf_8(tmp_path_factory, text):
    target = tmp_path_factory.mktemp("text") / "note.txt"
    write_text(target, text)
    assert target.read_bytes() == text.encode("utf-8")


@pytest.mark.parametrize(
    ("content", "digest"),
    [  # the published test vectors of FIPS 180
        (b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (b"a" * 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ],
)
def test_sha256_is_the_published_digest(tmp_path, content, digest):
    (tmp_path / "file").write_bytes(content)
    assert sha256(tmp_path / "file") == digest


@settings(deadline=None)
@given(content=st.binary(min_size=1, max_size=2000), data=st.data())
def test_one_flipped_bit_changes_the_digest(tmp_path_factory, content, data):
    file = tmp_path_factory.mktemp("hash") / "file"
    file.write_bytes(content)
    before = sha256(file)
    assert before == hashlib.sha256(content).hexdigest()
    flipped = bytearray(content)
    flipped[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    file.write_bytes(flipped)
    assert sha256(file) != before


@pytest.mark.parametrize("writer", [atomic_path, atomic_directory])
def test_a_path_below_a_file_is_refused_by_its_name(tmp_path: Path, writer: Any) -> None:
    (tmp_path / "file").write_text("here")
    with pytest.raises(DataError, match=r"file/inner: cannot be written"), writer(tmp_path / "file" / "inner"):
        pytest.fail("the work began")  # pragma: no cover
    assert names(tmp_path) == ["file"]


def test_a_full_disk_is_named_with_the_target_and_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match=r"result\.nc: cannot be written \(No space"),
        atomic_path(tmp_path / "result.nc"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert names(tmp_path) == []


@pytest.fixture(params=[0o022, 0o077, 0o002, 0o027], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    old = os.umask(request.param)
    yield request.param
    os.umask(old)


def test_permissions_are_those_of_a_new_file_whatever_the_library_gives(tmp_path: Path, umask: int) -> None:
    for made in (0o600, 0o666, 0o755):
        target = tmp_path / f"{made:o}"
        with atomic_path(target) as temporary:
            temporary.touch()
            temporary.chmod(made)
        assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize("writer", [atomic_path, atomic_directory])
@pytest.mark.parametrize("kind", [FileNotFoundError, NotADirectoryError, FileExistsError, OSError])
def test_an_error_of_another_file_stays_its_own(tmp_path: Path, writer: Any, kind: type[OSError]) -> None:
    other = tmp_path / "other" / "source.csv"
    number = {FileNotFoundError: errno.ENOENT, NotADirectoryError: errno.ENOTDIR, FileExistsError: errno.EEXIST}
    raised = kind(number.get(kind, errno.ENOSPC), "why", str(other))
    with pytest.raises(kind) as found, writer(tmp_path / "result.nc"):
        raise raised
    assert found.value is raised and names(tmp_path) == []


def test_an_error_of_a_library_that_names_another_file_in_its_words_stays_its_own(tmp_path: Path) -> None:
    raised = FileNotFoundError(errno.ENOENT, f"unable to open file (name = '{tmp_path}/source.h5')")
    with pytest.raises(FileNotFoundError, match=r"source\.h5"), atomic_path(tmp_path / "result.nc"):
        raise raised


@pytest.mark.parametrize("at", ["fsync", "replace"])
def test_what_the_disk_refuses_at_the_last_moment_names_the_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    def refuse(*args: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, at, refuse)
    with pytest.raises(DataError, match=r"note\.txt: cannot be written \(No space left on device\); make room"):
        write_text(tmp_path / "note.txt", "x")
    assert names(tmp_path) == []


def test_the_writing_of_the_temporary_file_is_the_targets(tmp_path: Path) -> None:
    message = r"result\.nc: cannot be written \(Not a directory\); give another path"
    with pytest.raises(DataError, match=message):
        write_below_a_file(tmp_path / "result.nc")


@pytest.mark.parametrize(
    ("given", "place"), [(".", "a/b"), ("..", "a"), ("c/../d", "a/b/d"), ("../../e", "e"), ("link", "a/b/link")]
)
def test_a_place_is_the_same_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, place: str
) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "link").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path / "a" / "b")
    assert absolute(given) == tmp_path.resolve() / place
