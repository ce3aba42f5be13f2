"""What a training would cost, measured on a few of its steps."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from rich.table import Table

from hydromae.base.memory import peak_memory
from hydromae.config import Config
from hydromae.store.store import Store
from hydromae.training.build import build_trainer
from hydromae.training.estimate import Estimate, estimate, require_fit
from hydromae.training.loop import Trainer
from hydromae.training.start_from import Start
from hydromae.training.validation import scored_modalities
from hydromae.training.world import join_world

_WARM, _TIMED = 1, 2


@dataclass(frozen=True)
class Trial:
    """Measured on steps of the real data.

    Attributes:
        parameters: of the model.
        tokens: modality -> tokens of a window: all, visible, hidden.
        steps_per_epoch: optimizer steps in an epoch.
        steps: of the whole training.
        seconds_per_step: measured.
        memory: peak of this process (CPU) or of the GPU, bytes.
        device: cpu or cuda.
        validation: number of windows that can be scored, and of all windows; None without a validation period.
        start: which of the weights that training starts from are loaded, resized or new; None if it starts from none.
    """

    parameters: int
    tokens: dict[str, tuple[int, int, int]]
    steps_per_epoch: int
    steps: int
    seconds_per_step: float
    memory: int
    device: str
    validation: tuple[int, int] | None = None
    start: Start | None = None

    def table(self) -> Table:
        """The figures, for the console."""
        table = Table("what", "value", title="Dry run", title_justify="left")
        table.add_row("parameters", f"{self.parameters:,}")
        for name, (total, visible, hidden) in self.tokens.items():
            table.add_row(f"tokens of {name}", f"{total:,} a window: {visible:,} visible, {hidden:,} hidden")
        table.add_row("visible tokens together", f"{sum(visible for _, visible, _ in self.tokens.values()):,}")
        table.add_row("steps", f"{self.steps:,} ({self.steps_per_epoch:,} an epoch)")
        table.add_row("seconds a step", f"{self.seconds_per_step:.2f} on {self.device}, mean of {_TIMED}")
        table.add_row("time for all steps", _words(self.seconds_per_step * self.steps) + ", without validation")
        table.add_row("peak memory", f"{self.memory / 2**30:.2f} GiB")
        if self.validation is not None:
            scored, total = self.validation
            table.add_row("validation", f"{scored:,} of {total:,} windows can be scored")
        return table


def dry_run(config: Config, store: Store, on_estimate: Callable[[Estimate], None] = lambda estimated: None) -> Trial:
    """Estimate what a step takes and, if the machine has enough memory, measure a few real steps; write nothing.

    Args:
        config: the experiment.
        store: its data.
        on_estimate: called with the estimate before any step.

    Raises:
        ConfigError: the configuration does not fit the data, or a step does not fit the machine's memory.
    """
    world = join_world(config.training.device)
    estimated = estimate(config, store, world.device, world.local_size)
    on_estimate(estimated)
    require_fit(estimated, config, store, world.device, world.local_size)
    trainer = build_trainer(config, store, world=world)
    seconds, tokens = [], {}
    for i, parts in enumerate(islice(trainer.batches(), _WARM + _TIMED)):
        began = time.monotonic()
        trainer.train_step(parts, epoch=0)
        trainer.history.read(trainer.world)  # waits for the device
        seconds.append(time.monotonic() - began)
        if i == 0:
            batch = trainer.batcher.batch(parts[0].to(trainer.device), trainer.masker.training(0))
            tokens = {
                name: (t.values.shape[1], t.visible.index.shape[1], t.target.index.shape[1])
                for name, t in batch.tokens.items()
            }
    timed = seconds[_WARM:] or seconds
    return Trial(
        parameters=sum(p.numel() for p in trainer.model.parameters()),
        tokens=tokens,
        steps_per_epoch=len(trainer.order),
        steps=trainer.total_steps,
        seconds_per_step=sum(timed) / len(timed),
        memory=peak_memory(trainer.device),
        device=trainer.device.type,
        validation=_validation(trainer),
        start=trainer.start,
    )


def _validation(trainer: Trainer) -> tuple[int, int] | None:
    if trainer.held_out is None:
        return None
    windows = [*scored_modalities(trainer.reader, trainer.masker.planner, trainer.held_out)]
    return sum(map(bool, windows)), len(windows)


def _words(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{seconds / 60:.1f} min"
