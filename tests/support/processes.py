"""Trainings in processes of their own, as launchers start them: begun, watched, killed and waited for."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

REPOSITORY = Path(__file__).parents[2]
ENTRY = REPOSITORY / "train_mae.py"
WATCHED = Path(__file__).parent / "train_watched.py"


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def environments(processes: int) -> list[dict[str, str]]:
    """What a launcher puts into the environment of each of the processes that it starts."""
    if processes == 1:
        return [{}]
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": str(processes)}
    common["LOCAL_WORLD_SIZE"] = common["WORLD_SIZE"]
    return [{**common, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(processes)]


class Nursery:
    """A process that has imported everything, and from which trainings fork: each begins at once, not after seconds."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, WATCHED, "--nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            text=True,
        )

    def ask(self, **request: Any) -> int:
        """Have a process started, or waited for."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def train(
        self, arguments: Sequence[Any], folder: Path, processes: int = 1, faults: dict[str, Any] | None = None
    ) -> "Training":
        """Start `train_mae.py`, or what train_watched.py knows besides by its first argument."""
        return Training(self, [str(argument) for argument in arguments], folder, processes, faults or {})

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


class Training:
    """Processes that train together; whatever happens, none is left when the block ends."""

    def __init__(
        self, nursery: Nursery, arguments: list[str], folder: Path, processes: int, faults: dict[str, Any]
    ) -> None:
        self._nursery, self._errors = nursery, folder / "errors.txt"
        self._errors.write_text("")
        told = folder / "told"
        told.unlink(missing_ok=True)
        os.mkfifo(told)
        self._alive: list[int] = []
        for i, world in enumerate(environments(processes)):
            files = {"out": os.devnull if i else str(told), "errors": str(self._errors)}
            self._alive.append(nursery.ask(arguments=arguments, world=world, faults=faults, **files))
        self._told = told.open()

    def __enter__(self) -> "Training":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.signal(signal.SIGKILL)
        self.wait()
        self._told.close()

    @property
    def said(self) -> str:
        """What all wrote to standard error."""
        return self._errors.read_text()

    def events(self) -> Iterator[str]:
        """The events that the first process tells of, until it ends."""
        return (line.removeprefix("@").strip() for line in self._told if line.startswith("@"))

    def signal(self, number: signal.Signals) -> None:
        """Send every process that was not waited for a signal."""
        for process in self._alive:
            os.kill(process, number)

    def wait(self) -> list[int]:
        """Exit codes of those not waited for yet."""
        codes = [self._nursery.ask(wait=process) for process in self._alive]
        self._alive = []
        return codes


def torchrun(
    arguments: Sequence[Any], folder: Path, options: Sequence[str] = (), processes: int = 2
) -> "subprocess.Popen[str]":
    """Start torchrun in a session of its own; `arguments` begin with a script, or with -m and a module."""
    command = [sys.executable, "-m", "torch.distributed.run", *options, f"--nproc_per_node={processes}", *arguments]
    # With gloo, torch 2.13 hangs when it starts processes again unless told so.
    told = {"OMP_NUM_THREADS": "1", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    return subprocess.Popen(
        [str(part) for part in command],
        env={**os.environ, **told},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # so that a launcher and what it started can be reached together
    )


def output_of(process: "subprocess.Popen[str]", seconds: float = 120) -> str:
    """What a process and those it started said until its end; none of them is left."""
    try:
        return process.communicate(timeout=seconds)[0]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
