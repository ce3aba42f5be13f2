"""`training.precision: auto`, and a run that goes on where its precision is another."""

import logging
import os
import signal
from pathlib import Path

import pytest
import torch

from hydromae.config import TrainingConfig
from hydromae.runs.checkpoint import save_checkpoint
from hydromae.runs.directory import RunDirectory
from hydromae.store.store import Store
from hydromae.training.build import build_trainer
from hydromae.training.engine import precision_on
from hydromae.training.loss_scale import START, LossScale
from hydromae.training.runs import continue_run, new_run
from support.callbacks import OnStep
from support.equal import newest, records
from support.small import small_config
from support.sources import World

Prepared = tuple[World, Store]
CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("wanted", "device", "found"),
    [("auto", "cuda", "fp16"), ("auto", "cpu", "fp32"), ("bf16", "cuda", "bf16"), ("fp32", "cuda", "fp32")],
)
def test_auto_is_half_precision_on_a_gpu_alone(wanted: str, device: str, found: str) -> None:
    assert precision_on(torch.device(device), TrainingConfig(precision=wanted)) == found


@pytest.mark.slow
def test_auto_on_a_cpu_trains_as_single_precision_does(prepared: Prepared, tmp_path: Path) -> None:
    runs = []
    for precision in ("auto", "fp32"):
        config = small_config(prepared[0], tmp_path / precision, training={"precision": precision, "epochs": 1})
        runs.append(new_run(config, prepared[1]))
    assert records(runs[0]) == records(runs[1])
    assert all(torch.equal(newest(runs[0])["model"][n], w) for n, w in newest(runs[1])["model"].items())
    assert RunDirectory.open(runs[0].path).config().training.precision == "auto"


def test_a_scale_goes_on_only_where_something_was_scaled_and_is(prepared: Prepared) -> None:
    used, unused = LossScale(CPU, True), LossScale(CPU, False)
    for _ in range(3):
        used.update(torch.tensor(1.0))
    assert used.scale < START
    again = LossScale(CPU, True)
    again.load_state_dict(used.state_dict())
    assert again.scale == used.scale
    fresh = LossScale(CPU, True)
    fresh.load_state_dict(unused.state_dict())
    assert fresh.scale == START
    unused.load_state_dict(used.state_dict())
    assert unused.scale == 1


def test_a_run_of_a_gpu_goes_on_on_a_cpu_and_says_so(
    prepared: Prepared, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = small_config(prepared[0], tmp_path / "run", training={"precision": "auto"})
    run = new_run(config, prepared[1], [OnStep(lambda progress: os.kill(os.getpid(), signal.SIGTERM))])
    state = newest(run)
    state["data"]["arithmetic"] = "fp16 on cuda"
    state["loss_scale"]["state"] = torch.tensor([START, 1.0, 2.0])
    save_checkpoint(run.checkpoints, state["progress"]["step"], state, keep=1, best_step=None)
    with caplog.at_level(logging.WARNING):
        trainer = build_trainer(run.config(), run.store(), run)
        trainer.restore(newest(run))
    assert "goes on in fp32 on cpu instead of fp16 on cuda, so its numbers differ from here on" in caplog.text
    assert trainer.engine.loss_scale.scale == 1 and trainer.state.data["arithmetic"] == "fp32 on cpu"
    continue_run(run)
    norms = [record["grad_norm"] for record in records(run) if record["event"] == "train"]
    assert max(norms) < 1000  # gradients scaled by 65,536 and not back would be as many times as long
