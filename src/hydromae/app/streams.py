"""Standard output and error on any machine, even if they are closed, in another encoding, or no longer read.

A command's work is done whether or not its output can be written, so none of this ends it or changes its exit code.
"""

import codecs
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import IO, Any, Final

from rich.console import Console
from rich.segment import Segment
from rich.text import Text

from hydromae.base.secret_values import concealed
from hydromae.base.shown_text import shown

# Signs beyond ASCII in our own tables and sentences.
_PLAIN: Final = {"²": "^2", "³": "^3", "×": "x", "…": "...", "–": "-", "—": "-", "°": " degrees", "µ": "u", "−": "-"}
_ERRORS: Final = "hydromae_plain"


def prepare_streams() -> None:
    """Make standard output and error usable; called once, before anything is said.

    Output to a closed stream is dropped. Signs that its encoding lacks are written in plain letters, or as an escape.
    """
    # The system gives a new file the lowest free number. A data file that got 1 or 2 would receive all that is printed.
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
    """A console that prints text as it is, and goes on where it cannot be written.

    Brackets and colons have no special meaning: paths, ids and names may hold them.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"highlight": False, "markup": False, "emoji": False, **settings})

    def render_str(self, text: str, **given: Any) -> Text:
        """Text of a message or a cell; before rich drops control characters, they are made visible."""
        return super().render_str(_safe(text), **given)

    def _render_buffer(self, buffer: Iterable[Segment]) -> str:
        """What goes to the terminal; only rich itself may control it."""
        return super()._render_buffer(
            segment if segment.control else Segment(_safe(segment.text), segment.style) for segment in buffer
        )

    def _write_buffer(self) -> None:
        try:
            super()._write_buffer()
        except BrokenPipeError:  # as with `| head -1`: the reader has enough
            self._abandon()
        except (OSError, ValueError) as error:  # a full disk, a terminal that was closed, a stream that was closed
            lost = self._abandon()
            if lost != "stderr":
                reason = getattr(error, "strerror", None) or error
                with suppress(OSError, ValueError):
                    print(f"warning: {lost}: {reason}; what is printed from here on is lost", file=sys.stderr)

    def _abandon(self) -> str:
        """Drop all further output of the stream, also what Python writes at its end; returns its name."""
        with suppress(AttributeError):
            del self._buffer[:]
        name = "stderr" if self.stderr else "stdout"
        stream = getattr(sys, name)
        with suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return name


def _safe(text: str) -> str:
    return shown(str(concealed(text)))


def _nowhere() -> IO[str]:
    return open(os.devnull, "w", encoding="utf-8", errors=_ERRORS)  # it is a stream of the process


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_PLAIN.get(sign) or _escaped(sign) for sign in text), error.end


def _escaped(sign: str) -> str:
    return sign.encode("ascii", "backslashreplace").decode("ascii")
