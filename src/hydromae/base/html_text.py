"""HTML for objects that notebooks show."""

import html
from collections.abc import Iterable, Sequence


def html_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "", note: str = "") -> str:
    """A table of text, with a title above and a note below.

    Args:
        columns: heads of the columns; no head is shown where all are empty.
        rows: each as long as `columns`.
        title: above the table; empty is none.
        note: below the table; empty is none.
    """
    head = f"<thead><tr>{_cells('th', columns)}</tr></thead>" if any(columns) else ""
    body = "".join(f"<tr>{_cells('td', row)}</tr>" for row in rows)
    above = f"<b>{html.escape(title)}</b>" if title else ""
    below = f"<div>{html.escape(note)}</div>" if note else ""
    return f"<div>{above}<table>{head}<tbody>{body}</tbody></table>{below}</div>"


def _cells(tag: str, texts: Iterable[object]) -> str:
    return "".join(f"<{tag}>{html.escape(str(text))}</{tag}>" for text in texts)
