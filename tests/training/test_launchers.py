"""One entry under every launcher: the same training, experiments side by side, one sentence for what is wrong."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from hydromae.app.commands import launch
from hydromae.runs.directory import RunDirectory
from hydromae.store.store import Store
from hydromae.training.runs import is_finished
from support.equal import assert_equal_runs, largest_difference, newest, records
from support.launched import write_config
from support.processes import ENTRY, WATCHED, Nursery, output_of, torchrun
from support.sources import World

Prepared = tuple[World, Store]
COMMAND = ("-m", "hydromae.app.cli", "train")


@pytest.fixture(scope="module")
def alone(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run of `python train_mae.py`."""
    path = tmp_path_factory.mktemp("alone") / "run"
    command = [sys.executable, ENTRY, "--local_rank=0", "--config", write_config(prepared, path)]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return RunDirectory(path)


def assert_near(found: RunDirectory, expected: RunDirectory) -> None:
    """Losses to 1e-5 and weights to 1e-4: what sums in another order may change in single precision."""
    a, b = records(found), records(expected)
    assert len(a) == len(b) == 16
    for one, other in zip(a, b, strict=True):
        assert one["losses"] == pytest.approx(other["losses"], abs=1e-5, rel=1e-5)
    assert largest_difference(found, expected) < 1e-4
    assert is_finished(found)


@pytest.mark.slow
def test_torchrun_trains_to_the_weights_of_one_process_and_experiments_do_not_collide(
    prepared: Prepared, alone: RunDirectory, tmp_path: Path
) -> None:
    one, two = write_config(prepared, tmp_path / "one", 2), write_config(prepared, tmp_path / "two", 2, engine="fsdp")
    # As both would be started by hand, with nothing that keeps their ports apart.
    started = [torchrun([ENTRY, "--config", one], tmp_path), torchrun([*COMMAND, two], tmp_path)]
    for process, config in zip(started, (one, two), strict=True):
        said = output_of(process)
        assert process.returncode == 0, said[-3000:]
        assert said.count("Trained: ") == 1
        assert_near(RunDirectory(config.with_suffix("")), alone)


@pytest.mark.slow
@pytest.mark.parametrize(
    "entry", [(ENTRY, "--config"), pytest.param(COMMAND, marks=pytest.mark.slow)], ids=["train_mae.py", "hydromae"]
)
def test_a_wrong_configuration_ends_all_processes_with_one_sentence(
    prepared: Prepared, tmp_path: Path, entry: tuple[Any, ...]
) -> None:
    config = write_config(prepared, tmp_path / "run", 2)
    began = time.monotonic()
    process = torchrun([*entry, config, "data.window=90"], tmp_path, ["--standalone"])
    said = output_of(process)
    assert process.returncode != 0 and time.monotonic() - began < 60
    assert len(re.findall(r"^error: .*a window of 90 days does not fit", said, re.MULTILINE)) == 1, said
    assert 'Traceback (most recent call last):\n  File "' + str(ENTRY) not in said
    assert not (tmp_path / "run").exists()


def test_a_configuration_in_python_is_refused_with_the_name_of_its_yaml(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit) as ended:
        launch.main(["--config", "configs/exp1.py"])
    assert ended.value.code == 2
    assert "error: configs/exp1.py: configurations are YAML; use configs/exp1.yaml" in capsys.readouterr().err


@pytest.mark.slow
def test_a_process_that_dies_is_started_again_with_the_others_and_nothing_is_lost(
    prepared: Prepared, alone: RunDirectory, tmp_path: Path
) -> None:
    config, marker = write_config(prepared, tmp_path / "run", 2), tmp_path / "died"
    faults = {"die": {"rank": 1, "step": 7, "marker": str(marker)}}
    process = torchrun([WATCHED, json.dumps(faults), "--config", config], tmp_path, ["--max-restarts=1"])
    said = output_of(process)
    assert process.returncode == 0, said[-3000:]
    assert marker.exists() and said.count("@step 6") == 2 and said.count("@step 5") == 1
    assert_near(RunDirectory(tmp_path / "run"), alone)


@pytest.mark.slow
def test_a_signal_to_all_processes_leaves_a_checkpoint_from_which_the_run_ends_as_if_it_had_not_come(
    nursery: Nursery, prepared: Prepared, tmp_path: Path
) -> None:
    runs = {name: RunDirectory(tmp_path / name) for name in ("whole", "stopped", "launched")}
    configs = {name: write_config(prepared, run.path, 2) for name, run in runs.items()}
    with nursery.train(["--config", configs["stopped"]], tmp_path, 2) as training:
        next(event for event in training.events() if event == "step 4")
        training.signal(signal.SIGTERM)
        assert training.wait() == [130, 130], training.said
    # torchrun passes on what the processes get as well, and ends with a code of its own.
    process = torchrun([WATCHED, "{}", "--config", configs["launched"]], tmp_path)
    assert process.stdout is not None
    next(line for line in process.stdout if line == "@step 4\n")
    os.killpg(process.pid, signal.SIGTERM)
    said = output_of(process)
    assert process.returncode != 0 and "Stopped; continue with" in said, said[-3000:]
    for name in ("stopped", "launched"):
        assert 4 <= newest(runs[name])["progress"]["step"] < 12
        with nursery.train(["resume", runs[name].path], tmp_path, 2) as training:
            assert training.wait() == [0, 0], training.said
    with nursery.train(["--config", configs["whole"]], tmp_path, 2) as training:
        assert training.wait() == [0, 0], training.said
    for name in ("stopped", "launched"):
        assert_equal_runs(runs[name], runs["whole"], n_records=16)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("processes", "engine"),
    [
        ((2, 3, 1), "ddp"),
        pytest.param((1, 3, 2), "ddp", marks=pytest.mark.slow),
        pytest.param((2, 3, 1, 2), "fsdp", marks=pytest.mark.slow),
    ],
)
def test_a_run_goes_on_with_another_number_of_processes(
    nursery: Nursery, prepared: Prepared, alone: RunDirectory, tmp_path: Path, processes: tuple[int, ...], engine: str
) -> None:
    config = write_config(prepared, tmp_path / "run", processes[0], engine=engine)
    for i, size in enumerate(processes):
        arguments = ["resume", tmp_path / "run"] if i else ["--config", config]
        last = i == len(processes) - 1
        with nursery.train(arguments, tmp_path, size) as training:
            if not last:
                assert f"step {3 * i + 4}" in training.events(), training.said
                training.signal(signal.SIGTERM)
            assert training.wait() == [0 if last else 130] * size, training.said
            change = f"goes on with {size} processes instead of {processes[i - 1]}; a step still takes 4 windows"
            assert training.said.count(change) == (i > 0)
        if not last:
            assert len(newest(RunDirectory(tmp_path / "run"))["random"]) == size
    assert_near(RunDirectory(tmp_path / "run"), alone)
