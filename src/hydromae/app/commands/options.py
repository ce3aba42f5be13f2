"""Arguments that several commands share, and how their progress is titled."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

ConfigFile = Annotated[Path, typer.Argument(help="YAML configuration; see `hydromae config` for its keys.")]
Overrides = Annotated[
    list[str] | None, typer.Argument(help="Keys to change, as training.lr=3e-4.", metavar="KEY=VALUE")
]
# Texts, since gb is a model that comes with the package and ./gb a folder, which are the same path.
Run = Annotated[str, typer.Argument(help="Run directory, the output of `hydromae train`.")]
Runs = Annotated[
    list[str],
    typer.Argument(metavar="RUN...", help="Run directory, or a model of `hydromae models`; several are averaged."),
]
OverwriteOwn = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Replace existing output if hydromae wrote it; the old one stays until the new one is complete.",
    ),
]
Together = Annotated[
    bool,
    typer.Option(
        "--together",
        help="Let several issue times share a window, which makes many forecasts ten times faster; each looks back on "
        "half a window at least.",
    ),
]
Span = Annotated[
    tuple[datetime, datetime] | None, typer.Option(help="First and last day.", formats=["%Y-%m-%d"], metavar="DAY DAY")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the table as JSON, for other programs.")]
Size = Annotated[str, typer.Option(help="tiny (seconds), small (minutes) or full (290 x 180 cells, 604 stations).")]
Seed = Annotated[int, typer.Option(help="Seed of the sample.")]


def titled(stage: Callable[[str, float], None], title: str) -> Callable[[str, float], None]:
    """`stage` with a title before the description of the work."""
    return lambda what, done: stage(f"{title}: {what}", done)


def noted(stage: Callable[[str, float], None], said: set[str]) -> Callable[[str, float], None]:
    """`stage` that also keeps the descriptions in `said`."""

    def note(what: str, done: float) -> None:
        said.add(what)
        stage(what, done)

    return note


def dates(span: tuple[datetime, datetime] | None) -> tuple[date, date] | None:
    """The days of a `Span`."""
    return None if span is None else (span[0].date(), span[1].date())


def listed(text: str | None) -> list[str] | None:
    """The parts of a text separated by commas."""
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def print_notes(notes: Sequence[str]) -> None:
    """Print the decisions made on the way, one a line."""
    from hydromae.app.console import console

    for note in notes:
        console.print(f"note: {note}", soft_wrap=True, style="dim")
