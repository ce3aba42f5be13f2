"""Steps that could not be taken, since a gradient was not finite: which windows, which modality, which layer."""

import json
import logging
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hydromae.base.errors import RunError
from hydromae.base.files import atomic_path
from hydromae.base.json_text import json_text
from hydromae.batch.batch import Batch
from hydromae.batch.batcher import Batcher
from hydromae.masks.masker import Masker
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.training.engine import AUTOCAST, Engine
from hydromae.training.history import Drawn, History
from hydromae.windows.windows import WindowReader

logger = logging.getLogger(__name__)

FILE = "faults.jsonl"
_TRIED_AGAIN = 3  # faults of one record whose layer is searched for, at a forward pass each


@dataclass(frozen=True)
class Fault:
    """One step that was skipped.

    Attributes:
        step: its number.
        windows: first and last day of each window of the step, in every process.
        modalities: those whose loss was not finite; empty where only the gradient was not.
        layer: the first layer whose output is not finite when this process's windows are tried again; None if all are.
    """

    step: int
    windows: tuple[tuple[str, str], ...]
    modalities: tuple[str, ...]
    layer: str | None

    def sentence(self) -> str:
        """What happened, in a sentence."""
        days = ", ".join(f"{first} to {last}" for first, last in self.windows[:4])
        more = f" and {len(self.windows) - 4} more" if len(self.windows) > 4 else ""
        what = f"the loss of {', '.join(self.modalities)}" if self.modalities else "the gradient"
        where = f", first in layer {self.layer}" if self.layer else ""
        return f"in step {self.step} {what} was not finite{where} (windows {days}{more})"


class Faults:
    """Finds out why steps could not be taken, and reports it.

    Args:
        engine: made the steps.
        batcher: made their batches.
        masker: drew their masks.
        reader: read their windows.
    """

    def __init__(self, engine: Engine, batcher: Batcher, masker: Masker, reader: WindowReader) -> None:
        self.engine, self.batcher, self.masker, self.reader = engine, batcher, masker, reader

    def locate(self, history: History, steps: Sequence[int], losses: list[list[float]], first: int) -> list[Fault]:
        """What is known of some steps of a history; all processes must call this.

        Args:
            history: since the last record.
            steps: positions in the history.
            losses: [steps][modalities].
            first: number of the history's first step.
        """
        world, names = self.engine.world, list(self.batcher.shapes)
        faults = []
        for i in steps:
            drawn = history.drawn[i]
            starts = [start for own in world.gather(drawn.starts) for start in own]
            bad = tuple(name for name, loss in zip(names, losses[i], strict=True) if not math.isfinite(loss))
            layers = world.gather(self._layer(drawn) if i in steps[-_TRIED_AGAIN:] else None)
            dates = self._dates(starts, drawn.days)
            faults.append(Fault(first + i, dates, bad, next((layer for layer in layers if layer), None)))
        return faults

    def tell(self, faults: Sequence[Fault], run: Path | None, in_a_row: int) -> None:
        """Write faults down, and end the run where too many came in a row.

        Args:
            faults: at least one.
            run: its directory; None where another process writes.
            in_a_row: number of steps in a row, up to now, that could not be taken.

        Raises:
            RunError: too many in a row.
        """
        if run is not None:
            try:
                with (run / FILE).open("a", encoding="utf-8") as file:
                    file.writelines(json_text(asdict(fault)) + "\n" for fault in faults)
            except OSError as error:  # a log does not end a training
                logger.warning("%s: cannot be written (%s); the training goes on", run / FILE, error.strerror)
            logger.warning("%s: %s and was skipped", run, faults[-1].sentence())
        if in_a_row >= self.engine.settings.max_skips:
            raise RunError(
                f"{f'{run}: ' if run else ''}{in_a_row} steps in a row could not be taken: {faults[-1].sentence()}; "
                f"{FILE} has them all; look for wild values with `hydromae check`, leave their days out with "
                f"data.exclude_dates, or lower training.lr"
            )

    def _dates(self, starts: Sequence[int], days: int) -> tuple[tuple[str, str], ...]:
        first = self.reader.store.first_day + np.array(sorted(starts), np.int64)
        return tuple((str(begin), str(begin + np.timedelta64(days - 1, "D"))) for begin in first)

    def _layer(self, drawn: Drawn) -> str | None:
        # Where the model is spread over processes, none of them can run it by itself.
        if self.engine.spread or not drawn.starts:
            return None
        stations = None if drawn.stations is None else np.array(drawn.stations)
        windows = self.reader.read(drawn.starts, drawn.days, drawn.number, stations).to(self.engine.world.device)
        batch = self.batcher.batch(windows, self.masker.training(drawn.epoch))
        dtype = AUTOCAST[self.engine.settings.precision]  # what overflows in fp16 may not overflow in fp32
        with torch.autocast(self.engine.world.device.type, dtype, enabled=dtype != torch.float32):
            return first_bad_layer(self.engine.model, batch)


def forget_later(run: Path, step: int) -> None:
    """Cut the faults of a run back to those up to a step, as is done with the records of a continued run."""
    path = run / FILE
    if not path.is_file():
        return
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"".join(line for line in path.read_bytes().splitlines(True) if _step_of(line) <= step))


def _step_of(line: bytes) -> float:
    """The step of a fault; infinite where the line was cut off when the process was killed, or is damaged."""
    try:
        return float(json.loads(line)["step"]) if line.endswith(b"\n") else math.inf
    except (ValueError, KeyError, TypeError):
        return math.inf


@torch.no_grad()
def first_bad_layer(model: MultiModalMAE, batch: Batch) -> str | None:
    """Name of the first layer, in the order of computation, whose output for the batch is not finite."""
    bad_layers: list[str] = []

    def watch(name: str, part: nn.Module) -> torch.utils.hooks.RemovableHandle:
        def look(module: nn.Module, given: object, output: object) -> None:
            if not bad_layers and isinstance(output, Tensor) and not torch.isfinite(output).all():
                bad_layers.append(name)

        return part.register_forward_hook(look)

    handles = [watch(name, part) for name, part in model.named_modules() if not list(part.children())]
    was_training = model.training
    try:
        model.eval().predict(batch)
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()
    return bad_layers[0] if bad_layers else None
