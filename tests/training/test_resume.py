"""A run that was stopped and continued equals one that was not, bit for bit."""

import os
import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from hydromae.base.errors import RunError
from hydromae.runs.directory import RunDirectory
from hydromae.store.store import Store
from hydromae.training.progress import Progress
from hydromae.training.runs import continue_run, is_finished, new_run
from support.callbacks import OnStep
from support.equal import assert_equal_runs, newest
from support.small import small_config
from support.sources import World

Prepared = tuple[World, Store]
STEPS = 9


class Killed(Exception):
    """Stands for a process that ends without a word."""


def at(step: int, act: Callable[[], None]) -> list[OnStep]:
    def on_step(progress: Progress) -> None:
        if progress.step == step:
            act()

    return [OnStep(on_step)]


def ask() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def kill() -> None:
    raise Killed


def train(prepared: Prepared, path: Path, callbacks: Sequence[OnStep] = ()) -> None:
    # Dropout is on, records span epochs and checkpoints, the last batch of an epoch is smaller.
    changes = {"training": {"epochs": 3}, "logging": {"log_every": 2, "keep": 2}}
    new_run(small_config(prepared[0], path, **changes), prepared[1], callbacks)


@pytest.fixture(scope="module")
def uninterrupted(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    path = tmp_path_factory.mktemp("whole") / "run"
    train(prepared, path)
    return RunDirectory(path)


@pytest.mark.parametrize("stops", [pytest.param([3], marks=pytest.mark.slow), [2, 3, 8]], ids=str)
def test_a_run_that_was_asked_to_stop_equals_one_that_was_not(
    prepared: Prepared, uninterrupted: RunDirectory, tmp_path: Path, stops: list[int]
) -> None:
    run = RunDirectory(tmp_path / "run")
    train(prepared, run.path, at(stops[0], ask))
    for done, step in zip(stops, [*stops[1:], None], strict=True):
        assert not is_finished(run) and newest(run)["progress"]["step"] == done
        torch.manual_seed(done)
        continue_run(RunDirectory.open(run.path), at(step, ask) if step else ())
    assert_equal_runs(run, uninterrupted, n_records=9)


@pytest.mark.parametrize("step", [pytest.param(1, marks=pytest.mark.slow), 5])
def test_a_run_that_was_killed_equals_one_that_was_not(
    prepared: Prepared, uninterrupted: RunDirectory, tmp_path: Path, step: int
) -> None:
    run = RunDirectory(tmp_path / "run")
    with pytest.raises(Killed):
        train(prepared, run.path, at(step, kill))
    continue_run(RunDirectory.open(run.path))
    assert_equal_runs(run, uninterrupted, n_records=9)


def test_a_run_whose_newest_checkpoint_is_damaged_equals_one_that_was_never_stopped(
    prepared: Prepared, uninterrupted: RunDirectory, tmp_path: Path
) -> None:
    run = RunDirectory(tmp_path / "run")
    train(prepared, run.path, at(5, ask))
    path = run.checkpoints / "step_00000005.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    continue_run(RunDirectory.open(run.path))
    assert_equal_runs(run, uninterrupted, n_records=9)


def test_a_stop_in_the_last_step_ends_a_finished_run(
    prepared: Prepared, uninterrupted: RunDirectory, tmp_path: Path
) -> None:
    run = RunDirectory(tmp_path / "run")
    train(prepared, run.path, at(STEPS, ask))
    assert_equal_runs(run, uninterrupted, n_records=9)


def test_a_finished_run_is_left_as_it_is_even_without_its_checkpoints(
    uninterrupted: RunDirectory, tmp_path: Path
) -> None:
    run = RunDirectory(tmp_path / "run")
    shutil.copytree(uninterrupted.path, run.path)
    shutil.rmtree(run.checkpoints)
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    continue_run(run, at(1, kill))
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before


def test_a_run_without_any_whole_checkpoint_is_not_continued_in_silence(prepared: Prepared, tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    train(prepared, run.path, at(2, ask))
    for path in run.checkpoints.glob("*.pt"):
        path.write_bytes(b"damaged")
    with pytest.raises(RunError, match="holds no whole checkpoint"):
        continue_run(run)
