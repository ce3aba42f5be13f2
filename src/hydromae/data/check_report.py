"""What `check` found, and how it is shown."""

from dataclasses import dataclass, field
from typing import Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class Problem:
    """One sentence: what, where, what to do. `unreadable` marks an error that keeps a file from being read at all."""

    severity: Literal["error", "warning"]
    text: str
    unreadable: bool = False


@dataclass(frozen=True)
class Row:
    """One modality; numbers are None where it could not be read. `places` is rows x columns or the stations."""

    name: str
    kind: str
    files: int
    reader: str
    first_day: str
    last_day: str
    places: str
    units: str
    missing: float | None = None
    minimum: float | None = None
    mean: float | None = None
    maximum: float | None = None


@dataclass
class CheckReport:
    """Everything `check` found.

    Attributes:
        subject: the configuration or store.
        sampled_every: days between the grids' days that were read.
        rows: one a modality.
        problems: in the order they were found.
    """

    subject: str
    sampled_every: int
    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def error(self, text: str, unreadable: bool = False) -> None:
        """Add an error."""
        self.problems.append(Problem("error", text, unreadable))

    def warning(self, text: str) -> None:
        """Add a warning."""
        self.problems.append(Problem("warning", text))

    @property
    def exit_code(self) -> int:
        """0 when fit, 1 when something would spoil training, 2 when something cannot be read."""
        if any(problem.unreadable for problem in self.problems):
            return 2
        return int(any(problem.severity == "error" for problem in self.problems))


def render(report: CheckReport) -> RenderableType:
    """The report as a table and a list, for `rich`."""
    table = Table(title=report.subject)
    for heading in ("modality", "kind", "files", "reader", "first day", "last day", "cells or stations", "units"):
        table.add_column(heading)
    for heading in ("missing", "minimum", "mean", "maximum"):
        table.add_column(heading, justify="right")
    for row in report.rows:
        numbers = ["" if v is None else f"{v:.4g}" for v in (row.minimum, row.mean, row.maximum)]
        missing = "" if row.missing is None else f"{row.missing:.1%}"
        cells = (row.name, row.kind, str(row.files), row.reader, row.first_day, row.last_day, row.places, row.units)
        table.add_row(*(Text(cell) for cell in (*cells, missing, *numbers)))
    lines: list[RenderableType] = [table]
    if any(row.kind == "grid" for row in report.rows):
        lines.append(Text(f"Numbers of grids are of land cells on every {report.sampled_every}th day.", style="dim"))
    for problem in report.problems:
        style = "red" if problem.severity == "error" else "yellow"
        lines.append(Text.assemble((f"{problem.severity}: ", style), problem.text))
    verdicts = ("Fit for training.", "Would spoil training: mend the errors.", "Cannot be read: mend the errors.")
    lines.append(Text(verdicts[report.exit_code], style="bold"))
    return Group(*lines)
