"""A directory that takes the place of another in one step, and what processes that were killed left at a path."""

import ctypes
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

from hydromae.base.errors import DataError
from hydromae.base.locks import locked

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # of renameat2 (linux/fs.h)


class _Busy(Exception):
    """Another process writes there."""


def exchange(fresh: Path, path: Path) -> None:
    """Put the directory `fresh` in the place of `path`, in one step where the system can, and remove what was there."""
    retired = _retired(path)
    shutil.rmtree(retired, ignore_errors=True)
    if _swapped(fresh, path):
        with suppress(OSError):  # what is to be removed is there already, under whatever name
            fresh.rename(retired)
        shutil.rmtree(fresh, ignore_errors=True)
    else:
        path.rename(retired)
        try:
            fresh.rename(path)
        except OSError:
            retired.rename(path)
            raise
    shutil.rmtree(retired, ignore_errors=True)


def restore(path: Path) -> None:
    """Undo an exchange that was cut off half way; call it under `locked`."""
    if _retired(path).exists() and not path.exists():
        _retired(path).rename(path)
    shutil.rmtree(_retired(path), ignore_errors=True)


def clean(path: Path) -> None:
    """Remove the unfinished files that killed processes left beside `path`; call it under `locked`."""
    for name in _unfinished(path):
        left = path.with_name(name)
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            with suppress(OSError):
                left.unlink()


def settle(path: Path) -> None:
    """Bring back what a killed process had moved away from `path`, and remove what it left unfinished.

    Call it before looking whether `path` exists. Nothing is done while another process writes there, or where the
    folder cannot be written to.
    """
    if not _unfinished(path) and not _retired(path).exists():
        return
    with suppress(_Busy, DataError, OSError), locked(path, _busy) as held:
        if held:
            restore(path)
            clean(path)


def _busy() -> None:
    raise _Busy


def _unfinished(path: Path) -> list[str]:
    """Names of temporary files and folders for `path`; `fresh` is of older versions."""
    name = re.escape(path.name)
    pattern = re.compile(rf"\.{name}\.([0-9a-f]{{8}}\.partial|fresh)|\.\.{name}\.fresh\.[0-9a-f]{{8}}\.partial")
    try:
        return [entry for entry in os.listdir(path.parent) if pattern.fullmatch(entry)]
    except OSError:
        return []


def _retired(path: Path) -> Path:
    return path.with_name(f".{path.name}.retired")


def _swapped(first: Path, second: Path) -> bool:
    """Swap two names, which Linux can; False where it cannot be done."""
    try:
        rename = ctypes.CDLL(None).renameat2
    except (OSError, AttributeError, TypeError):
        return False
    return bool(rename(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE) == 0)
