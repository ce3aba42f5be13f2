"""The report of `check`, and how it is printed."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from hydromae.base.html_text import html_table
from hydromae.check.exclusions import Exclusion, exclusion_lines
from hydromae.check.records import SeriesRecord

VERDICTS = ("Fit for training.", "Would spoil training: mend the errors.", "Cannot be read: mend the errors.")
NOTHING = Exclusion()
PAGE_VALUES: Final = {"series": 2_800_000, "grid": 900_000}  # of all; a value takes some 1.2 bytes
_STYLES = {"error": "red", "warning": "yellow", "note": "dim"}


@dataclass(frozen=True)
class Problem:
    """One sentence: what, where, what to do.

    Attributes:
        severity: an error would spoil training, a warning may, a note only informs.
        unreadable: whether it keeps a file from being read at all.
        details: every station or day that the sentence counts, with what concerns it.
        exclusion: what to leave out to avoid the problem; empty where leaving out does not help.
    """

    severity: Literal["error", "warning", "note"]
    text: str
    unreadable: bool = False
    details: tuple[str, ...] = ()
    exclusion: Exclusion = NOTHING


@dataclass(frozen=True)
class Row:
    """One modality; numbers are None where it could not be read. `places` is rows x columns or the stations.

    `why` is the reader's reason; `split_missing` the share of missing values of each split; `units_read` those in the
    files, where they are known.
    """

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
    why: str = ""
    split_missing: Mapping[str, float] = field(default_factory=dict)
    units_read: str = ""


@dataclass(frozen=True)
class GridView:
    """A grid for the page: maps of its mean and missing share over the days looked at, NaN off the land.

    Row 0 is the north. `present` is the share of land cells with a value in each of `years`; `maps` are of some `days`.
    """

    name: str
    units: str
    quantity: str
    years: Int[np.ndarray, "year"]
    present: Float[np.ndarray, "year"]
    mean: Float[np.ndarray, "row column"]
    missing: Float[np.ndarray, "row column"]
    days: tuple[str, ...] = ()
    maps: tuple[Float[np.ndarray, "row column"], ...] = ()


@dataclass(frozen=True)
class SeriesView:
    """A series for the page: its record, and the share of each year's days with a value at each station."""

    name: str
    units: str
    stations: tuple[str, ...]
    years: Int[np.ndarray, "year"]
    present: Float[np.ndarray, "year station"]
    missing: Float[np.ndarray, "station"]
    mean: Float[np.ndarray, "station"]
    record: SeriesRecord


@dataclass(frozen=True)
class AttributesView:
    """Where attributes are missing, and where the stations lie (degrees; None without such attributes).

    `called` are the names of the stations, empty where they have none.
    """

    stations: tuple[str, ...]
    names: tuple[str, ...]
    missing: Bool[np.ndarray, "station attribute"]
    longitude: Float[np.ndarray, "station"] | None
    latitude: Float[np.ndarray, "station"] | None
    called: tuple[str, ...] = ()


