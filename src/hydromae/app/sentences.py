"""Errors that the user can mend, as one sentence and exit code 2; also where several processes meet the same one."""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from hydromae.base.errors import HydroMAEError
from hydromae.base.permissions import told_of_files

_TIME_TO_BE_ENDED: Final = 5.0  # seconds; torchrun looks ten times a second, deepspeed once


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """End the process with a sentence where an error says what is wrong; others go on as they are."""
    try:
        yield
    except HydroMAEError as error:
        _fail(str(error))
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not re.search(r"allocate memory|out of memory", str(error)):
            raise
        _fail("the machine lacks the memory for this: use a smaller model, shorter windows or fewer of them at once")
    except OSError as error:
        if not (sentence := told_of_files(error)):
            raise
        _fail(sentence)


def _fail(message: str) -> None:
    """End with one sentence, however many processes met the same error.

    The launcher ends all processes as soon as the first has failed; one that is still there was the only one to fail,
    and prints.
    """
    from hydromae.app.console import fail  # not at the top: `--help` does not wait for it

    if os.environ.get("LOCAL_RANK", "0") not in ("", "0"):
        time.sleep(_TIME_TO_BE_ENDED)
    fail(message)
