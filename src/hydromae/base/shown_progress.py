"""Where the work of a Python call stands, shown to a person who looks: as a bar in a terminal, or in a notebook."""

import html
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, Literal

Progress = bool | Callable[[str, float], None] | None

_AFTER: Final = 1.0  # seconds of work before a bar appears
_EVERY: Final = 0.25  # seconds between two changes in a notebook


class ShownProgress:
    """Shows what is being done and the share that is done; what is shown disappears when the work is done.

    Use as a context manager, and call it with words and a share from 0 to 1.

    Args:
        progress: True shows a bar, False none; None shows one in a terminal and in a notebook, if the work takes more
            than a second. A function is called with the words and the share.
    """

    def __init__(self, progress: Progress = None) -> None:
        self._tell = progress if callable(progress) else None
        self._where = None if self._tell is not None or progress is False else _where()
        if self._where == "nowhere":
            self._where = "terminal" if progress else None
        self._begin = time.monotonic() + (0.0 if progress else _AFTER)
        self._bar: _TerminalBar | _NotebookBar | None = None

    def __enter__(self) -> "ShownProgress":
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, what: str, done: float) -> None:
        """Show where the work stands."""
        if self._tell is not None:
            self._tell(what, done)
        elif self._where is not None and time.monotonic() >= self._begin:
            if self._bar is None:
                self._bar = _TerminalBar() if self._where == "terminal" else _NotebookBar()
            self._bar.show(what, done)


def _where() -> Literal["terminal", "notebook", "nowhere"]:
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_jupyter:
        return "notebook"
    return "terminal" if console.is_terminal else "nowhere"


class _TerminalBar:
    """A line of `rich`."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:3.0f} %"),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self._bars = Bars(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bars.add_task("", total=1.0)
        self._bars.start()

    def show(self, what: str, done: float) -> None:
        self._bars.update(self._task, description=what, completed=done)

    def close(self) -> None:
        self._bars.stop()


class _NotebookBar:
    """An element of HTML, since the bars of `rich` need ipywidgets in a notebook."""

    def __init__(self) -> None:
        notebook: Any = import_module("IPython.display")  # which has no types
        self._html = notebook.HTML
        self._shown = notebook.display(self._html(""), display_id=True)
        self._last = -_EVERY

    def show(self, what: str, done: float) -> None:
        if (now := time.monotonic()) - self._last >= _EVERY:
            self._last = now
            bar = f'<progress max="1" value="{done:.4f}"></progress> {done:.0%}'
            self._shown.update(self._html(f"<div>{html.escape(what)} {bar}</div>"))

    def close(self) -> None:
        self._shown.update(self._html(""))
