"""Several files that belong together: where one cannot be written, the others do not stay to stand in the way."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def all_or_none(folder: Path, patterns: Iterable[str]) -> Iterator[None]:
    """Take back the files that were written meanwhile if an error ends it; what was there before stays.

    Without it a next call of the same command would find the first files, and refuse to replace them.

    Args:
        folder: where they are written; removed, too, if it was made meanwhile and holds nothing else.
        patterns: names of the files, or of Zarr's folders, as for `check_folder`.
    """
    names, was_there = list(patterns), folder.exists()
    before = _present(folder, names)
    try:
        yield
    except BaseException:
        for path in _present(folder, names) - before:
            with suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        if not was_there:
            with suppress(OSError):
                folder.rmdir()
        raise


def _present(folder: Path, patterns: Iterable[str]) -> set[Path]:
    return {path for pattern in patterns for path in folder.glob(pattern)}
