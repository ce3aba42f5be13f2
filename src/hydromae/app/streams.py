"""Standard output and error on any machine, even if they are closed, in another encoding, or no longer read.

A command's work is done whether or not its output can be written, so none of this ends it or changes its exit code.
"""

import codecs
import os
import sys
from contextlib import suppress
from typing import IO, Any, Final

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


def _nowhere() -> IO[str]:
    return open(os.devnull, "w", encoding="utf-8", errors=_ERRORS)  # it is a stream of the process


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_PLAIN.get(sign) or _escaped(sign) for sign in text), error.end


def _escaped(sign: str) -> str:
    return sign.encode("ascii", "backslashreplace").decode("ascii")
