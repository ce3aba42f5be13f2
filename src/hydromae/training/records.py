"""Metrics as JSON lines, one record a line."""

from pathlib import Path
from typing import Any

from hydromae.base.files import write_text
from hydromae.base.json_text import json_text


class Records:
    """Append-only records of a run, which a resumed run cuts back to those of its checkpoint.

    Args:
        path: the file.
        keep: lines to keep of what is there.
    """

    def __init__(self, path: Path, keep: int = 0) -> None:
        there = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.is_file() else []
        self.path, self.lines = path, len(there[:keep])
        write_text(path, "".join(there[:keep]))

    def append(self, record: dict[str, Any]) -> None:
        """Write one record, at once."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json_text(record) + "\n")
        self.lines += 1
