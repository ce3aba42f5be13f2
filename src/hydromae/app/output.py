"""A console that prints text as it is, whatever becomes of its stream."""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from rich.console import Console
from rich.segment import Segment
from rich.text import Text

from hydromae.base.secret_values import concealed
from hydromae.base.shown_text import shown


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
