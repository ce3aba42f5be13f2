"""The training loop."""

import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import torch

from hydromae.base.errors import RunError
from hydromae.batch.batcher import Batcher
from hydromae.config import Config
from hydromae.masks.masker import Masker
from hydromae.runs.changes import listed_changes, settings_that_matter, with_later_keys
from hydromae.runs.checkpoint import random_state, restore_random_state, save_checkpoint
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import save_pretrained
from hydromae.store.cache import SharedValues
from hydromae.store.fingerprint import changed_since
from hydromae.store.store import Store
from hydromae.training.early_stopping import check_patience, note_validation, out_of_patience
from hydromae.training.engines import make_engine
from hydromae.training.estimate import refuse_too_large
from hydromae.training.faults import Faults, forget_later
from hydromae.training.history import History
from hydromae.training.interruption import StopRequest
from hydromae.training.listener import Listener, Progress
from hydromae.training.optimizer import freeze, make_schedule, present_rate
from hydromae.training.records import Records
from hydromae.training.setup import build_model, usable_cores
from hydromae.training.start_from import start_from
from hydromae.training.step import Stepper
from hydromae.training.validation import (
    COUNTED,
    check_training,
    check_validation,
    forget_other_validations,
    scored_modalities,
    total_loss,
)
from hydromae.training.world import World, join_world
from hydromae.windows.loader import WindowLoader
from hydromae.windows.order import Shares, training_order, validation_order
from hydromae.windows.station_weights import station_weights
from hydromae.windows.windows import WindowReader, Windows

logger = logging.getLogger(__name__)


