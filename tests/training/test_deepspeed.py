"""DeepSpeed's ZeRO stage 1 on two processes does what one process does. docs/deepspeed.md says how to run this."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from hydromae.base.errors import ConfigError
from hydromae.runs.directory import RunDirectory
from hydromae.store.store import Store
from hydromae.training.engines import make_engine
from hydromae.training.world import World
from support.deepspeed_worker import SCALES
from support.equal import assert_equal_runs, is_attention_bias, largest_difference, newest
from support.processes import Nursery, environments
from support.small import small_config, small_parts
from support.sources import World as Sources
from support.steps import Result, raw_of, train

Prepared = tuple[Sources, Store]
WORKER = Path(__file__).parents[1] / "support/deepspeed_worker.py"
ENTRY = Path(__file__).parents[2] / "train_mae.py"
# On a CPU the launcher takes the number of places from LOCAL_SIZE.
CPU = {"DS_ACCELERATOR": "cpu", "LOCAL_SIZE": "2", "OMP_NUM_THREADS": "1"}
RECORDS = 9

installed = pytest.mark.skipif(find_spec("deepspeed") is None, reason="deepspeed is not installed: docs/deepspeed.md")


def test_without_deepspeed_the_error_says_how_to_get_it(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_config(prepared[0], tmp_path, training={"engine": "deepspeed"})
    model = small_parts(config, prepared[1])[0]
    monkeypatch.setitem(sys.modules, "deepspeed", None)
    monkeypatch.setenv("DS_ACCELERATOR", "cpu")
    with pytest.raises(ConfigError, match=re.escape("run `pip install hydromae[deepspeed]`, or set training.engine=")):
        make_engine(model, World(0, 2, 0, 2, torch.device("cpu")), config.training)


@pytest.fixture(scope="module")
def alone(nursery: Nursery, prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("alone")
    return train(nursery, raw_of(prepared, folder), folder / "one", processes=1, double=False)


@installed
@pytest.mark.parametrize(("batch_size", "accumulate"), [(2, 1), (1, 2)], ids=["whole", "in parts"])
def test_two_processes_do_what_one_does(
    nursery: Nursery, prepared: Prepared, alone: Result, tmp_path: Path, batch_size: int, accumulate: int
) -> None:
    raw = raw_of(prepared, tmp_path, batch_size=batch_size, accumulate=accumulate, engine="deepspeed")
    found = train(nursery, raw, tmp_path / "two", processes=2, double=False)
    assert found.losses.shape == alone.losses.shape and found.weights.keys() == alone.weights.keys()
    torch.testing.assert_close(found.losses, alone.losses, rtol=1e-5, atol=1e-5)
    # Biases of attention have no gradient but rounding, of which AdamW makes a step.
    for name in found.weights:
        far = float((found.weights[name] - alone.weights[name]).abs().max())
        assert far < 1e-4 or is_attention_bias(name), (name, far)
    assert found.validation is not None and alone.validation is not None
    assert found.validation["loss"] == pytest.approx(alone.validation["loss"], rel=1e-5)


def write_config(prepared: Prepared, folder: Path, **training: Any) -> Path:
    """A run of 9 steps with averaged weights, each step followed by a checkpoint that is kept."""
    raw = raw_of(prepared, folder / "run", batch_size=2, epochs=3, engine="deepspeed", ema=0.9, **training)
    raw["logging"] = {**raw["logging"], "keep": 20, "checkpoint_minutes": 1e-6, "images": False}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(raw))
    return path


def finish(commands: Sequence[Sequence[object]], worlds: Sequence[dict[str, str]], folder: Path) -> None:
    """Wait for processes that run at once; whatever happens, none of them and of those they started is left."""
    said = folder / "said.txt"
    with said.open("w") as file:
        running = [
            subprocess.Popen(
                [str(part) for part in command],
                env={**os.environ, **CPU, **world},
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
            for command, world in zip(commands, worlds, strict=True)
        ]
    try:
        for process in running:
            assert process.wait(timeout=240) == 0, said.read_text()[-3000:]
    finally:
        for process in running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def launch(configs: Sequence[Path], options: Sequence[str] = ("--num_gpus=2",), how: Sequence[str] = ()) -> None:
    """Train by DeepSpeed's own launcher, with two processes each, all at once."""
    commands = [
        [sys.executable, "-m", "deepspeed.launcher.runner", option, ENTRY, "--config", config, *how]
        for config, option in zip(configs, options, strict=True)
    ]
    finish(commands, [{}] * len(commands), configs[0].parent)


