from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
import torch
import yaml
from rich.console import Console

from hydromae.config import Config
from hydromae.config.read import build_config
from hydromae.store.store import Store
from hydromae.training.dry_run import Trial, dry_run
from hydromae.training.runs import new_run
from hydromae.training.setup import build_model
from support.small import small_config, small_raw
from support.sources import World

Prepared = tuple[World, Store]


@pytest.fixture(scope="module")
def shared(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Trial]:
    """A small experiment and its dry run, after which the data and the output are looked at."""
    folder = tmp_path_factory.mktemp("trial")
    config = small_config(prepared[0], folder / "run")
    before = {path: path.stat().st_mtime_ns for path in prepared[0].root.parent.rglob("*")}
    trial = dry_run(config, prepared[1])
    assert list(folder.iterdir()) == [], "a dry run wrote something"
    assert {path: path.stat().st_mtime_ns for path in prepared[0].root.parent.rglob("*")} == before
    return config, trial


def test_a_dry_run_writes_nothing_and_says_what_the_training_would_be(
    prepared: Prepared, shared: tuple[Config, Trial]
) -> None:
    config, trial = shared
    assert trial.parameters == sum(p.numel() for p in build_model(config, prepared[1]).parameters())
    assert (trial.steps_per_epoch, trial.steps) == (3, 6)
    # 8 days of 4 patches, or of 2 groups of stations; 40 % hidden of what there is.
    assert trial.tokens["precip"] == trial.tokens["soil"] == (32, 19, 13)
    assert trial.tokens["evap"] == (16, 10, 6)
    every, visible, hidden = trial.tokens["riverflow"]
    assert every == 16 and 0 < visible <= 10 and 0 < hidden <= 6
    assert trial.seconds_per_step > 0 and trial.memory > 2**20 and trial.device == "cpu"


def test_a_dry_run_lists_what_fine_tuning_would_load_resize_and_make_anew(
    hydromae: Callable[..., tuple[int, str, str]],
    prepared: Prepared,
    shared: tuple[Config, Trial],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    begun = new_run(small_config(prepared[0], tmp_path / "begun", training={"epochs": 1}), prepared[1])
    raw = small_raw(
        prepared[0], tmp_path / "run", model={"series_patch_size": 1}, training={"start_from": str(begun.path)}
    )
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(raw))
    code, said, _ = hydromae("train", tmp_path / "config.yaml", "--dry-run")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in said.splitlines() if line.count("│") == 5]
    assert code == 0 and not (tmp_path / "run").exists()
    assert ["evap_encoder", "1", "new", "tokens were 2 stations x 1 days, now 1 stations x 1 days"] in rows
    assert ["blocks_shared", "12", "loaded", ""] in rows and "parameters" in said
    trial = dry_run(build_config(raw), prepared[1])
    assert trial.start is not None and trial.start.count("loaded") > trial.start.count("new") > 0
    assert shared[1].start is None


def test_a_dry_run_of_a_single_step_still_measures(prepared: Prepared, tmp_path: Path) -> None:
    trial = dry_run(small_config(prepared[0], tmp_path, training={"batch_size": 64}), prepared[1])
    assert trial.steps_per_epoch == 1 and trial.seconds_per_step > 0


def test_the_table_holds_every_figure(shared: tuple[Config, Trial]) -> None:
    trial = shared[1]
    console = Console(width=120, record=True, file=StringIO())
    console.print(trial.table())
    shown = console.export_text()
    assert f"{trial.parameters:,}" in shown and "32 a window: 19 visible, 13 hidden" in shown
    assert "6 (3 an epoch)" in shown and all(f"tokens of {name}" in shown for name in trial.tokens)


def test_a_dry_run_does_not_change_what_training_would_give(prepared: Prepared, tmp_path: Path) -> None:
    config = small_config(prepared[0], tmp_path)
    before = build_model(config, prepared[1]).state_dict()
    dry_run(config, prepared[1])
    after = build_model(config, prepared[1]).state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