class Trainer:
    """Trains one model, alone or as one of several processes.

    Everything random follows from the seed and from torch's generators, which checkpoints hold, so a run that was
    stopped and continued equals one that was not, bit for bit on a CPU with the same number of threads and processes.

    Args:
        config: the experiment.
        store: its data.
        run: its directory; None for a trial that writes nothing.
        listener: told of steps and records.
        world: the processes; None joins those that a launcher started.
        batch: windows in a step over all processes; None is what the configuration makes it on this many.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        run: RunDirectory | None,
        listener: Listener | None = None,
        world: World | None = None,
        batch: int | None = None,
    ) -> None:
        self.config, self.store, self.run, self.listener = config, store, run, listener or Listener()
        self.stop = StopRequest()
        settings = config.training
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)
        self.world = world or join_world(settings.device)
        self.device = self.world.device
        check_patience(config)
        # What a process needs differs a little from the others': one decides for all.
        self.world.main_alone(lambda: refuse_too_large(config, store, self.device, self.world.local_size))
        model = build_model(config, store)
        # What a checkpoint holds is restored later, when what the run started from may be gone.
        fresh = run is None or not any(run.checkpoints.glob("step_*.pt"))
        self.start = start_from(model, settings.start_from, store) if settings.start_from and fresh else None
        if self.start is not None and self.world.is_main:
            self.start.log()
        freeze(model, settings.freeze)
        self.model = model.to(self.device)
        if self.world.rank:
            torch.manual_seed(config.seed + self.world.rank)  # dropout of its own
        self.engine = make_engine(self.model, self.world, settings)
        weights = {name: station_weights(store, name) for name in settings.station_weights}
        self.batcher = Batcher.of_store(store, self.model.shapes, self.device, config.data.fill, weights)
        self.masker = Masker.of_store(store, self.model.shapes, config.masking, config.seed)
        self.stepper = Stepper(self.engine, self.batcher, self.masker, settings.task_weights)
        self.reader = WindowReader(store, self.model.shapes)
        self.batch = batch or settings.batch_size * settings.accumulate * self.world.size
        self.parts = math.ceil(self.batch / (self.world.size * settings.batch_size))
        self.order = training_order(config.data, store, self.batch, config.seed)
        workers = min(settings.workers, max(usable_cores() // self.world.local_size - 1, 0))
        self.loader = WindowLoader(
            self.reader,
            Shares(self.order, self.world.rank, self.world.size, self.parts),
            workers,
            pin_memory=self.device.type == "cuda",
        )
        planner = self.masker.planner
        check_training(self.reader, planner, self.order)
        self.validation = self.held_out = None
        if config.data.val is not None:
            self.held_out = validation_order(config.data, store, "val", settings.batch_size * self.world.size)
            if (nothing := check_validation(config, self.reader, planner, self.held_out)) is None:
                shares = Shares(self.held_out, self.world.rank, self.world.size, 1)
                self.validation = WindowLoader(self.reader, shares)
            elif self.world.is_main:
                logger.warning("%s", nothing)
        self.schedule = make_schedule(self.engine.optimizer, settings, len(self.order))
        self.progress = Progress()
        whole = config.model_copy(update={"model": self.model.config})
        self.data: dict[str, Any] = {
            **store.identity_until(store.n_days),
            "settings": settings_that_matter(whole),
            "arithmetic": f"{self.engine.settings.precision} on {self.device.type}",
        }
        self.history = History()
        self.faults = Faults(self.engine, self.batcher, self.masker, self.reader)

    @property
    def total_steps(self) -> int:
        """Optimizer steps of the whole run."""
        return self.config.training.epochs * len(self.order)

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the content of a checkpoint, which may be of another number of processes.

        Raises:
            RunError: it was made with other data or another configuration; the message says what differs.
        """
        where = self.run.path if self.run else "trial"
        if changed := changed_since(state["data"], self.store):
            raise RunError(
                f"{where}: the data in {self.store.path} are not those its checkpoint was made with: {changed}; "
                f"prepare that store anew from the same files, or train a new run"
            )
        settings = self.data["settings"]
        if changed := listed_changes(with_later_keys(state["data"]["settings"], settings), settings):
            raise RunError(
                f"{where}: config.yaml is not as it was when its checkpoint was made: {changed}; set it as it was, or "
                f"train a new run"
            )
        before, now = state["data"]["arithmetic"], self.data["arithmetic"]
        if before != now and self.world.is_main:
            logger.warning("%s: goes on in %s instead of %s, so its numbers differ from here on", where, now, before)
        self.data = {**state["data"], "settings": settings, "arithmetic": now}
        self.engine.load(state)
        self.schedule.load_state_dict(state["schedule"])
        self.progress = Progress(**state["progress"])
        self.history = History.restored(state["history"], self.world)
        if self.validation is not None and self.held_out is not None and "validation" not in state:
            scored = scored_modalities(self.reader, self.masker.planner, self.held_out)
            forget_other_validations(self.progress, scored, str(where) if self.world.is_main else None)
        randoms = state["random"]
        if self.world.rank < len(randoms):
            restore_random_state(randoms[self.world.rank])
        if len(randoms) != self.world.size and self.world.is_main:
            logger.warning(
                "%s: goes on with %d processes instead of %d; a step still takes %d windows, now in %d parts of each "
                "process; sums are rounded in another order, and dropout differs from here on",
                *(self.run.path if self.run else "trial", self.world.size, len(randoms), self.batch, self.parts),
            )

    def fit(self) -> bool:
        """Train to the end, or until asked to stop; says whether the end was reached.

        Raises:
            RunError: the validation loss is no number, or too many steps in a row could not be taken.
        """
        if self.run is None:
            raise ValueError("a trial has no run directory to train in")
        records = None
        if self.world.is_main:
            records = Records(self.run.metrics, keep=self.progress.lines)
            forget_later(self.run.path, self.progress.step - len(self.history))
            if self.start is not None:
                self.run.write_json("start.json", self.start.to_json())
        settings, logging = self.config.training, self.config.logging
        began, saved = time.monotonic() - self.progress.seconds, time.monotonic()
        record_time = time.monotonic()
        with self._cached(), self.stop.on_signals():
            if not self.progress.validated:
                ended = self._end_epoch(records, saved=True)
                if ended is not None:
                    return ended
            for epoch in range(self.progress.epoch, 0 if self.progress.stopped else settings.epochs):
                self.order.epoch, self.order.first_batch = epoch, self.progress.batch
                for parts in self.batches():
                    self.train_step(parts, epoch)
                    self.progress.batch += 1
                    self.progress.step += 1
                    self.progress.seconds = time.monotonic() - began
                    self.listener.on_step(self.progress)
                    epoch_done = self.progress.batch == len(self.order)
                    if self.progress.step % logging.log_every == 0 or epoch_done:
                        self._record(records, self._training_record(time.monotonic() - record_time))
                        record_time = time.monotonic()
                    due = time.monotonic() - saved > 60 * logging.checkpoint_minutes
                    stop, due = self.world.any(self.stop.asked, due)  # all processes must do the same
                    if (stop or due) and not epoch_done:
                        self._save()
                        saved = time.monotonic()
                        if stop:
                            return False
                self.progress.epoch, self.progress.batch = epoch + 1, 0
                self.progress.validated = False
                last = epoch + 1 == settings.epochs
                save = (epoch + 1) % logging.checkpoint_every == 0 or last or stop
                if save:
                    # Before it is validated: whatever happens there, the epoch is not lost.
                    self._save()
                    saved = time.monotonic()
                if stop and not last:
                    return False
                ended = self._end_epoch(records, save)
                if ended is not None:
                    return ended
                record_time = time.monotonic()
        return True

    def _end_epoch(self, records: Records | None, saved: bool) -> bool | None:
        """Validate; whether training is at its end (True) or was asked to stop (False), None where it goes on.

        A run that goes on from a checkpoint of before the validation validates first, and so finds the same.
        """
        with self.engine.averaged():
            self._finish_epoch(records)
        self.progress.validated = True
        settings = self.config.training
        stop, tired = self.world.any(self.stop.asked, out_of_patience(self.progress, settings.patience))
        early = tired and self.progress.epoch < settings.epochs
        self.progress.stopped = "patience" if early else None
        last = tired or self.progress.epoch == settings.epochs
        if (last or stop) and not saved:
            self._save()
        return True if last else False if stop else None

    def train_step(self, parts: list[Windows], epoch: int) -> None:
        """One optimizer step; what it gives stays on the device, so that nothing waits for it."""
        self.history.add(self.stepper.train(parts, epoch), parts, epoch)
        self.schedule.step()

    def validate(self) -> dict[str, Any] | None:
        """Losses over the validation period, each averaged over all its hidden values; None without such a period.

        Hidden is what the run's strategies hide; a window in which they can hide nothing, as a forecast where no flow
        was observed, is left out, and `left_out` says how many were. `loss`, the sum over the modalities, chooses the
        best epoch (see `total_loss`).

        `loss` and `losses` are mean squared errors with quantiles as without, so that they compare; `pinball` is there
        beside them in a model with quantiles. Stations have the weights of the training.

        Where the weights are averaged it is the average that is validated.
        """
        if self.validation is None:
            return None
        with self.engine.averaged():
            found = self.stepper.validate(self.validation)
        losses, *pinball = [dict(zip(self.model.shapes, row, strict=True)) for row in found.losses]
        return {
            "loss": total_loss(found.losses[0], self.stepper.weights.tolist(), found.windows),
            "losses": losses,
            **({"pinball": pinball[0]} if pinball else {}),
            "left_out": found.left_out,
        }

    @contextmanager
    def _cached(self) -> Iterator[None]:
        """Read from one copy of the values in shared memory meanwhile, where that is wanted and possible."""
        original = self.reader.store
        with SharedValues(original, self.config.data.cache) as shared:
            self.reader.store = shared.store
            try:
                yield
            finally:
                self.reader.store = original

    def batches(self) -> Iterator[list[Windows]]:
        """The windows of each batch that are this process's own, in parts."""
        parts: list[Windows] = []
        for windows in self.loader:
            parts.append(windows)
            if len(parts) == self.parts:
                yield parts
                parts = []

    def _finish_epoch(self, records: Records | None) -> None:
        if self.validation is not None:
            (first,) = self.world.any(self.run is not None and self.world.is_main and not self.run.model.exists())
            if first:
                self._keep_model()  # before it is validated, as the checkpoint
        validation = self.validate()
        if validation is not None:
            where = {"step": self.progress.step, "epoch": float(self.progress.epoch)}
            self._record(records, {"event": "validation", **where, **validation})
            # Where nothing was scored there is nothing to choose by.
            if validation["loss"] is not None and not note_validation(self.progress, validation["loss"]):
                return
        self._keep_model()

    def _keep_model(self) -> None:
        weights = self.engine.weights()
        if self.run is not None:
            folder = self.run.model
            self.world.main_alone(lambda: save_pretrained(self.model, folder, weights))

    def _training_record(self, seconds: float) -> dict[str, Any]:
        """Means over the steps since the last record that were taken; the others are told of and counted."""
        losses, norms = self.history.read(self.world)
        skipped = [i for i, norm in enumerate(norms) if not math.isfinite(norm)]
        for norm in norms:
            self.progress.skipped = 0 if math.isfinite(norm) else self.progress.skipped + 1
        if skipped:
            first = self.progress.step - len(norms) + 1
            faults = self.faults.locate(self.history, skipped, losses, first)
            path = self.run.path if self.run is not None and self.world.is_main else None
            self.faults.tell(faults, path, self.progress.skipped)
        taken = [i for i in range(len(norms)) if i not in skipped]
        # A loss of exactly 0 is that of a step in which nothing of the modality was hidden.
        told = {name: [losses[i][m] for i in taken if losses[i][m]] for m, name in enumerate(self.model.shapes)}
        mean = {name: sum(values) / len(values) if values else None for name, values in told.items()}
        windows, tokens = (sum(getattr(step, name) for step in self.history.steps) for name in ("windows", "tokens"))
        self.history = History()
        return {
            "event": "train",
            "step": self.progress.step,
            "epoch": self.progress.epoch + self.progress.batch / len(self.order),
            "loss": total_loss(list(mean.values()), self.stepper.weights.tolist()),
            "losses": mean,
            "lr": present_rate(self.schedule, self.config.training),
            "grad_norm": sum(norms[i] for i in taken) / len(taken) if taken else None,
            "skipped": len(skipped),
            "windows_per_second": windows / seconds,
            "tokens_per_second": tokens / seconds,
        }

    def _record(self, records: Records | None, record: dict[str, Any]) -> None:
        if record["event"] == "validation" and not math.isfinite(record["loss"] or 0.0):
            raise RunError(
                f"{self.run.path if self.run else 'trial'}: the validation loss at step {record['step']} is "
                f"{record['loss']}; train anew with a lower training.lr and another output=, or look for wild values "
                f"with `hydromae check`"
            )
        if records is not None:
            records.append(record)
        self.progress.lines += 1
        self.listener.on_record(record)

    def _save(self) -> None:
        """Write a checkpoint; all processes take part, the first one writes."""
        content = {
            **self.engine.state(),
            "schedule": self.schedule.state_dict(),
            "progress": asdict(self.progress),
            "history": self.history.state(self.world),
            "random": self.world.gather(random_state()),
            "batch": self.batch,
            "data": self.data,
            "validation": COUNTED,
        }
        if self.run is not None:
            folder, step = self.run.checkpoints, self.progress.step
            keep, best = self.config.logging.keep, self.progress.best_step
            # Nobody goes on as if it were written before it is; a full disk ends them all with the same sentence.
            self.world.main_alone(lambda: save_checkpoint(folder, step, content, keep, best))