@pytest.fixture(scope="module")
def side_by_side(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> list[RunDirectory]:
    """Two equal experiments at once."""
    folders = [tmp_path_factory.mktemp(name) for name in ("first", "second")]
    configs = [write_config(prepared, folder) for folder in folders]
    launch(configs, ["--num_gpus=2", "--include=localhost:0,1"])
    return [RunDirectory.open(folder / "run") for folder in folders]


@installed
def test_two_experiments_that_its_launcher_starts_side_by_side_do_not_meet(side_by_side: list[RunDirectory]) -> None:
    kept = newest(side_by_side[0])
    assert kept["progress"]["step"] == kept["ema"]["steps"] == 9 and len(kept["random"]) == 2
    assert kept["ema"]["model"].keys() == kept["model"].keys()
    assert_equal_runs(*side_by_side, n_records=RECORDS)


def cut_off(whole: RunDirectory, folder: Path, step: int) -> tuple[RunDirectory, Path]:
    """A copy of a run as it was when the checkpoint of a step had just been written, and its configuration."""
    run = RunDirectory(folder / "run")
    shutil.copytree(whole.path, run.path)
    forget_after(run, step)
    raw = yaml.safe_load((whole.path.parent / "config.yaml").read_text())
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({**raw, "output": str(run.path)}))
    return run, path


def forget_after(run: RunDirectory, step: int) -> None:
    (run.path / "summary.json").unlink()
    for path in run.checkpoints.glob("step_*"):
        if path.stem > f"step_{step:08d}":
            path.unlink()


@installed
def test_a_run_that_goes_on_equals_one_that_never_stopped(side_by_side: list[RunDirectory], tmp_path: Path) -> None:
    run, config = cut_off(side_by_side[0], tmp_path, step=4)
    assert newest(run)["progress"]["step"] == 4
    launch([config], how=["--continue"])
    assert_equal_runs(run, side_by_side[0], n_records=RECORDS)


@installed
def test_a_run_goes_on_with_another_number_of_processes(side_by_side: list[RunDirectory], tmp_path: Path) -> None:
    run, config = cut_off(side_by_side[0], tmp_path, step=4)
    finish([[sys.executable, ENTRY, "--config", config, "--continue"]], [{}], tmp_path)
    assert newest(run)["progress"]["step"] == 9 and len(newest(run)["random"]) == 1
    assert largest_difference(run, side_by_side[0]) < 1e-4
    forget_after(run, 7)
    launch([config], how=["--continue"])
    assert newest(run)["progress"]["step"] == 9 and len(newest(run)["random"]) == 2
    assert largest_difference(run, side_by_side[0]) < 1e-4


def make_spoiled_steps(prepared: Prepared, folder: Path, **training: Any) -> list[dict[str, Any]]:
    """What each of two processes has after each of three steps, of which one process spoils the second."""
    config = write_config(prepared, folder, **training)
    finish([[sys.executable, WORKER, config, folder / "left", 1]] * 2, environments(2), folder)
    return [torch.load(folder / f"left.{rank}", weights_only=True) for rank in range(2)]


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture(scope="module")
def exact(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return make_spoiled_steps(prepared, tmp_path_factory.mktemp("exact"))


@installed
def test_a_step_that_one_process_spoils_is_taken_by_none(exact: list[dict[str, Any]]) -> None:
    for found in exact:
        assert torch.tensor(found["norms"]).isfinite().tolist() == [True, False, True]
        first, second, third = found["left"]
        assert same(first["weights"], second["weights"]) and same(first["moments"], second["moments"])
        assert not same(second["weights"], third["weights"]) and not same(second["moments"], third["moments"])
        assert same(first["average"], second["average"]) and not same(second["average"], third["average"])
    assert all(same(exact[0]["left"][2][key], exact[1]["left"][2][key]) for key in ("weights", "average"))


@installed
def test_the_average_moves_towards_the_weights_with_each_step_that_is_taken(exact: list[dict[str, Any]]) -> None:
    _, before, after = exact[0]["left"]
    keep = 3 / 12  # of the second step that was taken
    assert len(after["average"]) > 100
    for name, found in after["average"].items():
        expected = keep * before["average"][name] + (1 - keep) * after["weights"][name]
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)


@installed
@pytest.mark.parametrize(("precision", "near"), [("bf16", 2e-2), ("fp16", 2e-3)])
def test_lower_precision_is_in_the_layers_alone(
    prepared: Prepared, exact: list[dict[str, Any]], tmp_path: Path, precision: str, near: float
) -> None:
    found = make_spoiled_steps(prepared, tmp_path, precision=precision)[0]
    for key in ("losses", "norms"):
        numbers, expected = (torch.tensor(made[key])[[0, 2]] for made in (found, exact[0]))
        assert not torch.equal(numbers, expected)
        torch.testing.assert_close(numbers, expected, rtol=near, atol=0)
    kept = found["left"][2]
    assert all(tensor.dtype == torch.float32 for part in ("weights", "moments") for tensor in kept[part].values())
    # Scale, steps since an overflow, and overflows that are still forgiven.
    scaled = [[SCALES[0], 1, 2], [SCALES[1], 0, 1], [SCALES[2], 1, 2]]
    assert [left["scale"].tolist() for left in found["left"]] == (scaled if precision == "fp16" else [[1, 0, 2]] * 3)
