"""Who may write at an address: object stores know no locks, so that marks say who is writing.

Each writer puts a mark of its own beside what it writes, renews it while it works, and begins only where the listing
shows no other mark that is alive. A store whose listings show every object that was written (S3 has done so since 2020)
shows at least one of two writers the mark of the other. Ages are by the clock of the store itself.
"""

import random
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, Final

from hydromae.base.addresses import AddressPath
from hydromae.base.errors import DataError

MARK: Final = ".hydromae-writing"
_RENEWED: Final = 20.0  # seconds between two signs of life
_DEAD: Final = 120.0  # seconds without one: its process was killed, or is cut off
_TRIES: Final = 4  # where two begin at once, each of which sees the other
_PAUSE: Final = 0.5  # seconds at most between two of them
_TEXT: Final = b"an export of hydromae that is being written, or was broken off\n"


def is_mark(name: str) -> bool:
    """Whether an object, by its name or its key, is the mark of a writer."""
    return name.rpartition("/")[2].startswith(MARK)


class Turn:
    """The right to write below an address, by a mark."""

    def __init__(self, path: AddressPath, system: Any, mark: str) -> None:
        self.path, self.system, self.mark = path, system, mark
        self.seen = time.time()  # by a clock that goes on while a machine sleeps

    def renew(self, ended: threading.Event) -> None:
        """Give signs of life until the end, or until another process has taken the mark away."""
        while not ended.wait(_RENEWED):
            with suppress(Exception):  # the next one may get through
                if not self.system.exists(self.mark):
                    return
                self.system.pipe_file(self.mark, _TEXT)
                self.seen = time.time()

    @property
    def sure(self) -> bool:
        """Whether the mark was there so lately that no other can have begun since."""
        return time.time() - self.seen < _DEAD / 2

    def check(self) -> None:
        """Raise DataError where another process has begun to write."""
        before = time.time()
        if not self.system.exists(self.mark):
            raise DataError(
                f"{self.path}: another process has begun to write there, since this one gave no sign of life for long; "
                f"write it again when that has ended, or give another address"
            )
        self.seen = before


@contextmanager
def turn_at(path: AddressPath, system: Any, inside: str) -> Iterator[Turn]:
    """Be the only writer below an address, as long as the turn is sure or has been checked.

    Args:
        path: the address, for messages.
        system: its file system.
        inside: what the address is called there.

    Raises:
        DataError: another process is writing there.
        FileNotFoundError: there is no such bucket.
    """
    mark = f"{inside}/{MARK}-{uuid.uuid4().hex}"
    for attempt in range(_TRIES):
        system.pipe_file(mark, _TEXT)
        others = _ages(system, inside, mark)
        alive = [age for age in others.values() if age < _DEAD]
        if not alive:
            break
        system.rm_file(mark)
        if attempt + 1 == _TRIES:
            raise DataError(
                f"{path}: is being written by another process, whose last sign of life is {max(min(alive), 0):.0f} s "
                f"old; wait for its end, or give another address (what a killed process was writing can be replaced "
                f"{_DEAD:.0f} s after its last sign)"
            )
        time.sleep(random.uniform(0, _PAUSE))
    for left in others:
        with suppress(FileNotFoundError):
            system.rm_file(left)
    turn, ended = Turn(path, system, mark), threading.Event()
    signs = threading.Thread(target=turn.renew, args=(ended,), daemon=True)
    signs.start()
    try:
        yield turn
    finally:
        ended.set()
        signs.join()
        with suppress(Exception):  # what is left grows old, and the first error is the one to tell
            system.rm_file(mark)


def _ages(system: Any, inside: str, mark: str) -> dict[str, float]:
    """The other marks, and the seconds from when each was written to when `mark` was."""
    written = system.modified(mark)
    ages = {}
    for name in map(str, system.ls(inside, detail=False)):
        if is_mark(name) and not name.endswith(mark.rpartition("/")[2]):
            with suppress(FileNotFoundError):  # it has just ended
                ages[name] = (written - system.modified(name)) / timedelta(seconds=1)
    return ages
