"""Metrics as JSON lines, one record a line."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydromae.base.files import atomic_path
from hydromae.base.json_text import json_text
from hydromae.runs.checked_lines import CHECK, chained, check_of
from hydromae.training.callback import Beginning, Callback

logger = logging.getLogger(__name__)


class Records(Callback):
    """Append-only records of a run; a resumed run cuts them back to those of its checkpoint.

    Each line ends with a checksum of itself and of the one before it (`hydromae.runs.checked_lines`). Lines are kept as
    they are, whatever their bytes. Lines that the disk refuses wait in memory and are written with a later one: a log
    does not end a training.

    Args:
        path: the file.
        keep: number of existing lines to keep.
    """

    def __init__(self, path: Path, keep: int = 0) -> None:
        self.path, self.keep = path, keep
        self._last = ""  # the check of the last line
        self._waiting = b""  # lines that the disk has refused
        self._size = 0  # bytes of whole lines in the file

    def on_start(self, beginning: Beginning) -> None:
        *whole, cut = self.path.read_bytes().split(b"\n") if self.path.is_file() else [b""]
        lines = [line + b"\n" for line in (*whole, *([cut] if cut else []))]
        if len(lines) < self.keep:
            logger.warning("%s: %d lines of it were lost; the others are kept", self.path, self.keep - len(lines))
        kept = lines[: self.keep]
        with atomic_path(self.path) as temporary:
            temporary.write_bytes(b"".join(kept))
        self._size = sum(map(len, kept))
        self._last = check_of(kept[-1]) if kept else ""

    def on_log(self, record: Mapping[str, Any]) -> None:
        self._last = chained(self._last, record)
        said = bool(self._waiting)
        self._waiting += f"{json_text({**record, CHECK: self._last})}\n".encode()
        try:
            self._write()
        except OSError as error:
            if not said:
                logger.warning("%s: a line cannot be written now (%s); the training goes on", self.path, error.strerror)

    def on_end(self) -> None:
        if not self._waiting:
            return
        try:
            self._write()
        except OSError as error:
            lost = self._waiting.count(b"\n")
            logger.warning("%s: its last %d lines were lost (%s)", self.path, lost, error.strerror)

    def _write(self) -> None:
        with self.path.open("ab") as file:
            if file.tell() > self._size:
                file.truncate(self._size)  # a disk that is nearly full took a part of a line that it refused
            file.write(self._waiting)
            file.flush()
            self._size = file.tell()
        self._waiting = b""
