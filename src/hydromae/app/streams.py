"""Standard output and error as they are on any machine: closed, in another encoding, or with nobody who reads on.

What a command did is done, whatever becomes of what it says; so none of this ends it or changes its exit code.
"""

import codecs
import os
import sys
from contextlib import suppress
from typing import IO, Any, Final

from rich.console import Console

# What our own tables and sentences hold beyond ASCII.
_PLAIN: Final = {"²": "^2", "³": "^3", "×": "x", "…": "...", "–": "-", "—": "-", "°": " degrees", "µ": "u", "−": "-"}
_ERRORS: Final = "hydromae_plain"


def prepare_streams() -> None:
    """Make standard output and error usable; called once, before anything is said.

    A stream that is closed leads nowhere. What its encoding lacks is written in plain letters, or as an escape.
    """
    # In the order of their numbers: the lowest free one is given first. A file of data that was given 1 or 2 instead
    # would get all that is said.
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    codecs.register_error(_ERRORS, _plain)
    for name in ("stdout", "stderr"):
        stream: Any = getattr(sys, name)
        if stream is None:
            setattr(sys, name, _nowhere())
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_ERRORS)


class Output(Console):
    """A console that takes text as it stands, and goes on where it cannot be written.

    Nothing in brackets or between colons is a command to it: paths, ids and names hold what they like.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"highlight": False, "markup": False, "emoji": False, **settings})

    def _write_buffer(self) -> None:
        try:
            super()._write_buffer()
        except BrokenPipeError:  # as `| head -1`: who reads has enough
            self._abandon()
        except OSError as error:  # as a full disk
            lost = self._abandon()
            if lost != "stderr":
                with suppress(OSError):
                    print(f"warning: {lost}: {error.strerror}; what is printed from here on is lost", file=sys.stderr)

    def _abandon(self) -> str:
        """Let the stream lead nowhere from here on, also what Python writes at its end; its name."""
        with suppress(AttributeError):
            del self._buffer[:]
        name = "stderr" if self.stderr else "stdout"
        stream = getattr(sys, name)
        with suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return name


def _nowhere() -> IO[str]:
    return open(os.devnull, "w", encoding="utf-8", errors=_ERRORS)  # it is a stream of the process


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_PLAIN.get(sign) or _escaped(sign) for sign in text), error.end


def _escaped(sign: str) -> str:
    return sign.encode("ascii", "backslashreplace").decode("ascii")
