"""Writing what a user names: nobody else writes it meanwhile, and what another process has put there is not lost."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Final

from hydromae.base.errors import DataError
from hydromae.base.files import atomic_directory, atomic_path
from hydromae.base.locks import refusing

# What was not there before and has got its name, with its inode, within `all_or_none`.
_MADE: Final[ContextVar[dict[Path, int] | None]] = ContextVar("made", default=None)


@contextmanager
def replacing(path: Path, replace: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside a target of any format; the old target stays until all is written.

    Args:
        path: the target; a folder if it ends in `.zarr`.
        replace: it may exist; else another process has written it since the command looked.

    Raises:
        DataError: another process writes it now, or has written it meanwhile.
    """
    refuse = refusing(path)
    target = atomic_directory(path, replace, refuse) if path.suffix == ".zarr" else atomic_path(path, refuse)
    with target as temporary:
        if not replace and path.exists():
            raise DataError(
                f"{path}: was written by another process meanwhile and is not replaced; give another path, or "
                f"replace it with --overwrite (overwrite=True)"
            )
        yield temporary
        if (made := _MADE.get()) is not None and not path.exists():
            made[path] = temporary.stat().st_ino


def replace_text(path: Path, text: str, replace: bool = True) -> None:
    """Write UTF-8 text; see `replacing`."""
    with replacing(path, replace) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def all_or_none(folder: Path | None = None) -> Iterator[None]:
    """Take back what `replacing` has given its name meanwhile if an error ends it; what was there before stays.

    Without it a next call of the same command would find the first of several files, and refuse to replace them.

    Args:
        folder: where they are written, which goes with them if it was made meanwhile and holds nothing else.
    """
    made: dict[Path, int] = {}
    around = _MADE.get()
    was_there = folder is None or folder.exists()
    token = _MADE.set(made)
    try:
        yield
    except BaseException:
        for path, inode in made.items():
            with suppress(OSError):
                if path.stat().st_ino == inode:  # ours, not what another process has put there
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        if folder is not None and not was_there:
            with suppress(OSError):
                folder.rmdir()
        raise
    finally:
        _MADE.reset(token)
    if around is not None:
        around |= made


def replace_together(writers: Mapping[Path, Callable[[Path], object]], replace: bool = True) -> None:
    """Write several files that belong together: all of them, or none that was not there before.

    Args:
        writers: for each target what writes its content to a path.
        replace: see `replacing`.
    """
    with all_or_none(), ExitStack() as stack:
        for path, write in writers.items():
            write(stack.enter_context(replacing(path, replace)))
