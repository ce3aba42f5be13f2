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
    they are, whatever their bytes.

    Args:
        path: the file.
        keep: number of existing lines to keep.
    """

    def __init__(self, path: Path, keep: int = 0) -> None:
        self.path, self.keep = path, keep
        self._last = ""  # the check of the last line

    def on_start(self, beginning: Beginning) -> None:
        *whole, cut = self.path.read_bytes().split(b"\n") if self.path.is_file() else [b""]
        lines = [line + b"\n" for line in (*whole, *([cut] if cut else []))]
        if len(lines) < self.keep:
            logger.warning("%s: %d lines of it were lost; the others are kept", self.path, self.keep - len(lines))
        kept = lines[: self.keep]
        with atomic_path(self.path) as temporary:
            temporary.write_bytes(b"".join(kept))
        self._last = check_of(kept[-1]) if kept else ""

    def on_log(self, record: Mapping[str, Any]) -> None:
        self._last = chained(self._last, record)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json_text({**record, CHECK: self._last}) + "\n")
