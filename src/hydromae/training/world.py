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
    """One process among those that train together; alone it is rank 0 of 1.

    Attributes:
        rank: of this process, from 0.
        size: number of processes.
        local_rank: of this process on its machine; the number of its GPU.
        local_size: number of processes on its machine.
        device: what it computes on.
        signals: group for what the processes tell each other on the host; None is the usual one.
    """

    rank: int
    size: int
    local_rank: int
    local_size: int
    device: torch.device
    signals: dist.ProcessGroup | None = None

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and speaks."""
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
        """Do something in the first process while the others wait; what it refuses ends them all."""
        refused: HydroMAEError | None = None
        if self.is_main:
            try:
                action()
            except HydroMAEError as error:
                refused = error
        for found in self.gather(refused):
            if found is not None:
                raise found

    def barrier(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            dist.barrier()

    def leave(self) -> None:
        """End the group, so that a process can join another."""
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()


def join_world(wanted: str, timeout_minutes: float = 30.0) -> World:
    """Join the processes that a launcher (torchrun, deepspeed, Slurm) started; alone where there is none.

    Args:
        wanted: auto, cpu or cuda.
        timeout_minutes: a process that waits longer for another ends with an error.

    Raises:
        ConfigError: a GPU was asked for and there is none, there are more processes than GPUs, the environment holds
            half of what a launcher sets, or the processes cannot meet.
    """
    found = launched()
    size = found.size
    device = choose_device(wanted, found.local_rank)
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
        # At its end Python looks three times through all that was ever imported for what refers to itself, for a second
        # or, where cores are shared, several; a process that a launcher started has nothing left that would need it.
        atexit.register(gc.freeze)
    if size > 1 and device.type == "cuda":
        signals = dist.new_group(backend="gloo")
    return World(found.rank, size, found.local_rank, found.local_size, device, signals)


def _avoid_the_default_port() -> None:
    """Give experiments that the deepspeed launcher starts side by side on one machine a port each.

    torchrun has agreed on its port before this runs. The deepspeed launcher only hands its default on; every process
    it started here has the same parent, whose number makes the port.
    """
    alone = os.environ.get("LOCAL_WORLD_SIZE", os.environ.get("LOCAL_SIZE")) == os.environ.get("WORLD_SIZE")
    if "TORCHELASTIC_RUN_ID" in os.environ or not alone or os.environ.get("MASTER_PORT") != _DEFAULT_PORT:
        return
    os.environ["MASTER_PORT"] = str(_PORTS[os.getppid() % len(_PORTS)])
