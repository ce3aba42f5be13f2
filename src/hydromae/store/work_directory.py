"""The directory in which a store is made, which outlives an interruption."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hydromae.base.files import sync_directory
from hydromae.base.leftovers import exchange, restore
from hydromae.base.writing_errors import writable


@contextmanager
def work_directory(path: Path, key: str) -> Iterator[Path]:
    """Yield a directory in which to make what is to become `path`, and put it in that place on success.

    An interruption of the process, by Ctrl-C, a signal or a power cut, leaves the directory, and the next caller with
    the same key is given it with all it holds; `journal` in it is removed at the end. An error removes the directory,
    and success removes those of other keys. What `path` held before stays until then, and is replaced in one step. Call
    it under `locked`.

    Args:
        path: what is made; nothing, or a directory.
        key: 12 hexadecimal digits of what it is made from.

    Raises:
        DataError: the disk refuses to be written to.
    """
    work = _sibling(path, f"{key}.unfinished")
    try:
        with writable(path):
            restore(path)
            work.mkdir(exist_ok=True)
            yield work
            sync_directory(work)
            shutil.rmtree(work / "journal", ignore_errors=True)
            if path.exists():
                exchange(work, path)
            else:
                work.rename(path)
    except Exception:
        shutil.rmtree(work, ignore_errors=True)
        raise
    ours = re.compile(re.escape(f".{path.name}.") + r"[0-9a-f]{12}\.unfinished")
    with suppress(OSError):  # what was made is whole and in its place, whichever name a power cut would leave
        sync_directory(path.parent, deep=False)
        for other in path.parent.iterdir():
            if ours.fullmatch(other.name):
                shutil.rmtree(other, ignore_errors=True)


def _sibling(path: Path, ending: str) -> Path:
    return path.with_name(f".{path.name}.{ending}")
