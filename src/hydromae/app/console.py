"""What the commands print: progress bars with the time left, a training's table, one-sentence errors."""

import csv
import logging
import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from rich import progress as bars
from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from hydromae.app.output import Output
from hydromae.base.json_text import json_text
from hydromae.base.shown_text import shown
from hydromae.config import LoggingConfig
from hydromae.evaluation.scores import Scores
from hydromae.training.callback import Beginning, Callback
from hydromae.training.progress import Progress
from hydromae.training.tracking.log_file import LogFile
from hydromae.training.tracking.status import Status

# A pipe or a log file has no width of its own; 80 columns would break tables that a file can hold.
_has_width = "COLUMNS" in os.environ or (sys.stdout is not None and sys.stdout.isatty())
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")

console = Output(width=None if _has_width else 120)
messages = Output(stderr=True)


def _bars() -> bars.Progress:
    return bars.Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=messages,
    )


class Stages(Callback):
    """Progress bars of a command's stages and the table of its training; plain lines where there is no terminal.

    Use as a context manager; `stage` is the `on_progress` of the functions that do the work, and it is itself a
    callback of their training. Warnings of the package are printed too. A log file gets everything, as lines.

    Args:
        settings: how and where to print.
        speaks: False in all but the first of several processes, which print nothing.

    Raises:
        ConfigError: the log file cannot be written.
    """

    def __init__(self, settings: LoggingConfig | None = None, speaks: bool = True) -> None:
        settings = settings or LoggingConfig()
        self._quiet = settings.console == "quiet" or not speaks
        self._live = settings.console == "live" and messages.is_terminal and not self._quiet
        self._bars, self._tasks = _bars(), dict[str, Any]()
        self._status: Status | None = None
        self._display = Live(get_renderable=self._render, console=messages, refresh_per_second=4)
        self._file = LogFile(Path(settings.log_file)) if settings.log_file and speaks else None
        self._warnings = _Warnings(self.warn)

    def __enter__(self) -> "Stages":
        logging.getLogger("hydromae").addHandler(self._warnings)
        if self._live:
            self._display.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if self._live:
            self._display.stop()
        logging.getLogger("hydromae").removeHandler(self._warnings)
        if self._file is not None:
            if kind is not None:
                self._file.say(f"ended by {kind.__name__}: {error}" if str(error) else f"ended by {kind.__name__}")
            self._file.close()

    def stage(self, description: str, done: float) -> None:
        """Show what is being done, and the share of it that is done."""
        title, _, detail = description.partition(": ")
        if title not in self._tasks:
            self._tasks[title] = self._bars.add_task(title, total=1.0)
            self._say(title)
        text = f"{title}: {detail}" if detail and done < 1 else title
        self._bars.update(self._tasks[title], completed=done, description=text)

    def warn(self, message: str) -> None:
        """Print a warning above the bars and the table."""
        if self._file is not None:
            self._file.say(f"warning: {message}")
        if not self._quiet:
            messages.print(f"warning: {message}", soft_wrap=True)

    def on_start(self, beginning: Beginning) -> None:
        self._status = Status(beginning.total_steps)
        self._say(f"Training: {beginning.total_steps} steps")

    def on_step(self, progress: Progress) -> None:
        assert self._status is not None
        self._status.on_step(progress)

    def on_log(self, record: Mapping[str, Any]) -> None:
        assert self._status is not None
        self._status.on_log(record)
        self._say(self._status.line(record))
        if self._live:
            self._display.refresh()

    def _say(self, line: str) -> None:
        if self._file is not None:
            self._file.say(line)
        if not self._quiet and not self._live:
            messages.print(line, soft_wrap=True)

    def _render(self) -> RenderableType:
        stages = self._bars.get_renderable()
        return Group(stages, self._status.table()) if self._status is not None else stages


class _Warnings(logging.Handler):
    """Passes on the warnings of the package's loggers."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(record.getMessage())


def score_table(scores: Scores) -> Table:
    """Scores of a reconstruction: mean squared errors at hidden values, and the gain on simple fills."""
    title = f"Mean squared error at hidden values, {' to '.join(scores.period)}, and the gain on each fill"
    caption = "grids: over land cells; series: median over stations"
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left")
    names = [name.replace("_", " ") for name in scores.references]
    for heading in ("modality", "unit", "model", *names, *(f"on {name.split()[0]}" for name in names)):
        table.add_column(heading, justify="left" if heading in ("modality", "unit") else "right")
    for name, score in scores.modalities.items():
        table.add_row(
            name,
            f"({score.units})²" if score.units != "1" else "1",
            *(_number(score.error(method)) for method in ("model", *scores.references)),
            *(_gain(score.skill(reference)) for reference in scores.references),
        )
    return table


def speak(quiet: bool, verbose: bool) -> None:
    """Say less or more than usual: only results and errors, or also the package's own notes with their time."""
    messages.quiet = quiet
    if verbose:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s"))
        handler.addFilter(lambda record: record.levelno < logging.WARNING)  # warnings are printed by `Stages`
        logging.getLogger("hydromae").addHandler(handler)
        logging.getLogger("hydromae").setLevel(logging.DEBUG)


def print_table(table: Table, as_json: bool = False) -> None:
    """Print a table, or its rows as a JSON list with a key for each column; what is a number there is one in JSON."""
    if not as_json:
        console.print(table)
        return
    names = [str(column.header) for column in table.columns]
    rows = zip(*(map(_plain_cell, column.cells) for column in table.columns), strict=True)
    print_json([dict(zip(names, row, strict=True)) for row in rows])


def print_json(content: Any) -> None:
    """Print what JSON can hold, with null for numbers that are not finite."""
    console.print(json_text(content, indent=1), soft_wrap=True)


def rows_of(texts: Iterable[str]) -> list[dict[str, str | float | int]]:
    """The rows of comma-separated values with headers, with numbers where there are numbers."""
    rows = (row for text in texts for row in csv.DictReader(text.splitlines()))
    return [{name: number_or_text(value) for name, value in row.items()} for row in rows]


def _plain_cell(cell: RenderableType) -> str | float | int:
    return number_or_text(cell.plain if isinstance(cell, Text) else str(cell))


def number_or_text(text: str) -> str | float | int:
    """The number that a text writes, else the text: ids with zeros before them stay texts."""
    if not _NUMBER.fullmatch(text):
        return text
    return float(text) if set(text) & set(".eE") else int(text)


def fail(message: str) -> None:
    """Print an error and end with exit code 2."""
    messages.quiet = False
    messages.print(Text.assemble(("error:", "bold red"), " ", shown(message)), soft_wrap=True)
    sys.exit(2)


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "none"


def _gain(skill: float) -> str:
    return f"{100 * skill:+.0f} %" if math.isfinite(skill) else "none"
