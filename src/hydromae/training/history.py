"""The steps since the last record: their losses stay on the device until the record is written."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from hydromae.training.step import Step
from hydromae.training.world import World
from hydromae.windows.windows import Windows


@dataclass(frozen=True)
class Drawn:
    """The windows on which one process made a step, so that they can be found again."""

    starts: tuple[int, ...]
    days: int
    number: int
    epoch: int
    stations: list[list[int]] | None = None


@dataclass
class History:
    """Steps and the windows on which they were made; this process's share of both."""

    steps: list[Step] = field(default_factory=list)
    drawn: list[Drawn] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.steps)

    def add(self, step: Step, parts: list[Windows], epoch: int) -> None:
        """Note one step."""
        starts = tuple(start for windows in parts if not windows.idle for start in windows.first_days)
        own = [windows.stations.tolist() for windows in parts if windows.stations is not None and not windows.idle]
        stations = [chosen for windows in own for chosen in windows] if parts[0].stations is not None else None
        self.steps.append(step)
        self.drawn.append(Drawn(starts, parts[0].days, parts[0].number, epoch, stations))

    def read(self, world: World) -> tuple[list[list[float]], list[float]]:
        """Losses [steps][modalities] over all processes, which must all call this, and norms [steps].

        This waits for the device.
        """
        losses, norms = self._tensors(world)
        return losses.tolist(), norms.tolist()

    def state(self, world: World) -> dict[str, Any]:
        """For a checkpoint; all processes must call this."""
        own = [(list(step.starts), step.days, step.number, step.epoch, step.stations) for step in self.drawn]
        drawn = world.gather(own)
        if not self.steps:
            return {"losses": None, "norms": None, "drawn": drawn}
        losses, norms = self._tensors(world)
        return {"losses": losses, "norms": norms, "drawn": drawn}

    @classmethod
    def restored(cls, state: dict[str, Any], world: World) -> "History":
        """The inverse of `state`; the whole of each loss becomes the first process's share."""
        if state["losses"] is None:
            return cls()
        losses = state["losses"].to(world.device) * float(world.is_main)
        norms = state["norms"].to(world.device)
        of_processes = state["drawn"]
        # The first process takes over the windows of processes that no longer exist.
        nothing = [([], *rest, None) for _, *rest, _ in of_processes[0]]
        own = of_processes[world.rank] if world.rank < len(of_processes) else nothing
        orphans = of_processes[world.size :] if world.is_main else []
        drawn = []
        for i, (starts, days, number, epoch, stations) in enumerate(own):
            kept = [*starts, *(start for other in orphans for start in other[i][0])]
            chosen = [*(stations or []), *(station for other in orphans for station in other[i][4] or [])]
            drawn.append(Drawn(tuple(kept), days, number, epoch, chosen or None))
        return cls([Step(loss, norm) for loss, norm in zip(losses, norms, strict=True)], drawn)

    def _tensors(self, world: World) -> tuple[Tensor, Tensor]:
        losses = world.sum(torch.stack([step.losses for step in self.steps]))
        return losses, torch.stack([step.norm for step in self.steps])
