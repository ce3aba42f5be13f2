import importlib.util
import logging
from pathlib import Path

import pytest

from hydromae.store.prepare import prepare
from hydromae.training.runs import new_run
from support.small import small_config
from support.sources import World


def test_a_training_without_tensorboard_says_so_and_goes_on(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tensorboard" else find(name))
    config = small_config(world, tmp_path / "run", training={"epochs": 1}, logging={"tensorboard": True})
    with caplog.at_level(logging.WARNING, "hydromae"):
        run = new_run(config, prepare(world.config()))
    said = [record.message for record in caplog.records if "tensorboard" in record.message]
    assert len(said) == 1 and "`pip install hydromae[tensorboard]`, or set logging.tensorboard=false" in said[0]
    assert (run.path / "metrics.jsonl").is_file() and not (run.path / "tensorboard").exists()
