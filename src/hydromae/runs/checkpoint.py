"""Checkpoints: written atomically with a checksum, loaded without running code."""

import logging
import pickle
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import torch

from hydromae.base.disk_errors import NO_ROOM
from hydromae.base.errors import DataError, RunError
from hydromae.base.files import atomic_path, sha256, sync_directory, write_text
from hydromae.base.permissions import refused
from hydromae.base.shell import command
from hydromae.base.writing_errors import writable
from hydromae.readers.guard import reason_of

logger = logging.getLogger(__name__)


def save_checkpoint(folder: Path, step: int, content: dict[str, Any], keep: int, best_step: int | None) -> Path:
    """Write the state after `step` steps, then delete all but the newest `keep` and the best.

    Checkpoints of later steps are deleted too: the run passed over them as damaged and makes them anew.

    Args:
        folder: the run's checkpoints.
        step: optimizer steps done.
        content: tensors, numbers, text, and lists and mappings of them.
        keep: checkpoints to keep.
        best_step: the step whose checkpoint is kept as well.

    Raises:
        RunError: the disk is full or cannot be written; earlier checkpoints stay as they were.
    """
    path = folder / f"step_{step:08d}.pt"
    for left in folder.glob(".step_*.partial"):  # left by a process that was killed
        left.unlink()
    try:
        with atomic_path(path) as temporary:
            _write(content, temporary)
            # The checksum comes first: a checkpoint that a kill leaves without one would not be used.
            write_text(_checksum(path), sha256(temporary))
        with writable(path):
            sync_directory(folder, deep=False)  # the new name is on the disk before the old ones are deleted
    except DataError as error:
        if not path.is_file():
            _checksum(path).unlink(missing_ok=True)
        cause = error.__cause__ if isinstance(error.__cause__, OSError) else OSError(None, str(error))
        first = "make room, then " if cause.errno in NO_ROOM else ""
        raise RunError(
            f"{path}: cannot be written ({cause.strerror}); the checkpoints before it are whole: {first}continue "
            f"with `{command('resume', folder.parent)}`"
        ) from error
    names = sorted(folder.glob("step_*.pt"))
    until = names.index(path) + 1
    for old in (*names[: max(until - keep, 0)], *names[until:]):
        if best_step is None or old.stem != f"step_{best_step:08d}":
            old.unlink()
            _checksum(old).unlink(missing_ok=True)
    return path


def load_newest(folder: Path, device: torch.device) -> dict[str, Any]:
    """The newest checkpoint that is whole; damaged ones are logged and passed over.

    One whose checksum file was lost, as by a copy, is compared with the sums that torch keeps in it.

    Raises:
        RunError: there is none, or the newest holds something else than a checkpoint, as objects of Python.
    """
    for path in sorted(folder.glob("step_*.pt"), reverse=True):
        checksum = _checksum(path)
        if reason := refused(path) or refused(checksum):
            raise RunError(reason)
        if not checksum.is_file():
            content = _whole_by_its_own_sums(path, device)
            if content is None:
                logger.warning("%s: is damaged and has no %s; going back to the one before", path, checksum.name)
                continue
            logger.warning("%s: has no %s beside it; it is whole by the sums inside it", path, checksum.name)
            return content
        if checksum.read_bytes() != sha256(path).encode():
            logger.warning("%s: is damaged (its checksum differs); going back to the one before", path)
            continue
        return _loaded(path, device)
    raise RunError(f"{folder}: holds no whole checkpoint to continue from; train the run anew")


def _whole_by_its_own_sums(path: Path, device: torch.device) -> dict[str, Any] | None:
    try:
        with zipfile.ZipFile(path) as parts:
            whole = parts.testzip() is None
        return dict(torch.load(path, map_location=device, weights_only=True)) if whole else None
    except Exception as error:  # whatever damaged bytes lead zipfile and torch to
        if reason := refused(path, error):
            raise RunError(reason) from None
        return None


def _loaded(path: Path, device: torch.device) -> dict[str, Any]:
    try:
        return dict(torch.load(path, map_location=device, weights_only=True))
    except pickle.UnpicklingError as error:
        reason = "it holds something else than tensors, numbers and text, and may run code"
        raise RunError(_foreign(path, reason)) from error
    except (RuntimeError, OSError, ValueError, TypeError, KeyError, EOFError) as error:
        raise RunError(refused(path, error) or _foreign(path, reason_of(error))) from error


@contextmanager
def taking_up(folder: Path) -> Iterator[None]:
    """Turn what comes of a checkpoint that lacks something, or holds something else, into a RunError that names it."""
    try:
        yield
    except torch.cuda.OutOfMemoryError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        newest = max(folder.glob("step_*.pt"), default=folder)
        raise RunError(_foreign(newest, f"{type(error).__name__}: {reason_of(error)}")) from error


def _foreign(path: Path, reason: str) -> str:
    return (
        f"{path}: is not a checkpoint of this run ({reason}); delete it to go on from the one before, or train the run "
        f"anew"
    )


def random_state() -> dict[str, Any]:
    """State of torch's generators, on which dropout depends."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"cpu": torch.get_rng_state(), "cuda": cuda}


def restore_random_state(state: dict[str, Any]) -> None:
    """Restore what `random_state` returned."""
    torch.set_rng_state(state["cpu"].cpu())
    if torch.cuda.is_available() and state["cuda"]:
        torch.cuda.set_rng_state_all([s.cpu() for s in state["cuda"]])


class _Written:
    """A file that remembers why it could not be written: torch's writer would report a wrong position instead."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.refused: OSError | None = None

    def write(self, data: bytes | memoryview) -> int:
        try:
            return self.file.write(data)
        except OSError as error:
            self.refused = self.refused or error
            raise

    def flush(self) -> None:
        self.file.flush()


def _write(content: dict[str, Any], path: Path) -> None:
    with path.open("wb") as file:
        written = _Written(file)
        try:
            torch.save(content, cast(IO[bytes], written))
        except RuntimeError:
            if written.refused is not None:
                raise written.refused from None
            raise


def _checksum(path: Path) -> Path:
    return path.with_suffix(".sha256")
