"""What the system refuses is called so, with something to do, and nothing is called damaged."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from hydromae.base.disk_errors import OF_THE_SYSTEM, errors_of_silent_libraries, remedy
from hydromae.base.errors import DataError
from hydromae.base.files import atomic_path, write_array
from hydromae.base.permissions import refused, told_of_files
from hydromae.readers.guard import reading

NAMES = ["ENOSPC", "EIO", "EDQUOT", "ESTALE", "EMFILE", "ENFILE", "ENOMEM", "EBUSY"]


def error_of(name: str, path: Path | None = None) -> OSError:
    number = getattr(errno, name)
    return OSError(number, os.strerror(number), *(() if path is None else (str(path),)))


@pytest.mark.parametrize("name", NAMES)
def test_each_error_of_the_system_is_a_sentence_with_a_remedy(tmp_path: Path, name: str) -> None:
    path, text = tmp_path / "a.nc", os.strerror(getattr(errno, name))
    said = [refused(path, error_of(name)), told_of_files(error_of(name, path))]
    with pytest.raises(DataError) as read, reading(path):
        raise error_of(name, path)
    with pytest.raises(DataError) as written, atomic_path(path) as temporary:
        raise error_of(name, temporary)
    for sentence in (*said, str(read.value), str(written.value)):
        assert sentence.startswith(f"{path}: ") and f"({text}); " in sentence and "damaged" not in sentence
        assert sentence.count("; ") == 1 and not sentence.endswith("; ")


def test_every_error_of_the_system_has_a_remedy_and_others_have_none() -> None:
    assert all(map(remedy, OF_THE_SYSTEM))
    assert not any(map(remedy, (None, errno.ENOENT, errno.EINVAL)))
    assert told_of_files(FileNotFoundError(errno.ENOENT, "", "a")) == ""


def test_an_error_that_a_library_does_not_explain_is_one_of_the_disk() -> None:
    with pytest.raises(OSError, match=os.strerror(errno.EIO)) as silent, errors_of_silent_libraries():
        raise OSError("Error closing file")
    assert remedy(silent.value.errno)
    with pytest.raises(OSError, match="ours") as explained, errors_of_silent_libraries():
        raise OSError(errno.ENOSPC, "ours")
    assert explained.value.errno == errno.ENOSPC


def test_what_a_file_holds_is_no_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert refused(tmp_path / "a", OSError("truncated file")) == refused(tmp_path / "a", ValueError("no number")) == ""


def test_an_absent_file_that_is_there_could_not_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    error = FileNotFoundError(f"No such file or directory: {path}")  # as safetensors says of too many open files
    assert refused(path, error) == ""
    path.touch()
    assert "could not be opened a moment ago; run the command again" in refused(path, error)


@pytest.mark.parametrize("array", [np.arange(12.0).reshape(3, 4), np.zeros((0, 5), bool), np.arange(8).reshape(2, 4).T])
def test_an_array_is_written_as_numpy_writes_it(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", array)
    write_array(tmp_path / "b.npy", array)
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


def test_an_array_that_a_full_disk_refuses_says_so() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full")
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_array(full, np.zeros(100_000))
    assert caught.value.errno == errno.ENOSPC
