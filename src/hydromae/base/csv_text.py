"""Text in CSV: what a spreadsheet would take for a formula gets an apostrophe before it, which our readers remove.

Numbers are left as they are. An apostrophe is also added where a text already has some before such a sign, so that
removing one always gives the text that was written, and nothing else in files of others changes.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
_NUMBER: Final = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def guarded(text: str) -> str:
    """Text as a cell of a CSV has it; a sign by itself, as for no number, is no formula."""
    harmless = text in ("-", "+") or _NUMBER.fullmatch(text)
    return f"'{text}" if _FORMULA.match(text) and not harmless else text


def unguarded(text: str) -> str:
    """What `guarded` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def rows_text(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV, each on a line; texts are guarded."""
    safe = [[guarded(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=_quoting(cell for row in safe for cell in row)).writerows(safe)
    return text.getvalue()


def write_frame(frame: pd.DataFrame, path: Path, **options: Any) -> None:
    """Write a frame as CSV without its index; texts and headers are guarded.

    Args:
        frame: the table.
        path: the file.
        options: of `DataFrame.to_csv`.
    """
    texts = {name: _guarded_column(column) for name, column in frame.items() if not _holds_no_text(column)}
    safe = frame.assign(**{str(name): column for name, column in texts.items()}).rename(columns=_header)
    cells = (cell for column in texts.values() for cell in column.unique())
    safe.to_csv(path, index=False, lineterminator="\n", quoting=_quoting(cells), **options)


def _header(name: object) -> object:
    return guarded(name) if isinstance(name, str) else name


def _holds_no_text(column: "pd.Series[Any]") -> bool:
    kind = column.dtype.kind
    return kind in "iufbcmM"


def _guarded_column(column: "pd.Series[Any]") -> "pd.Series[Any]":
    codes, distinct = pd.factorize(column)  # an id stands in thousands of rows
    safe = [_header(text) for text in distinct]
    if safe == list(distinct):
        return column
    return pd.Series(np.array([*safe, None], object)[codes], column.index, object)


def _quoting(cells: Iterable[object]) -> Any:
    """Python's writer leaves a carriage return unquoted, which would begin a new row."""
    bare = any(isinstance(cell, str) and "\r" in cell for cell in cells)
    return csv.QUOTE_NONNUMERIC if bare else csv.QUOTE_MINIMAL
