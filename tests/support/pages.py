"""The commands on the pages of the documentation."""

import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]


def commands(text: str) -> list[list[str]]:
    """The arguments of each `hydromae` command of a block."""
    lines = text.replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("hydromae ")]
