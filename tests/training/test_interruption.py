import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml
from typer.testing import CliRunner

from hydromae.app.cli import app
from hydromae.config.read import load_config
from hydromae.runs.directory import RunDirectory
from hydromae.store.store import Store
from hydromae.training.interruption import StopRequest
from hydromae.training.runs import new_run
from support.processes import Nursery
from support.small import small_raw
from support.sources import World

COMMAND = [sys.executable, "-c", "from hydromae.app.cli import main; main()"]


UNDER_NOHUP = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
REPEATED = [signal.SIGHUP, signal.SIGUSR1, signal.SIGXCPU]


@pytest.fixture(autouse=True)
def hangups_reach_the_process() -> Iterator[None]:
    """As without nohup, under which the tests may run."""
    outside = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, outside)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, *REPEATED])
def test_a_signal_becomes_a_request_and_handlers_are_put_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    stop = StopRequest()
    with stop.on_signals():
        assert not stop.asked
        os.kill(os.getpid(), number)
        assert stop.asked
    assert signal.getsignal(number) is before


def test_a_second_signal_acts_at_once() -> None:
    outside = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    before = signal.getsignal(signal.SIGINT)
    stop = StopRequest()
    with stop.on_signals():
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.asked
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    signal.signal(signal.SIGINT, outside)


@pytest.mark.parametrize("number", REPEATED)
def test_a_signal_that_is_sent_again_and_again_does_not_end_the_run_before_its_checkpoint(
    number: signal.Signals,
) -> None:
    stop = StopRequest()
    with stop.on_signals():
        for _ in range(3):
            os.kill(os.getpid(), number)
    assert stop.asked


def test_a_run_that_is_to_outlive_its_terminal_does() -> None:
    outside = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    stop = StopRequest()
    with stop.on_signals():
        os.kill(os.getpid(), signal.SIGHUP)
    assert not stop.asked and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    signal.signal(signal.SIGHUP, outside)


def test_in_another_thread_signals_are_left_alone() -> None:
    handlers = []

    def work() -> None:
        with StopRequest().on_signals():
            handlers.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGTERM)]


@pytest.mark.slow
def test_a_training_command_that_is_terminated_can_be_resumed_to_the_same_model(
    prepared: tuple[World, Store], tmp_path: Path
) -> None:
    changes = {"training": {"epochs": 20}, "logging": {"log_every": 1, "checkpoint_every": 20}}
    paths = {}
    for name in ("whole", "stopped"):
        raw = small_raw(prepared[0], tmp_path / name, **changes)
        paths[name] = tmp_path / f"{name}.yaml"
        paths[name].write_text(yaml.safe_dump(raw, sort_keys=False))
    metrics, stopped = tmp_path / "stopped" / "metrics.jsonl", RunDirectory(tmp_path / "stopped")
    training = subprocess.Popen([*COMMAND, "train", str(paths["stopped"])], stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (metrics.is_file() and metrics.stat().st_size) and training.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    training.terminate()
    output, _ = training.communicate(timeout=60)
    assert training.returncode == 130 and f"continue with `hydromae resume {stopped.path}`" in output
    steps = [int(path.stem.removeprefix("step_")) for path in stopped.checkpoints.glob("*.pt")]
    assert len(steps) == 1 and 0 < steps[0] < 60 and not (stopped.path / "summary.json").exists()
    resumed = CliRunner().invoke(app, ["resume", str(stopped.path)])
    assert resumed.exit_code == 0 and f"Trained: {stopped.path}" in resumed.output
    whole = new_run(load_config(paths["whole"]), prepared[1])
    found, expected = (
        torch.load(run.checkpoints / "step_00000060.pt", weights_only=True)["model"] for run in (stopped, whole)
    )
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert (stopped.model / "model.safetensors").read_bytes() == (whole.model / "model.safetensors").read_bytes()


def experiment(prepared: tuple[World, Store], output: Path, epochs: int) -> Path:
    changes = {"training": {"epochs": epochs}, "logging": {"log_every": 1, "checkpoint_every": 100}}
    raw = small_raw(prepared[0], output, **changes)
    path = output.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(raw, sort_keys=False))
    return path


@pytest.mark.parametrize("number", REPEATED)
def test_a_signal_of_a_terminal_or_a_batch_system_ends_a_run_with_a_checkpoint(
    nursery: Nursery, prepared: tuple[World, Store], tmp_path: Path, number: signal.Signals
) -> None:
    if UNDER_NOHUP and number == signal.SIGHUP:
        pytest.skip("the tests run under nohup, and so do the trainings that they start")
    config, run = experiment(prepared, tmp_path / "run", 100), RunDirectory(tmp_path / "run")
    with nursery.train(["--config", config], tmp_path, faults={"pause": 0.01}) as training:
        for event in training.events():
            if event == "step 2":
                training.signal(number)
            if event == "sealing":
                training.signal(number)  # the system sends it again while the checkpoint is written
        assert training.wait() == [130], training.said[-3000:]
    assert len(list(run.checkpoints.glob("step_*.pt"))) == 1 and not (run.path / "summary.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["2>&1 | head -1", ">&- 2>&- <&-", "> /dev/full 2> /dev/full"])
def test_a_console_that_is_lost_loses_lines_and_not_the_run(
    prepared: tuple[World, Store], tmp_path: Path, ending: str
) -> None:
    config = experiment(prepared, tmp_path / "run", 2)
    command = f"set -o pipefail; {shlex.join(COMMAND)} train {config} {ending}"
    assert subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, timeout=200).returncode == 0
    assert (tmp_path / "run" / "summary.json").is_file()


@pytest.mark.slow
def test_a_terminal_that_is_closed_ends_a_run_with_a_checkpoint(prepared: tuple[World, Store], tmp_path: Path) -> None:
    config, run = experiment(prepared, tmp_path / "run", 2000), RunDirectory(tmp_path / "run")
    child, terminal = pty.fork()
    if child == 0:
        os.execv(COMMAND[0], [*COMMAND, "train", str(config)])
    deadline = time.monotonic() + 200
    while not (run.metrics.is_file() and run.metrics.stat().st_size):
        assert time.monotonic() < deadline
        if select.select([terminal], [], [], 0.1)[0]:
            os.read(terminal, 1 << 16)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 130
    assert len(list(run.checkpoints.glob("step_*.pt"))) == 1
