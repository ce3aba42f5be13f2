"""What it means that a file cannot be written, in a sentence that names it and not a temporary name beside it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hydromae.base.disk_errors import NO_ROOM, OF_THE_SYSTEM, TOO_MANY_OPEN, numbers, remedy
from hydromae.base.errors import DataError
from hydromae.base.permissions import refused

# Errors of writing to an open file, which name no file; and errors of opening or renaming, which name one.
_OF_THE_DISK = (OF_THE_SYSTEM - TOO_MANY_OPEN) | numbers("EROFS")
_OF_A_NAME = TOO_MANY_OPEN | numbers(
    "EACCES", "EPERM", "ENOTDIR", "EEXIST", "ENOENT", "ENAMETOOLONG", "EISDIR", "ELOOP"
)
_NO_PERMISSION = numbers("EACCES", "EPERM", "EROFS")


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
    if error.errno in NO_ROOM:
        return "make room, or give another path"
    return remedy(error.errno) or "give another path"
