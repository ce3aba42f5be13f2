"""The training loop."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from hydromae.config import Config
from hydromae.data.batch_order import training_order, validation_order
from hydromae.data.cache import SharedValues
from hydromae.data.collate import Collator
from hydromae.data.loader import WindowLoader
from hydromae.data.store import Store
from hydromae.data.windows import WindowReader, Windows
from hydromae.errors import RunError
from hydromae.models.losses import squared_error, weighted_total
from hydromae.models.pretrained import save_pretrained
from hydromae.training.checkpoint import load_newest, random_state, restore_random_state, save_checkpoint
from hydromae.training.interruption import StopRequest
from hydromae.training.optimizer import make_optimizer, make_schedule
from hydromae.training.records import Records
from hydromae.training.run_directory import RunDirectory
from hydromae.training.setup import build_model, choose_device, usable_cores


@dataclass
class Progress:
    """Where a run stands.

    Attributes:
        epoch: epochs done.
        batch: batches done of the next epoch.
        step: optimizer steps done.
        best_loss: lowest validation loss.
        best_step: the step it was measured at.
        lines: records written.
        seconds: time spent training.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    best_loss: float = float("inf")
    best_step: int | None = None
    lines: int = 0
    seconds: float = 0.0


@dataclass
class Listener:
    """What a loop tells whoever watches: after every step, and with every record."""

    on_step: Callable[[Progress], None] = field(default=lambda progress: None)
    on_record: Callable[[dict[str, Any]], None] = field(default=lambda record: None)


