"""What it means that the system refuses a file, and what to do: none of these errors says that a file is damaged."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager


def numbers(*names: str) -> frozenset[int]:
    """The numbers of errors that this system knows."""
    return frozenset(getattr(errno, name) for name in names if hasattr(errno, name))


NO_ROOM = numbers("ENOSPC", "EDQUOT", "EFBIG")
TOO_MANY_OPEN = numbers("EMFILE", "ENFILE")
_FAILING = numbers("EIO", "ENXIO", "ENODEV")
_AWAY = numbers("ESTALE", "ETIMEDOUT", "EHOSTDOWN", "ENOTCONN", "EREMOTEIO")
_BUSY = numbers("EBUSY", "EAGAIN", "ETXTBSY")
_NO_MEMORY = numbers("ENOMEM")
# Errors that another call may not meet: they tell of the system, not of what a file holds.
OF_THE_SYSTEM = NO_ROOM | TOO_MANY_OPEN | _FAILING | _AWAY | _BUSY | _NO_MEMORY


def remedy(number: int | None) -> str:
    """What to do about an error of the system; empty for any other."""
    if number in NO_ROOM:
        return "make room, then run the command again"
    if number in TOO_MANY_OPEN:
        return "allow more with `ulimit -n 4096`, then run the command again"
    if number in _FAILING:
        return "the disk fails or was taken away: run the command again, and use another disk if it says the same"
    if number in _AWAY:
        return "the network drive was away: run the command again once it is back"
    if number in _BUSY:
        return "another program uses it: run the command again once that has ended"
    return "end other programs, then run the command again" if number in _NO_MEMORY else ""


@contextmanager
def errors_of_silent_libraries() -> Iterator[None]:
    """Give the number of a failing disk to errors of libraries, as Arrow, that do not say what the disk said."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:
            raise
        raise OSError(errno.EIO, os.strerror(errno.EIO)) from error


def number_of(error: BaseException) -> int:
    """The number of an error of the system, which libraries outside Python give only in words; 0 where there is none.

    So Rust says `Disk quota exceeded (os error 122)`, and torch `Too many open files (24)`.
    """
    if isinstance(error, OSError) and error.errno:
        return error.errno
    said = str(error)
    given = re.search(r"\((?:os error )?(\d{1,3})\)\s*$|errno = (\d{1,3}),", said)
    number = int(given[1] or given[2]) if given else 0
    return number if number and os.strerror(number) in said else 0
