"""Validation counts what the run's masks train, and an epoch is saved before it is validated."""

import logging
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from hydromae.base.errors import ConfigError, RunError
from hydromae.base.files import sha256
from hydromae.config import Config
from hydromae.config.read import build_config
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import load_pretrained
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.training.build import build_trainer
from hydromae.training.loop import Trainer
from hydromae.training.runs import continue_run, is_finished, new_run
from hydromae.training.validation import scored_modalities, total_loss
from support.equal import assert_equal_runs
from support.records import records_of
from support.small import small_config, small_raw
from support.sources import World, make_world

Prepared = tuple[World, Store]
FORECAST = {"strategies": {"forecast": 1}, "horizon": 2, "forecast": ["riverflow"]}
VAL = 140  # first day of the validation period, whose 60 days are 7 windows of 8


@pytest.fixture(scope="module")
def gappy(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """No flow in the second window of the validation period, nor in the last three."""
    world = make_world(tmp_path_factory.mktemp("gappy") / "sources")
    world.series["riverflow"][VAL + 8 : VAL + 16] = np.nan
    world.series["riverflow"][VAL + 32 :] = np.nan
    world.write_series()
    return world, prepare(world.config())


def records(run: RunDirectory, event: str) -> list[dict[str, Any]]:
    every = records_of(run)
    return [record for record in every if record["event"] == event]


def newest(run: RunDirectory) -> Path:
    return sorted(run.checkpoints.glob("*.pt"))[-1]


def without_flow(config: Config) -> Config:
    """Validated in days of which no flow is known."""
    val = (np.datetime64("2001-06-22").item(), config.data.val[1])
    return config.model_copy(update={"data": config.data.model_copy(update={"val": val})})


def test_a_window_that_cannot_be_forecast_is_left_out_and_counted(gappy: Prepared, tmp_path: Path) -> None:
    trainer = build_trainer(small_config(gappy[0], tmp_path, masking=FORECAST), gappy[1])
    found = trainer.validate()
    assert [name for name, loss in found["losses"].items() if loss is not None] == ["riverflow"]
    assert found["left_out"] == 4 and found["loss"] == found["losses"]["riverflow"] > 0
    planned = [*scored_modalities(trainer.reader, trainer.masker.planner, trainer.held_out)]
    assert planned == [("riverflow",), (), ("riverflow",), ("riverflow",), (), (), ()]


def test_windows_of_one_station_are_left_out_each_by_itself(gappy: Prepared, tmp_path: Path) -> None:
    model = {"series_patch_size": 1}
    config = small_config(gappy[0], tmp_path, masking=FORECAST, model=model, data={"stations_per_window": 1})
    assert build_trainer(config, gappy[1]).validate()["left_out"] == 4 * 4


@pytest.mark.parametrize("size", [1, 3, 8])
def test_what_is_left_out_does_not_depend_on_the_batches(gappy: Prepared, tmp_path: Path, size: int) -> None:
    config = small_config(gappy[0], tmp_path, masking=FORECAST, training={"batch_size": size})
    assert build_trainer(config, gappy[1]).validate()["left_out"] == 4


def test_a_modality_counts_by_the_windows_in_which_it_was_scored() -> None:
    assert total_loss([2.0, 3.0, None], [1.0, 10.0, 5.0], [10, 5, 0]) == 2 + 10 * 3 / 2
    assert total_loss([2.0, 3.0], [1.0, 1.0], [4, 4]) == 5
    assert total_loss([None, None], [1.0, 1.0], [0, 0]) is None is total_loss([None], [1.0])


def test_the_seldom_hidden_count_seldom(prepared: Prepared, tmp_path: Path) -> None:
    masking = {"strategies": {"random": 1, "forecast": 1}, "targets": {"random": ["soil", "riverflow"]}}
    trainer = build_trainer(small_config(prepared[0], tmp_path, masking={**FORECAST, **masking}), prepared[1])
    scored = [*scored_modalities(trainer.reader, trainer.masker.planner, trainer.held_out)]
    times = {name: sum(name in window for window in scored) for name in trainer.model.shapes}
    assert 0 < times["soil"] < times["riverflow"] == 7 and times["precip"] == times["evap"] == 0
    found = trainer.validate()
    expected = found["losses"]["riverflow"] + times["soil"] / 7 * found["losses"]["soil"]
    assert found["loss"] == pytest.approx(expected, rel=1e-6) and found["losses"]["precip"] is None


def test_where_nothing_can_be_scored_the_last_model_is_kept_and_it_is_said_before_training(
    gappy: Prepared, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = without_flow(small_config(gappy[0], tmp_path / "run", masking=FORECAST))
    store = gappy[1].with_periods({"train": config.data.train, "val": config.data.val})
    with caplog.at_level(logging.WARNING, "hydromae"):
        run = new_run(config, store)
    assert [r.message for r in caplog.records if "in none of the 3 windows of the validation period" in r.message]
    assert is_finished(run) and records(run, "validation") == []
    kept, last = load_pretrained(run.path).state_dict(), torch.load(newest(run), weights_only=True)["model"]
    assert all(torch.equal(kept[name], last[name]) for name in last)
    waiting = config.model_copy(update={"training": config.training.model_copy(update={"patience": 2})})
    with pytest.raises(ConfigError, match=r"patience is 2, but in none of the 3 .* set training\.patience=null"):
        build_trainer(waiting, store)


def test_a_dry_run_says_how_many_windows_can_be_scored(
    hydromae: Callable[..., tuple[int, str, str]], gappy: Prepared, tmp_path: Path
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(small_raw(gappy[0], tmp_path / "run", masking=FORECAST)))
    code, said, _ = hydromae("train", path, "--dry-run")
    assert code == 0 and "3 of 7 windows can be scored" in said and said.index("estimate") < said.index("Dry run")


def test_an_epoch_whose_validation_fails_is_not_lost(
    gappy: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def config(name: str) -> Config:
        return small_config(gappy[0], tmp_path / name, masking=FORECAST)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "validate", lambda self: {"loss": math.nan, "losses": {}, "left_out": 0})
        with pytest.raises(RunError, match="the validation loss at step 3 is nan"):
            new_run(config("failed"), gappy[1])
    failed = RunDirectory(tmp_path / "failed")
    assert newest(failed).name == "step_00000003.pt" and load_pretrained(failed.path) is not None
    continue_run(failed)
    assert_equal_runs(failed, new_run(config("whole"), gappy[1]), n_records=6)


@pytest.mark.slow
@pytest.mark.parametrize("masking", [FORECAST, {}], ids=["forecast", "random"])
def test_a_checkpoint_of_before_resumes_and_its_best_epoch_stays_where_it_was_judged_alike(
    gappy: Prepared, prepared: Prepared, tmp_path: Path, masking: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    world, store = gappy if masking else prepared
    training = {"epochs": 3}
    run = new_run(small_config(world, tmp_path / "run", masking=masking, training=training), store)
    old, last = (newest(run).with_name(f"step_0000000{step}.pt") for step in (6, 9))
    last.unlink()
    shutil.rmtree(run.model)
    (run.path / "summary.json").unlink()
    content = torch.load(old, weights_only=True)
    del content["validation"], content["progress"]["validated"]
    content["progress"] |= {"best_loss": 0.001, "best_step": 3, "waited": 1, "lines": 6}  # as if judged otherwise
    torch.save(content, old)
    old.with_suffix(".sha256").write_text(sha256(old))
    with caplog.at_level(logging.WARNING, "hydromae"):
        continue_run(run)
    progress = torch.load(newest(run), weights_only=True)["progress"]
    assert progress["step"] == 9 and is_finished(run)
    said = any("the best epoch is chosen anew" in record.message for record in caplog.records)
    assert said is bool(masking) and progress["best_step"] == (None if masking else 3)


def test_masks_that_hide_no_token_are_refused_with_a_window_that_works(prepared: Prepared, tmp_path: Path) -> None:
    world, store = prepared
    names = ("evap", "riverflow")
    raw = small_raw(
        world,
        tmp_path / "run",
        model={"series_patch_size": 1, "series_patch_days": 4},
        masking={"series_mask_ratio": 0.1},
        data={"window": 4, "stations_per_window": 1},
    )
    raw["data"]["modalities"] = {name: raw["data"]["modalities"][name] for name in names}
    raw["data"]["store"] = str(tmp_path / "series")
    for key in ("grid_height", "grid_width", "patch_size"):
        raw["model"].pop(key)
    raw["data"].pop("land_mask")
    store = prepare(build_config(raw))
    with pytest.raises(ConfigError, match=r"set data\.window to 8 or more days"):
        new_run(build_config(raw), store)
    assert not (tmp_path / "run").exists()
    run = new_run(build_config(raw, ["data.window=8"]), store)
    losses = [record["loss"] for record in records(run, "train")]
    assert losses and all(loss is not None and loss > 0 for loss in losses)
    assert all(record["losses"]["evap"] is not None for record in records(run, "validation"))
