"""A run that is killed, for real and at random moments, equals one that never was, bit for bit."""

import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from hydromae.runs.directory import RunDirectory
from hydromae.store.store import Store
from hydromae.training.runs import is_finished
from support.equal import assert_equal_runs
from support.processes import Nursery
from support.small import small_raw
from support.sources import World

Prepared = tuple[World, Store]
STEPS, RECORDS = 24, 24  # 8 epochs of 3 steps; a record every second step and at the end of an epoch, and validations
PLACES = ("step", "half saved", "validating")


def write_config(prepared: Prepared, output: Path, processes: int = 1, **training: Any) -> Path:
    """An experiment with dropout whose step takes 4 windows and is followed by a checkpoint, which takes its time."""
    raw = small_raw(
        prepared[0],
        output,
        training={"epochs": 8, "batch_size": 4 // processes, **training},
        logging={"log_every": 2, "keep": 2, "checkpoint_minutes": 1e-6, "images": False, "tensorboard": False},
    )
    raw["data"] = {**raw["data"], "store": str(prepared[1].path)}
    path = output.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(raw))
    return path


def finish(nursery: Nursery, config: Path, processes: int) -> RunDirectory:
    with nursery.train(["--config", config, "--continue"], config.parent, processes) as training:
        assert training.wait() == [0] * processes, training.said[-3000:]
    return RunDirectory(config.with_suffix(""))


def kill_at(nursery: Nursery, config: Path, processes: int, place: str, count: int, delay: float) -> None:
    """Train until an event of some kind has come for the n-th time, and a moment more; then kill all processes."""
    faults = {"halves": 0.02, "pause": 0.005}
    with nursery.train(["--config", config, "--continue"], config.parent, processes, faults) as training:
        for event in training.events():
            count -= event.startswith(place)
            if count == 0:
                break
        time.sleep(delay)
        training.signal(signal.SIGKILL)
        assert training.wait() == [-signal.SIGKILL] * processes, training.said[-3000:]


def kill_and_continue(
    nursery: Nursery, prepared: Prepared, folder: Path, processes: int, seed: int, places: Sequence[str]
) -> RunDirectory:
    """Start a run, kill it once in each place at a random moment, continuing in between, and let it end."""
    draw = random.Random(seed)
    config = write_config(prepared, folder / "run", processes)
    for place in places:
        count, delay = draw.randint(1, 6 if place == "step" else 3), draw.uniform(0, 0.03)
        print(f"killed {1000 * delay:.0f} ms after event {count} of {place!r}")
        kill_at(nursery, config, processes, place, count, delay)
        assert not is_finished(RunDirectory(folder / "run"))
    return finish(nursery, config, processes)


@pytest.fixture(
    scope="module", params=[1, pytest.param(2, marks=pytest.mark.slow)], ids=["one process", "two processes"]
)
def whole(
    request: pytest.FixtureRequest, nursery: Nursery, prepared: Prepared, tmp_path_factory: pytest.TempPathFactory
) -> tuple[int, RunDirectory]:
    """Number of processes, and a run of theirs that was never stopped."""
    folder = tmp_path_factory.mktemp("whole")
    return request.param, finish(nursery, write_config(prepared, folder / "run", request.param), request.param)


def test_a_run_that_was_killed_three_times_equals_one_that_was_not(
    nursery: Nursery, prepared: Prepared, whole: tuple[int, RunDirectory], tmp_path: Path
) -> None:
    processes, expected = whole
    run = kill_and_continue(nursery, prepared, tmp_path, processes, seed=1, places=PLACES)
    assert_equal_runs(run, expected, RECORDS)
    assert not list(run.checkpoints.glob(".*")) and not list(run.path.glob(".*"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 7))
def test_a_run_that_was_killed_again_and_again_equals_one_that_was_not(
    nursery: Nursery, prepared: Prepared, whole: tuple[int, RunDirectory], tmp_path: Path, seed: int
) -> None:
    processes, expected = whole
    places = random.Random(seed).choices(("step", "half saved", "sealing", "validating", ""), k=4)
    assert_equal_runs(kill_and_continue(nursery, prepared, tmp_path, processes, seed, places), expected, RECORDS)
