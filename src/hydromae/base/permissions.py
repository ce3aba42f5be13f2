"""Files that the system does not let us read: messages say so, so that nobody takes a sound file for a damaged one."""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from hydromae.base.disk_errors import OF_THE_SYSTEM, number_of, remedy


def refused(path: str | Path, error: BaseException | None = None) -> str:
    """A sentence where it is the system that keeps this user from reading; empty where it is what the file holds.

    Args:
        path: what was to be read, a file or a folder.
        error: the error that reading it raised; it may name another file, as one within a folder.
    """
    denied = next((cause for cause in _chain(error) if isinstance(cause, PermissionError)), None)
    if denied is not None and isinstance(denied.filename, str | bytes) and (sentence := _closed(denied.filename)):
        return sentence
    if sentence := _closed(path):
        return sentence
    if denied is None:
        return _of_the_system(path, error)
    place = path if denied.filename is None else os.fsdecode(denied.filename)
    return f"{place}: may not be read ({denied.strerror or 'permission denied'}); ask its owner to let you read it"


def told_of_files(error: OSError) -> str:
    """A sentence on a file that the system refuses; empty for an error that only a mistake of ours can bring."""
    if isinstance(error, PermissionError) and error.filename is not None:
        return refused(os.fsdecode(error.filename), error)
    if error.errno not in OF_THE_SYSTEM:
        return ""
    place = "a file" if error.filename is None else f"{os.fsdecode(error.filename)}:"
    return f"{place} is refused by the system ({os.strerror(error.errno)}); {remedy(error.errno)}"


def _of_the_system(path: str | Path, error: BaseException | None) -> str:
    for cause in _chain(error):
        filename = getattr(cause, "filename", None)
        named = filename if isinstance(filename, str | bytes) else None
        if (number := number_of(cause)) in OF_THE_SYSTEM:
            place = os.fsdecode(named) if named else str(path)
            return f"{place}: cannot be read now ({os.strerror(number)}); {remedy(number)}"
        # Some libraries call every file that they could not open an absent one.
        if isinstance(cause, FileNotFoundError) and named is None and Path(path).is_file():
            return f"{path}: could not be opened a moment ago; run the command again, after `ulimit -n 4096`"
    return ""


def _closed(path: str | bytes | Path) -> str:
    place = Path(os.fsdecode(path))
    try:
        place.stat()
    except PermissionError:
        return _sentence(place, _hidden_by(place), "x")
    except OSError:
        return ""
    folder = place.is_dir()
    if os.access(place, os.R_OK | os.X_OK if folder else os.R_OK):
        return ""
    return _sentence(place, place, "rx" if folder else "r")


def _sentence(path: Path, closed: Path, rights: str) -> str:
    where = "" if closed == path else f", since the folder {closed} is closed to you"
    own = hasattr(os, "getuid") and closed.stat().st_uid == os.getuid()
    change = f"`chmod {'u' if own else 'a'}+{rights} {shlex.quote(str(closed))}`"
    remedy = f"allow it with {change}" if own else f"ask the owner for {change}"
    return f"{path}: may not be read (permission denied){where}; {remedy}"


def _hidden_by(path: Path) -> Path:
    """The folder above that may not be entered: the lowest of which the system gives any information."""
    for folder in path.absolute().parents:
        try:
            folder.stat()
        except OSError:
            continue
        return folder
    return path.absolute().parent


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen = set[int]()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
