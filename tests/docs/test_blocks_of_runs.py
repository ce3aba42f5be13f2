"""Blocks of the pages that need a store and a run of the reader's own."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hydromae as package
from support.my_run import make_my_run, make_others, persistence
from support.pages import BY_RUN, BY_RUN_SLOW, run_blocks


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("my")
    before = Path.cwd()
    os.chdir(folder)
    try:
        make_my_run(folder)
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def my_folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a reader who has trained, to be changed freely."""
    shutil.copytree(made, tmp_path / "my", symlinks=True)
    monkeypatch.chdir(tmp_path / "my")
    return tmp_path / "my"


def names_of(page: str) -> dict[str, Any]:
    """What the Python of a page supposes."""
    if page != "docs/metrics.md":
        return {}
    observed = package.open_store("stores/my")["riverflow"].load()
    other = persistence(observed)
    training = observed.sel(time=slice("2008"))
    return {"forecast": 0.9 * other, "other": other, "observed": observed, "training": training}


@pytest.mark.timeout(2400)
@pytest.mark.parametrize("page", [*BY_RUN, *(pytest.param(page, marks=pytest.mark.slow) for page in BY_RUN_SLOW)])
def test_the_blocks_of_a_page_run_one_after_another(
    page: str, my_folder: Path, hydromae: Callable[..., tuple[int, str, str]]
) -> None:
    if page in ("docs/training.md", "docs/ungauged.md"):
        make_others(my_folder)
    if page == "docs/training.md":  # whose reader begins with the gauges
        Path("stores/my").rename("stores/all")
        shutil.rmtree("output/my")
        Path("my.yaml").unlink()
    run_blocks(page, hydromae, names_of(page))