class Trainer:
    """Trains one model on one device.

    Everything random follows from the seed and from torch's generator, which checkpoints hold, so a run that was
    stopped and continued equals one that was not, bit for bit on a CPU with the same number of threads.

    Args:
        config: the experiment.
        store: its data.
        run: its directory; None for a trial that writes nothing.
        listener: told of steps and records.
    """

    def __init__(
        self, config: Config, store: Store, run: RunDirectory | None, listener: Listener | None = None
    ) -> None:
        self.config, self.run, self.listener = config, run, listener or Listener()
        self.stop = StopRequest()
        settings, data = config.training, config.data
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)
        self.device = choose_device(settings.device)
        self.model = build_model(config, store).to(self.device)
        self.collator = Collator(store, self.model.shapes, config.masking, config.seed, self.device, config.data.fill)
        reader = WindowReader(store, self.model.shapes)
        workers = min(settings.workers, max(usable_cores() - 1, 0))
        self.order = training_order(data, store, settings.batch_size, config.seed)
        self.loader = WindowLoader(reader, self.order, workers, pin_memory=self.device.type == "cuda")
        self.validation = None
        if config.data.val is not None:
            unshuffled = validation_order(data, store, "val", settings.batch_size)
            self.validation = WindowLoader(reader, unshuffled)
        self.optimizer = make_optimizer(self.model, settings)
        self.schedule = make_schedule(self.optimizer, settings, len(self.order))
        self.progress = Progress()
        self._since_record = torch.zeros(len(self.model.shapes) + 3, device=self.device)  # losses, total, norm, steps

    @property
    def total_steps(self) -> int:
        """Optimizer steps of the whole run."""
        return self.config.training.epochs * len(self.order)

    def restore(self, run: RunDirectory) -> None:
        """Take up the newest whole checkpoint of a run."""
        state = load_newest(run.checkpoints, self.device)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.progress = Progress(**state["progress"])
        self._since_record = state["since_record"].to(self.device)
        restore_random_state(state["random"])

    def fit(self) -> bool:
        """Train to the end, or until asked to stop; says whether the end was reached.

        Raises:
            RunError: the loss is no longer a number.
        """
        if self.run is None:
            raise ValueError("a trial has no run directory to train in")
        records = Records(self.run.metrics, keep=self.progress.lines)
        settings, logging = self.config.training, self.config.logging
        began, saved = time.monotonic() - self.progress.seconds, time.monotonic()
        steps_at_record, record_time = self.progress.step, time.monotonic()
        with self._cached(), self.stop.on_signals():
            for epoch in range(self.progress.epoch, settings.epochs):
                self.order.epoch, self.order.first_batch = epoch, self.progress.batch
                for windows in self.loader:
                    self.train_step(windows, epoch)
                    self.progress.batch += 1
                    self.progress.step += 1
                    self.progress.seconds = time.monotonic() - began
                    self.listener.on_step(self.progress)
                    if self.progress.step % logging.log_every == 0 or self.progress.batch == len(self.order):
                        rate = (self.progress.step - steps_at_record) / (time.monotonic() - record_time)
                        self._record(records, self._training_record(rate))
                        steps_at_record, record_time = self.progress.step, time.monotonic()
                    epoch_done = self.progress.batch == len(self.order)
                    if self.stop.asked and not epoch_done:
                        self._save()
                        return False
                    if time.monotonic() - saved > 60 * logging.checkpoint_minutes and not epoch_done:
                        self._save()
                        saved = time.monotonic()
                self.progress.epoch, self.progress.batch = epoch + 1, 0
                self._finish_epoch(records)
                if (epoch + 1) % logging.checkpoint_every == 0 or epoch + 1 == settings.epochs or self.stop.asked:
                    self._save()
                    saved = time.monotonic()
                record_time = time.monotonic()
                if self.stop.asked and epoch + 1 < settings.epochs:
                    return False
        return True

    @contextmanager
    def _cached(self) -> Iterator[None]:
        """Read from one copy of the values in shared memory meanwhile, where that is wanted and possible."""
        reader = self.loader.reader
        original = reader.store
        with SharedValues(original, self.config.data.cache) as shared:
            reader.store = shared.store
            try:
                yield
            finally:
                reader.store = original

    def train_step(self, windows: Windows, epoch: int) -> Tensor:
        """One optimizer step; the loss stays on the device, so that nothing waits for it."""
        self.model.train()
        batch = self.collator.training_batch(windows.to(self.device), epoch)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.training.precision == "bf16"):
            total, losses = self.model(batch)
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.training.clip_norm)
        self.optimizer.step()
        self.schedule.step()
        one = torch.ones_like(total)
        self._since_record += torch.stack([*losses.values(), total, norm, one]).detach()
        return total.detach()

    @torch.no_grad()
    def validate(self) -> dict[str, Any] | None:
        """Losses over the validation period, each averaged over all hidden values; None without such a period."""
        if self.validation is None:
            return None
        self.model.eval()
        names = list(self.model.shapes)
        sums = {name: torch.zeros(2, dtype=torch.float64, device=self.device) for name in names}
        for windows in self.validation:
            batch = self.collator.evaluation_batch(windows.to(self.device))
            for name, predicted in self.model.predict(batch).items():
                sums[name] += torch.stack(squared_error(predicted, batch.tokens[name]))
        losses = {f"{name}_loss": sums[name][0] / sums[name][1].clamp(min=1) for name in names}
        total = weighted_total(losses, self.model.task_weights)
        return {"loss": total.item(), "losses": {name: losses[f"{name}_loss"].item() for name in names}}

    def _finish_epoch(self, records: Records) -> None:
        validation = self.validate()
        if validation is not None:
            self._record(
                records,
                {"event": "validation", "step": self.progress.step, "epoch": float(self.progress.epoch), **validation},
            )
            if not validation["loss"] < self.progress.best_loss:
                return
            self.progress.best_loss, self.progress.best_step = validation["loss"], self.progress.step
        if self.run is not None:
            save_pretrained(self.model, self.run.model)

    def _training_record(self, steps_per_second: float) -> dict[str, Any]:
        *sums, steps = self._since_record.tolist()
        self._since_record.zero_()
        *losses, total, norm = (value / steps for value in sums)
        return {
            "event": "train",
            "step": self.progress.step,
            "epoch": self.progress.epoch + self.progress.batch / len(self.order),
            "loss": total,
            "losses": dict(zip(self.model.shapes, losses, strict=True)),
            "lr": self.schedule.get_last_lr()[0],
            "grad_norm": norm,
            "windows_per_second": steps_per_second * self.config.training.batch_size,
        }

    def _record(self, records: Records, record: dict[str, Any]) -> None:
        # An infinite gradient spoils the weights one step before the loss shows it.
        what = "loss" if not math.isfinite(record["loss"]) else "grad_norm"
        if not math.isfinite(record.get(what, 0.0)):
            raise RunError(
                f"{records.path.parent}: the {record['event']} {what} at step {record['step']} is {record[what]}; "
                f"train anew with a lower training.lr and another output=, or look for wild values "
                f"with `hydromae check`"
            )
        records.append(record)
        self.progress.lines = records.lines
        self.listener.on_record(record)

    def _save(self) -> None:
        if self.run is None or not torch.isfinite(self._since_record).all():
            return
        content = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "progress": asdict(self.progress),
            "since_record": self._since_record,
            "random": random_state(),
        }
        keep, best = self.config.logging.keep, self.progress.best_step
        save_checkpoint(self.run.checkpoints, self.progress.step, content, keep, best)
