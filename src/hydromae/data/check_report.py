"""What `check` found, and how it is shown."""

from dataclasses import dataclass, field
from typing import Literal

from rich.console import Group, RenderableType
from rich.markup import escape
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
    table = Table("", *(escape(row.name) for row in report.rows), title=report.subject, title_justify="left")
    columns = [_cells(row) for row in report.rows]
    for heading in columns[0] if columns else ():
        table.add_row(heading, *(Text(column[heading]) for column in columns))
    lines: list[RenderableType] = [table]
    if any(row.kind == "grid" for row in report.rows):
        lines.append(Text(f"Numbers of grids are of land cells on every {report.sampled_every}th day.", style="dim"))
    for problem in report.problems:
        style = "red" if problem.severity == "error" else "yellow"
        lines.append(Text.assemble((f"{problem.severity}: ", style), problem.text))
    verdicts = ("Fit for training.", "Would spoil training: mend the errors.", "Cannot be read: mend the errors.")
    lines.append(Text(verdicts[report.exit_code], style="bold"))
    return Group(*lines)


def _cells(row: Row) -> dict[str, str]:
    """What the table says of a modality."""
    numbers = {"minimum": row.minimum, "mean": row.mean, "maximum": row.maximum}
    return {
        "kind": row.kind,
        "files": str(row.files),
        "reader": row.reader,
        "first day": row.first_day,
        "last day": row.last_day,
        "size": row.places,
        "missing": "" if row.missing is None else f"{row.missing:.1%}",
        **{name: "" if number is None else f"{number:.4g}" for name, number in numbers.items()},
        "units": row.units,
    }
