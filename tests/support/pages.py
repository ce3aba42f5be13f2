"""The Python and the commands on the pages of the documentation."""

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
# Pages that need nothing, or only tables of gauges; those that train are slow.
BY_GAUGES = ("README.md", "docs/install.md")
BY_GAUGES_SLOW = ("docs/own_data.md", "docs/pretrained.md")
# Pages that need a store and a run of the reader's own, and those of them that take long.
BY_RUN = ("docs/check.md", "docs/metrics.md", "docs/store.md")
BY_RUN_SLOW = (
    "docs/cross_modality.md",
    "docs/floods_and_droughts.md",
    "docs/forecast.md",
    "docs/infill.md",
    "docs/predictions.md",
    "docs/r_and_qgis.md",
    "docs/report.md",
    "docs/training.md",
    "docs/tutorials/adapting.md",
    "docs/tutorials/uncertainty.md",
    "docs/tutorials/worse_than_ridge.md",
    "docs/ungauged.md",
)
# Pages whose blocks another test runs; the cells of the tutorials are run by test_tutorials.py and `make docs`.
ELSEWHERE = {
    "docs/camels_nrfa_haduk.md": "tests/docs/test_camels_nrfa_haduk.py",
    "docs/data.md": "tests/readers/test_registered.py",
    "docs/extending.md": "tests/docs/test_extending.py",
    "docs/hub.md": "tests/runs/test_hub.py",
    "docs/masks.md": "tests/masks/test_registry.py",
    "docs/operation.md": "tests/docs/test_operation.py",
    "docs/slurm.md": "tests/training/test_slurm.py",
}
PAGES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "README.md", *ROOT.glob("docs/**/*.md")))


def commands(text: str) -> list[list[str]]:
    """The arguments of each `hydromae` command of a block."""
    lines = text.replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("hydromae ")]


def blocks(page: str) -> Iterator[tuple[str, str]]:
    """Each block of a page that holds Python or commands, as `python` or `commands` and its text."""
    for token in MarkdownIt().parse((ROOT / page).read_text(encoding="utf-8")):
        kind = token.info.split()[0] if token.info else ""
        if token.type == "fence" and kind == "python":
            yield "python", token.content
        if (token.type == "code_block" or (token.type == "fence" and kind in ("bash", ""))) and commands(token.content):
            yield "commands", token.content


def is_marked(text: str) -> bool:
    """Whether a block says that it is not run, and why."""
    return text.startswith("# not run: ")


def run_blocks(page: str, hydromae: Callable[..., tuple[int, str, str]], names: dict[str, Any]) -> None:
    """Run the blocks of a page one after another, in the working directory; Python finds `names`."""
    for kind, text in blocks(page):
        if is_marked(text):
            continue
        if kind == "python":
            exec(compile(text, page, "exec"), names)
        for arguments in commands(text) if kind == "commands" else ():
            code, output, errors = hydromae(*arguments)
            assert code == 0, f"hydromae {' '.join(arguments)}: {output}{errors}"
