"""Writing what a user names: nobody else writes it meanwhile, and what another process has put there is not lost."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from hydromae.base.errors import DataError
from hydromae.base.files import atomic_directory, atomic_path
from hydromae.base.locks import refusing


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


def replace_text(path: Path, text: str, replace: bool = True) -> None:
    """Write UTF-8 text; see `replacing`."""
    with replacing(path, replace) as temporary:
        temporary.write_text(text, encoding="utf-8")


def replace_together(writers: Mapping[Path, Callable[[Path], object]], replace: bool = True) -> None:
    """Write several files that belong together: all of them, or none that was not there before.

    Args:
        writers: for each target what writes its content to a path.
        replace: see `replacing`.
    """
    made: dict[Path, int] = {}
    try:
        with ExitStack() as stack:
            for path, write in writers.items():
                temporary = stack.enter_context(replacing(path, replace))
                write(temporary)
                if not path.exists():
                    made[path] = temporary.stat().st_ino
    except BaseException:
        for path, inode in made.items():
            with suppress(OSError):
                if path.stat().st_ino == inode:  # ours, not what another process has put there
                    path.unlink()
        raise