@dataclass(repr=False)
class CheckReport:
    """Everything `check` found.

    Attributes:
        subject: the configuration or store.
        sampled_every: days between the grids' days that were read; 1 is all.
        rows: one for each modality.
        problems: in the order they were found.
        excluded: what the configuration leaves out already.
        grids, series, attributes: for the page.
        places: values that it may hold of each series, and cells of each grid; see `share_the_page`.
        paged: whether what only the page needs is kept.
    """

    subject: str
    sampled_every: int
    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    excluded: Exclusion = NOTHING
    grids: list[GridView] = field(default_factory=list)
    series: list[SeriesView] = field(default_factory=list)
    attributes: AttributesView | None = None
    places: dict[str, int] = field(default_factory=lambda: dict(PAGE_VALUES))
    paged: bool = True

    def share_the_page(self, kinds: Iterable[str]) -> None:
        """Give each of several modalities, grids or series, an equal part of what the page can hold."""
        for kind, count in Counter(kinds).items():
            self.places[kind] = PAGE_VALUES[kind] // count

    def __repr__(self) -> str:
        return "\n".join(
            [f"Check of {self.subject}: {self.verdict}", *(f"  {p.severity}: {p.text}" for p in self.ordered)]
        )

    def _repr_html_(self) -> str:
        columns = [cells_of(row) for row in self.rows]
        heads = dict.fromkeys(heading for column in columns for heading in column)
        rows = [(heading, *(column.get(heading, "") for column in columns)) for heading in heads]
        told = [(problem.severity, problem.text) for problem in self.ordered]
        table = html_table(("", *(row.name for row in self.rows)), rows, self.subject)
        return table + html_table(("", ""), told, note=self.verdict)

    def error(
        self, text: str, unreadable: bool = False, details: tuple[str, ...] = (), exclusion: Exclusion = NOTHING
    ) -> None:
        """Add an error."""
        self.problems.append(Problem("error", text, unreadable, details, exclusion))

    def warning(self, text: str, details: tuple[str, ...] = (), exclusion: Exclusion = NOTHING) -> None:
        """Add a warning."""
        self.problems.append(Problem("warning", text, False, details, exclusion))

    def note(self, text: str, details: tuple[str, ...] = ()) -> None:
        """Add a note, which only informs."""
        self.problems.append(Problem("note", text, False, details))

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the verdict, the modalities and the problems, without what is drawn."""
        return {
            "subject": self.subject,
            "exit_code": self.exit_code,
            "modalities": [asdict(row) for row in self.rows],
            "problems": [
                {"severity": problem.severity, "text": problem.text, "details": list(problem.details)}
                for problem in self.ordered
            ],
        }

    @property
    def ordered(self) -> list[Problem]:
        """The problems, errors first and notes last."""
        return sorted(self.problems, key=lambda problem: list(_STYLES).index(problem.severity))

    @property
    def exit_code(self) -> int:
        """0 when fit, 1 when something would spoil training, 2 when something cannot be read."""
        if any(problem.unreadable for problem in self.problems):
            return 2
        return int(any(problem.severity == "error" for problem in self.problems))

    @property
    def verdict(self) -> str:
        """The exit code in words."""
        return VERDICTS[self.exit_code]

    @property
    def sampling(self) -> str:
        """Which days of the grids the numbers describe."""
        if self.sampled_every == 1:
            return "Numbers of grids are of land cells on every day."
        return (
            f"Numbers of grids are of land cells on every {self.sampled_every}th day of each year and the day after "
            f"it; --full looks at all."
        )

    def exclusions(self, severity: Literal["error", "warning"] = "error") -> str:
        """Configuration lines, YAML, that leave out the data of errors, or of errors and warnings; empty if nothing."""
        taken = ("error",) if severity == "error" else ("error", "warning")
        return exclusion_lines((p.exclusion for p in self.problems if p.severity in taken), self.excluded)


def render(report: CheckReport) -> RenderableType:
    """The report as a table, a list and the lines that exclude, for `rich`."""
    table = Table("")
    for row in report.rows:
        table.add_column(Text(row.name))
    columns = [cells_of(row) for row in report.rows]
    for heading in dict.fromkeys(heading for column in columns for heading in column):
        table.add_row(heading, *(Text(column.get(heading, "")) for column in columns))
    lines: list[RenderableType] = [Text(report.subject, style="bold"), *([table] if report.rows else [])]
    if any(row.kind == "grid" for row in report.rows):
        lines.append(Text(report.sampling, style="dim"))
    for problem in report.ordered:
        lines.append(Text.assemble((f"{problem.severity}: ", _STYLES[problem.severity]), problem.text))
    for heading, block in exclusion_blocks(report):
        lines += [Text(heading, style="bold"), Text(block.rstrip())]
    lines.append(Text(report.verdict, style="bold"))
    return Group(*lines)


def exclusion_blocks(report: CheckReport) -> list[tuple[str, str]]:
    """The lines to paste, each block with a heading that says what it does."""
    errors, with_warnings = report.exclusions("error"), report.exclusions("warning")
    blocks = [("These lines of the configuration leave out what would spoil training:", errors)] if errors else []
    if with_warnings != errors:
        also = " also" if errors else ""
        blocks.append(
            (f"These lines of the configuration{also} leave out what is doubtful, if you want that:", with_warnings)
        )
    return blocks


def cells_of(row: Row) -> dict[str, str]:
    """What the table says of a modality, heading by heading."""
    numbers = {"minimum": row.minimum, "mean": row.mean, "maximum": row.maximum}
    return {
        "kind": row.kind,
        "files": str(row.files),
        "reader": row.reader,
        **({"reader chosen as": row.why} if row.why else {}),
        "first day": row.first_day,
        "last day": row.last_day,
        "size": row.places,
        "missing": "" if row.missing is None else f"{row.missing:.1%}",
        **{f"missing in {split}": f"{share:.1%}" for split, share in row.split_missing.items()},
        **{name: "" if number is None else f"{number:.4g}" for name, number in numbers.items()},
        **({"units in the files": row.units_read} if row.units_read else {}),
        "units": row.units,
    }
