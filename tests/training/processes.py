"""Trainings in processes of their own, as launchers start them: begun, watched, killed and waited for."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

REPOSITORY = Path(__file__).parents[2]
ENTRY = REPOSITORY / "train_mae.py"
ANNOUNCED = "@"  # what begins a line that tells of an event
WAIT = 120.0


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def environments(processes: int) -> list[dict[str, str]]:
    """What a launcher puts in the environment of each process."""
    common = {"OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    if processes == 1:
        return [{"OMP_NUM_THREADS": "1"}]
    worlds = [{"RANK": n, "LOCAL_RANK": n, "WORLD_SIZE": processes, "LOCAL_WORLD_SIZE": processes} for n in range(processes)]
    return [{**common, **{key: str(number) for key, number in world.items()}} for world in worlds]


class Group:
    """Processes that train together; whatever happens, none is left when the block ends.

    Args:
        commands: one for each process.
        worlds: what is added to the environment of each.
        errors: file for what they say.
    """

    def __init__(self, commands: Sequence[Sequence[Any]], worlds: Sequence[dict[str, str]], errors: Path) -> None:
        self.errors = errors
        self.processes: list[subprocess.Popen[str]] = []
        with errors.open("w") as said:
            for i, (command, world) in enumerate(zip(commands, worlds, strict=True)):
                self.processes.append(
                    subprocess.Popen(
                        [str(part) for part in command],
                        env={**os.environ, **world},
                        stdout=subprocess.DEVNULL if i else subprocess.PIPE,
                        stderr=said,
                        text=True,
                        start_new_session=True,  # so that a launcher and what it started can be ended together
                    )
                )

    def __enter__(self) -> "Group":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.signal(signal.SIGKILL)
        for process in self.processes:
            process.communicate()

    def events(self) -> "Any":
        """The events that the first process tells of, until it ends."""
        stdout = self.processes[0].stdout
        assert stdout is not None
        for line in stdout:
            if line.startswith(ANNOUNCED):
                yield line.removeprefix(ANNOUNCED).strip()

    def signal(self, number: signal.Signals) -> None:
        """Send every process and those it started a signal."""
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, number)

    def wait(self, seconds: float = WAIT) -> list[int]:
        """Exit codes of all."""
        end = time.monotonic() + seconds
        for process in self.processes:
            process.communicate(timeout=max(end - time.monotonic(), 1))
        return [process.returncode for process in self.processes]

    @property
    def said(self) -> str:
        """What all wrote to standard error."""
        return self.errors.read_text()


def group(script: Path, arguments: Sequence[Any], folder: Path, processes: int = 1) -> Group:
    """Start a script in one process, or in several that know each other through their environment."""
    worlds = environments(processes)
    return Group([[sys.executable, script, *arguments]] * processes, worlds, folder / "errors.txt")


def torchrun(
    arguments: Sequence[Any], folder: Path, processes: int = 2, options: Sequence[str] = ("--standalone",)
) -> Group:
    """Start torchrun; `arguments` begin with the script, or with -m and a module."""
    command = [sys.executable, "-m", "torch.distributed.run", *options, f"--nproc_per_node={processes}", *arguments]
    # With gloo, torch 2.13 hangs when it starts processes again unless told so.
    world = {"OMP_NUM_THREADS": "1", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    return Group([command], [world], folder / f"torchrun_{free_port()}.txt")
