"""Metrics as JSON lines, one record a line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydromae.base.files import write_text
from hydromae.base.json_text import json_text
from hydromae.training.callback import Beginning, Callback


class Records(Callback):
    """Append-only records of a run; a resumed run cuts them back to those of its checkpoint.

    Args:
        path: the file.
        keep: number of existing lines to keep.
    """

    def __init__(self, path: Path, keep: int = 0) -> None:
        self.path, self.keep = path, keep

    def on_start(self, beginning: Beginning) -> None:
        there = self.path.read_text(encoding="utf-8").splitlines(keepends=True) if self.path.is_file() else []
        write_text(self.path, "".join(there[: self.keep]))

    def on_log(self, record: Mapping[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json_text(record) + "\n")
