"""Writing so that nothing partial is left behind: to a temporary name beside the target, which is then renamed."""

import errno
import hashlib
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hydromae.base.errors import DataError
from hydromae.base.permissions import refused


def _numbers(*names: str) -> set[int]:
    return {getattr(errno, name) for name in names if hasattr(errno, name)}


# Errors of writing to an open file, which name no file; and errors of opening or renaming, which name one.
_OF_THE_DISK = _numbers("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EIO")
_OF_A_NAME = _numbers("EACCES", "EPERM", "ENOTDIR", "EEXIST", "ENOENT", "ENAMETOOLONG", "EISDIR", "ELOOP", "EBUSY")
_NO_PERMISSION = _numbers("EACCES", "EPERM", "EROFS")
_NO_ROOM = _numbers("ENOSPC", "EDQUOT", "EFBIG")


def absolute(path: str | Path) -> Path:
    """The path from the root: the name of a link is kept, `.` and `..` are resolved."""
    given = Path(path)
    return given.resolve() if ".." in given.parts else given.absolute()


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Turn an error of writing into one that names the target, not the temporary name beside it.

    An error of another file, which is read meanwhile, is not an error of the target: where permissions are the reason,
    it becomes a DataError that names that file, else it is raised as it is.
    """
    try:
        yield
    except OSError as error:
        if not _is_of(path, error):
            if isinstance(error, PermissionError) and error.filename is not None:
                raise DataError(refused(os.fsdecode(error.filename), error)) from error
            raise
        raise DataError(f"{path}: cannot be written ({error.strerror}); {_remedy(error)}") from error


def _is_of(path: Path, error: OSError) -> bool:
    """Whether an error is of writing `path`, something in it, a temporary name beside it, or a folder above.

    Libraries outside Python name the file only in their message, if at all.
    """
    if error.errno not in _OF_THE_DISK | _OF_A_NAME:
        return False
    if error.filename is None:
        return error.errno in _OF_THE_DISK or f"{path.parent / f'.{path.name}.'}" in str(error)
    target = Path(os.path.abspath(path))
    for name in (error.filename, error.filename2):
        place = Path(os.path.abspath(os.fsdecode(name))) if isinstance(name, str | bytes | os.PathLike) else None
        if place is None:
            continue
        if place == target or place in target.parents:
            return True
        if target.parent in place.parents:
            first = place.relative_to(target.parent).parts[0]
            if first == target.name or first.startswith(f".{target.name}."):
                return True
    return False


def _remedy(error: OSError) -> str:
    if error.errno in _NO_PERMISSION:
        return "give a path that you may write to"
    return "make room, or give another path" if error.errno in _NO_ROOM else "give another path"


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path; on success flush it to disk and rename it to `path`, on failure delete it.

    Raises DataError where the file cannot be written, before any work if the path can never be written. Permissions are
    those of any new file, as the umask has them.

    The temporary name does not end in the suffix of `path`, so writers that choose a format by suffix must be given it.
    """
    path = Path(path)
    with writable(path):
        if path.is_dir():
            raise DataError(f"{path}: is a folder; give the path of a file")
    temporary = _temporary(path)
    try:
        with writable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
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


def sha256(path: Path) -> str:
    """Hex digest of a file's content, read in pieces."""
    with Path(path).open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
