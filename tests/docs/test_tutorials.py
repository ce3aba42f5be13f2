"""The cells of the tutorials run one after another, as the site runs them; `make docs` shows what they print."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
from markdown_it import MarkdownIt

from support.pages import ROOT, commands

TUTORIALS = sorted(
    path.stem for path in ROOT.glob("docs/tutorials/*.md") if "{code-cell}" in path.read_text(encoding="utf-8")
)
# The first that a reader meets and the shortest one. The others train for longer, and `make docs` runs them as well.
QUICK = ("first_forecast", "python_api")


def cells(tutorial: str) -> Iterator[str]:
    """The content of each code cell, without what tells the site how to show it and the notebook how to draw."""
    page = (ROOT / f"docs/tutorials/{tutorial}.md").read_text(encoding="utf-8")
    for token in MarkdownIt().parse(page):
        if token.type == "fence" and token.info.startswith("{code-cell}"):
            lines = token.content.splitlines(keepends=True)
            yield "".join(line for line in lines if not line.startswith((":", "%matplotlib")))


@pytest.fixture(autouse=True)
def usual_warnings() -> Iterator[None]:
    """A notebook has a process of its own, in which it may silence our warnings; here other tests follow."""
    logger = logging.getLogger("hydromae")
    before = logger.level
    yield
    logger.setLevel(before)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "tutorial", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in TUTORIALS]
)
def test_the_cells_of_a_tutorial_run_one_after_another(
    tutorial: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hydromae: Callable[..., tuple[int, str, str]]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    for text in cells(tutorial):
        if not text.startswith("%%bash"):
            exec(compile(text, tutorial, "exec"), names)
        for arguments in commands(text) if text.startswith("%%bash") else ():
            may_fail = arguments[-2:] == ["||", "true"]
            code, output, errors = hydromae(*(arguments[:-2] if may_fail else arguments))
            assert code == 0 or may_fail, f"hydromae {' '.join(arguments)}: {output}{errors}"
    plt.close("all")
