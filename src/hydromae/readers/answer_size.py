"""How many bytes a server may answer with: whoever asks knows what can be there at most."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

# In the current task, for answers that are held in memory; listings and all else that nobody bounds has this.
MOST: Final[ContextVar[int]] = ContextVar("MOST", default=2**26)


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """Answers within have at most as many bytes."""
    before = MOST.set(size)
    try:
        yield
    finally:
        MOST.reset(before)
