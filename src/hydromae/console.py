"""What the commands show: progress bars with time left, tables, one-sentence errors."""

import math
import os
import sys
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from hydromae.evaluation.scores import Scores
from hydromae.training.loop import Listener
from hydromae.training.loop import Progress as RunProgress

# A pipe or a log file has no width of its own; 80 columns would break tables that a file can hold.
console = Console(highlight=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120)
messages = Console(stderr=True, highlight=False)


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=messages,
    )


class Stages:
    """Bars of a command's successive stages; where nobody watches a terminal, a line as each begins.

    Use as a context manager; `stage` is the `on_progress` of the functions that do the work.
    """

    def __init__(self) -> None:
        self._bars, self._tasks = _bars(), dict[str, Any]()

    def __enter__(self) -> "Stages":
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.stop()

    def stage(self, description: str, done: float) -> None:
        """Say what is being done, and the share of it that is done."""
        title, _, detail = description.partition(": ")
        if title not in self._tasks:
            self._tasks[title] = self._bars.add_task(title, total=1.0)
            if not messages.is_terminal:
                messages.print(title)
        shown = f"{title}: {detail}" if detail and done < 1 else title
        self._bars.update(self._tasks[title], completed=done, description=shown)

    def listener(self, total_steps: int) -> Listener:
        """A listener that shows the steps of a training and prints a line an epoch."""
        task = self._bars.add_task("Training", total=total_steps)
        if not messages.is_terminal:
            messages.print(f"Training: {total_steps} steps")

        def on_step(progress: RunProgress) -> None:
            self._bars.update(task, completed=progress.step)

        return Listener(on_step, self._print_record(task))

    def _print_record(self, task: Any) -> Callable[[dict[str, Any]], None]:
        def on_record(record: dict[str, Any]) -> None:
            if record["event"] == "train":
                self._bars.update(task, description=f"Training: loss {record['loss']:.3f}")
                return
            losses = "  ".join(f"{name} {loss:.3f}" for name, loss in record["losses"].items())
            messages.print(
                f"epoch {record['epoch']:.0f}, step {record['step']}: validation {record['loss']:.3f}   {losses}",
                soft_wrap=True,
            )

        return on_record


def score_table(scores: Scores) -> Table:
    """Scores of a reconstruction: mean squared errors at hidden values, and what they remove of the simple fills'."""
    title = f"Mean squared error at hidden values, {' to '.join(scores.period)}, and what is gained on each fill"
    caption = "grids: over land cells; series: median over stations"
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left")
    names = [name.replace("_", " ") for name in scores.references]
    for heading in ("variable", "unit", "model", *names, *(f"on {name.split()[0]}" for name in names)):
        table.add_column(heading, justify="left" if heading in ("variable", "unit") else "right")
    for name, score in scores.modalities.items():
        table.add_row(
            name,
            f"({score.units})²" if score.units != "1" else "1",
            *(_number(score.error(method)) for method in ("model", *scores.references)),
            *(_gain(score.skill(reference)) for reference in scores.references),
        )
    return table


def fail(message: str) -> None:
    """Print an error and end with exit code 2."""
    messages.print(f"[bold red]error:[/] {message.replace('[', chr(92) + '[')}", soft_wrap=True)
    sys.exit(2)


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "none"


def _gain(skill: float) -> str:
    return f"{100 * skill:+.0f} %" if math.isfinite(skill) else "none"
