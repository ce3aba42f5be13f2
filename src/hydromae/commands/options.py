"""Arguments that several commands share, and how their progress is titled."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

ConfigFile = Annotated[Path, typer.Argument(help="YAML configuration; see `hydromae config` for its keys.")]
Overrides = Annotated[
    list[str] | None, typer.Argument(help="Keys to change, as training.lr=3e-4.", metavar="KEY=VALUE")
]
Run = Annotated[Path, typer.Argument(help="Run directory, the output of `hydromae train`.")]
Size = Annotated[str, typer.Option(help="tiny (seconds), small (minutes) or full (290 x 180 cells, 604 stations).")]
Seed = Annotated[int, typer.Option(help="Seed of the sample.")]


def titled(stage: Callable[[str, float], None], title: str) -> Callable[[str, float], None]:
    """`stage` with a title before what is being done."""
    return lambda what, done: stage(f"{title}: {what}", done)
