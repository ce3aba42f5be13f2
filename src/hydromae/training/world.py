"""The processes that train one model together."""

import atexit
import gc
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from hydromae.base.devices import choose_device
from hydromae.base.errors import ConfigError, HydroMAEError
from hydromae.training.launched import launched

_DEFAULT_PORT = "29500"
_PORTS = range(20000, 29000)


@dataclass(frozen=True)
class World:
    """One process among those that train together; a single one is rank 0 of 1.

    Attributes:
        rank: of this process, from 0.
        size: number of processes.
        local_rank: of this process on its machine; the number of its GPU.
        local_size: number of processes on its machine.
        device: what it computes on.
        signals: group for messages between the processes on the host; None is the default group.
    """

    rank: int
    size: int
    local_rank: int
    local_size: int
    device: torch.device
    signals: dist.ProcessGroup | None = None

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and messages."""
        return self.rank == 0

    def sum(self, values: Tensor) -> Tensor:
        """The sum of `values` over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def any(self, *flags: bool) -> list[bool]:
        """Whether each flag holds in any process; the processes wait for each other, but for no device."""
        if self.size == 1:
            return list(flags)
        raised = torch.tensor([float(flag) for flag in flags])
        dist.all_reduce(raised, dist.ReduceOp.MAX, group=self.signals)
        return [bool(flag) for flag in raised.tolist()]

    def gather(self, value: Any) -> list[Any]:
        """`value` of every process, in order of rank, in all of them; it is pickled."""
        if self.size == 1:
            return [value]
        gathered: list[Any] = [None] * self.size
        dist.all_gather_object(gathered, value, group=self.signals)
        return gathered

    def main_alone(self, action: Callable[[], object]) -> None:
        """Do something in the first process while the others wait; an error there ends them all."""
        refused: HydroMAEError | None = None
        if self.is_main:
            try:
                action()
            except HydroMAEError as error:
                refused = error
        for refusal in self.gather(refused):
            if refusal is not None:
                raise refusal

    def barrier(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            dist.barrier()

    def leave(self) -> None:
        """End the group, so that a process can join another."""
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()


def join_world(device_name: str, timeout_minutes: float = 30.0) -> World:
    """Join the processes that a launcher (torchrun, deepspeed, Slurm) started; without a launcher this process trains
    by itself.

    Args:
        device_name: auto, cpu or cuda.
        timeout_minutes: a process that waits longer than this for another ends with an error.

    Raises:
        ConfigError: a GPU was asked for and there is none, there are more processes than GPUs, the environment holds
            only a part of what a launcher sets, or the processes cannot meet.
    """
    process = launched()
    size = process.size
    device = choose_device(device_name, process.local_rank)
    signals = None
    if size > 1 and not dist.is_initialized():
        _avoid_the_default_port()
        if device.type == "cuda":
            torch.cuda.set_device(device)
        backend = "nccl" if device.type == "cuda" else "gloo"
        try:
            dist.init_process_group(backend, timeout=timedelta(minutes=timeout_minutes))
        except (dist.DistError, ValueError) as error:
            place = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
            reason = str(error).splitlines()[0]
            raise ConfigError(
                f"the {size} processes cannot meet at {place} ({reason}); correct MASTER_ADDR and MASTER_PORT, or "
                f"start them with torchrun, which sets both"
            ) from error
        # When it ends, Python searches everything that was imported three times for reference cycles, which takes a
        # second, or several where cores are shared; a process that a launcher started does not need that.
        atexit.register(gc.freeze)
    if size > 1 and device.type == "cuda":
        signals = dist.new_group(backend="gloo")
    return World(process.rank, size, process.local_rank, process.local_size, device, signals)


def _avoid_the_default_port() -> None:
    """Give experiments that the deepspeed launcher starts side by side on one machine a port each.

    torchrun has agreed on its port before this runs. The deepspeed launcher only hands its default on; every process
    it started here has the same parent, whose number makes the port.
    """
    one_machine = os.environ.get("LOCAL_WORLD_SIZE", os.environ.get("LOCAL_SIZE")) == os.environ.get("WORLD_SIZE")
    if "TORCHELASTIC_RUN_ID" in os.environ or not one_machine or os.environ.get("MASTER_PORT") != _DEFAULT_PORT:
        return
    os.environ["MASTER_PORT"] = str(_PORTS[os.getppid() % len(_PORTS)])
