"""Numbers that are not finite and slow disks, in processes that train together."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from hydromae.runs.directory import RunDirectory
from hydromae.store.store import Store
from hydromae.training.runs import is_finished
from support.equal import assert_equal_runs, newest, records
from support.processes import Nursery
from support.small import small_raw
from support.sources import World

Prepared = tuple[World, Store]


def train(
    nursery: Nursery,
    prepared: Prepared,
    output: Path,
    processes: int,
    faults: dict[str, Any],
    code: int = 0,
    **training: Any,
) -> tuple[RunDirectory, str]:
    """6 steps of 4 windows with a record after each second; gives the run and what was said."""
    output.parent.mkdir(exist_ok=True)
    raw = small_raw(
        prepared[0],
        output,
        training={"batch_size": 4 // processes, **training},
        logging={"images": False, "tensorboard": False, "checkpoint_minutes": 1e-6, "keep": 9},
    )
    raw["data"] = {**raw["data"], "store": str(prepared[1].path)}
    path = output.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(raw))
    with nursery.train(["--config", path], output.parent, processes, faults) as training_processes:
        assert training_processes.wait() == [code] * processes, training_processes.said[-3000:]
        return RunDirectory(output), training_processes.said


def checkpoint(run: RunDirectory, step: int) -> dict[str, Any]:
    return torch.load(run.checkpoints / f"step_{step:08d}.pt", weights_only=True)


def faults_of(run: RunDirectory) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.path / "faults.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    ("precision", "engine", "value"),
    [
        ("bf16", "ddp", "nan"),
        pytest.param("fp16", "ddp", "1e30", marks=pytest.mark.slow),
        pytest.param("fp32", "fsdp", "inf", marks=pytest.mark.slow),
    ],
)
def test_a_bad_number_of_one_process_is_skipped_by_all_and_located(
    nursery: Nursery, prepared: Prepared, tmp_path: Path, precision: str, engine: str, value: str
) -> None:
    # The second batch of the first epoch, in the second process alone.
    faults = {"spoil": {"rank": 1, "batches": [[0, 1]], "modality": "soil", "value": value}}
    run, said = train(nursery, prepared, tmp_path / "run", 2, faults, precision=precision, engine=engine)
    kept = {step: checkpoint(run, step) for step in (1, 2, 3)}
    same = {step: all(torch.equal(a, kept[1]["model"][n]) for n, a in kept[step]["model"].items()) for step in (2, 3)}
    (fault,) = [found for found in faults_of(run) if found["step"] == 2]
    others = [found for found in faults_of(run) if found["step"] != 2]
    if precision == "fp16":  # whose scale is still too high for so small a model
        assert all(other["modalities"] == [] and other["layer"] is None for other in others)
        assert newest(run)["loss_scale"]["state"][0] == 2.0 ** (16 - len(others))
    else:
        assert same == {2: True, 3: False} and not others
    assert same[2] and "soil" in fault["modalities"] and len(fault["windows"]) == 4
    # Spread over processes, no process can run the model alone to find the layer.
    assert fault["layer"] == (None if engine == "fsdp" else "soil_encoder.embedding")
    assert "in step 2 the loss of" in said and sum(r.get("skipped", 0) for r in records(run)) == 1 + len(others)
    assert math.isfinite(records(run)[-1]["loss"]) and is_finished(run)


@pytest.mark.slow
def test_what_always_overflows_ends_all_processes_with_the_same_sentence(
    nursery: Nursery, prepared: Prepared, tmp_path: Path
) -> None:
    every = [[epoch, batch] for epoch in range(2) for batch in range(3)]
    faults = {"spoil": {"rank": 1, "batches": every, "modality": "evap", "value": "nan"}}
    run, said = train(nursery, prepared, tmp_path / "run", 2, faults, code=2, max_skips=3)
    assert len(faults_of(run)) == 3 and not is_finished(run)
    assert "3 steps in a row could not be taken: in step 3 the loss of" in said


@pytest.mark.slow
def test_the_loss_scale_of_fp16_is_continued(nursery: Nursery, prepared: Prepared, tmp_path: Path) -> None:
    faults = {"spoil": {"rank": 0, "batches": [[0, 0], [0, 1]], "modality": "soil", "value": "nan"}}
    whole, _ = train(nursery, prepared, tmp_path / "whole", 1, faults, precision="fp16")
    # The first overflow is forgiven, the second halves the scale.
    assert [checkpoint(whole, step)["loss_scale"]["state"][0] for step in (1, 2)] == [2**16, 2**15]
    stopped, _ = train(nursery, prepared, tmp_path / "stopped", 1, faults, precision="fp16")
    for step in range(3, 7):
        (stopped.checkpoints / f"step_{step:08d}.pt").unlink()
    (stopped.path / "summary.json").unlink()
    with nursery.train(["resume", stopped.path], tmp_path) as training:
        assert training.wait() == [0], training.said
    assert_equal_runs(stopped, whole, n_records=6)
    assert (stopped.path / "faults.jsonl").read_text() == (whole.path / "faults.jsonl").read_text()


@pytest.mark.slow
def test_a_slow_disk_delays_and_changes_nothing(nursery: Nursery, prepared: Prepared, tmp_path: Path) -> None:
    quick, _ = train(nursery, prepared, tmp_path / "quick", 2, {})
    slow, _ = train(nursery, prepared, tmp_path / "slow", 2, {"slow": 0.05})
    assert_equal_runs(slow, quick, n_records=6)
