"""The training loop."""

import math
import time
from collections.abc import Iterable, Iterator
from typing import Any

from hydromae.base.errors import RunError
from hydromae.config import Config
from hydromae.runs.checkpoint import save_checkpoint
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import save_pretrained
from hydromae.store.store import Store
from hydromae.training.callback import Beginning, Callback, Callbacks
from hydromae.training.early_stopping import note_validation, out_of_patience
from hydromae.training.faults import Faults, forget_later
from hydromae.training.history import History
from hydromae.training.interruption import StopRequest
from hydromae.training.optimizer import present_rate
from hydromae.training.progress import Progress
from hydromae.training.start_from import Start
from hydromae.training.state import TrainingState
from hydromae.training.step import Stepper
from hydromae.training.validation import forget_other_validations, scored_modalities, total_loss
from hydromae.windows.loader import WindowLoader
from hydromae.windows.order import BatchOrder
from hydromae.windows.windows import WindowReader, Windows


class Trainer:
    """Trains one model in one process, or as one of several; `build_trainer` makes a trainer from a configuration.

    Everything random follows from the seed and from torch's generators, which checkpoints hold, so a run that was
    stopped and continued equals one that was not, bit for bit on a CPU with the same number of threads and processes.

    Args:
        config: the experiment.
        store: its data.
        run: its directory; None for a trial that writes nothing.
        state: model, optimizer, and where the training stands.
        stepper: makes steps.
        reader: of the windows.
        order: of the training windows.
        loader: reads this process's share of them.
        parts: number of parts in which this process computes a batch.
        held_out: order of the validation windows; None without such a period.
        validation: reads them; None without such a period, or where nothing in it is scored.
        start: what was loaded from other weights; None where training starts from none.
        callbacks: called in their order.
    """

    def __init__(
        self,
        *,
        config: Config,
        store: Store,
        run: RunDirectory | None,
        state: TrainingState,
        stepper: Stepper,
        reader: WindowReader,
        order: BatchOrder,
        loader: WindowLoader,
        parts: int,
        held_out: BatchOrder | None,
        validation: WindowLoader | None,
        start: Start | None,
        callbacks: Iterable[Callback] = (),
    ) -> None:
        self.config, self.store, self.run, self.state = config, store, run, state
        self.stepper, self.engine = stepper, stepper.engine
        self.batcher, self.masker = stepper.batcher, stepper.masker
        self.reader, self.order, self.loader, self.parts = reader, order, loader, parts
        self.held_out, self.validation, self.start = held_out, validation, start
        self.world, self.device, self.model = state.world, state.world.device, self.engine.model
        self.callbacks = Callbacks(callbacks)
        self.faults = Faults(self.engine, self.batcher, self.masker, reader)
        self.stop = StopRequest()

    @property
    def progress(self) -> Progress:
        """Where the training stands."""
        return self.state.progress

    @property
    def history(self) -> History:
        """Steps since the last record."""
        return self.state.history

    @property
    def total_steps(self) -> int:
        """Optimizer steps of the whole run."""
        return self.config.training.epochs * len(self.order)

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the content of a checkpoint, which may be of another number of processes.

        Raises:
            RunError: it was made with other data or another configuration; the message says what differs.
        """
        where = str(self.run.path) if self.run else "trial"
        self.state.restore(state, self.store, where)
        if self.validation is not None and self.held_out is not None and "validation" not in state:
            scored = scored_modalities(self.reader, self.masker.planner, self.held_out)
            forget_other_validations(self.progress, scored, where if self.world.is_main else None)

    def fit(self) -> bool:
        """Train to the end, or until asked to stop; says whether the end was reached.

        Raises:
            RunError: the validation loss is not a number, or too many steps in a row could not be taken.
        """
        if self.run is None:
            raise ValueError("a trial has no run directory to train in")
        if self.world.is_main:
            forget_later(self.run.path, self.progress.step - len(self.history))
            if self.start is not None:
                self.run.write_json("start.json", self.start.to_json())
        with self.stop.on_signals():
            try:
                self.callbacks.on_start(Beginning(self.progress.step, self.total_steps, self.start))
                return self._fit()
            finally:
                self.callbacks.on_end()

    def _fit(self) -> bool:
        settings, logging = self.config.training, self.config.logging
        began, saved = time.monotonic() - self.progress.seconds, time.monotonic()
        record_time = time.monotonic()
        if self.start is not None and self.validation is not None and self.progress.step == 0:
            self.progress.validated = False  # so that weights that tuning does not better are kept
        if not self.progress.validated:
            ended = self._end_epoch(saved=True)
            if ended is not None:
                return ended
        for epoch in range(self.progress.epoch, 0 if self.progress.stopped else settings.epochs):
            self.order.epoch, self.order.first_batch = epoch, self.progress.batch
            for parts in self.batches():
                self.train_step(parts, epoch)
                self.progress.batch += 1
                self.progress.step += 1
                self.progress.seconds = time.monotonic() - began
                self.callbacks.on_step(self.progress)
                epoch_done = self.progress.batch == len(self.order)
                if self.progress.step % logging.log_every == 0 or epoch_done:
                    self._record(self._training_record(time.monotonic() - record_time))
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
                # Saved before the validation, so that the epoch is not lost whatever happens there.
                self._save()
                saved = time.monotonic()
            if stop and not last:
                return False
            ended = self._end_epoch(save)
            if ended is not None:
                return ended
            record_time = time.monotonic()
        return True

    def _end_epoch(self, saved: bool) -> bool | None:
        """Validate; returns whether training is at its end (True) or was asked to stop (False), None where it goes on.

        A run that continues from a checkpoint made before the validation validates first, and so gets the same result.
        """
        with self.engine.averaged():
            self._finish_epoch()
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
        """One optimizer step; its results stay on the device, so that nothing waits for it."""
        self.history.add(self.stepper.train(parts, epoch), parts, epoch)
        self.state.schedule.step()

    def validate(self) -> dict[str, Any] | None:
        """Losses over the validation period, each averaged over all its hidden values; None without such a period.

        The run's strategies decide what is hidden. A window in which they can hide nothing, as for a forecast where no
        flow was observed, is left out, and `left_out` counts these windows. `loss`, the sum over the modalities,
        chooses the best epoch (see `total_loss`).

        `loss` and `losses` are mean squared errors with and without quantiles, so that they can be compared; a model
        with quantiles has `pinball` beside them. Stations have the weights of the training.

        Where the weights are averaged, the average is validated.
        """
        if self.validation is None:
            return None
        with self.engine.averaged():
            result = self.stepper.validate(self.validation)
        losses, *pinball = [dict(zip(self.model.shapes, row, strict=True)) for row in result.losses]
        return {
            "loss": total_loss(result.losses[0], self.stepper.weights.tolist(), result.windows),
            "losses": losses,
            **({"pinball": pinball[0]} if pinball else {}),
            "left_out": result.left_out,
        }

    def batches(self) -> Iterator[list[Windows]]:
        """The windows of each batch that are this process's own, in parts."""
        parts: list[Windows] = []
        for windows in self.loader:
            parts.append(windows)
            if len(parts) == self.parts:
                yield parts
                parts = []

    def _finish_epoch(self) -> None:
        if self.validation is not None:
            (first,) = self.world.any(self.run is not None and self.world.is_main and not self.run.model.exists())
            if first:
                self._keep_model()  # before the validation, like the checkpoint
        validation = self.validate()
        if validation is not None:
            where = {"step": self.progress.step, "epoch": float(self.progress.epoch)}
            self._record({"event": "validation", **where, **validation})
            # Where nothing was scored, no epoch can be chosen.
            if validation["loss"] is not None and not note_validation(self.progress, validation["loss"]):
                return
        self._keep_model()

    def _keep_model(self) -> None:
        weights = self.engine.weights()
        if self.run is not None:
            folder = self.run.model
            self.world.main_alone(lambda: save_pretrained(self.model, folder, weights))

    def _training_record(self, seconds: float) -> dict[str, Any]:
        """Means over the steps since the last record that were taken; the others are reported and counted."""
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
        values_of = {name: [losses[i][m] for i in taken if losses[i][m]] for m, name in enumerate(self.model.shapes)}
        mean = {name: sum(values) / len(values) if values else None for name, values in values_of.items()}
        windows, tokens = (sum(getattr(step, name) for step in self.history.steps) for name in ("windows", "tokens"))
        self.state.history = History()
        return {
            "event": "train",
            "step": self.progress.step,
            "epoch": self.progress.epoch + self.progress.batch / len(self.order),
            "loss": total_loss(list(mean.values()), self.stepper.weights.tolist()),
            "losses": mean,
            "lr": present_rate(self.state.schedule, self.config.training),
            "grad_norm": sum(norms[i] for i in taken) / len(taken) if taken else None,
            "skipped": len(skipped),
            "windows_per_second": windows / seconds,
            "tokens_per_second": tokens / seconds,
        }

    def _record(self, record: dict[str, Any]) -> None:
        if record["event"] == "validation" and not math.isfinite(record["loss"] or 0.0):
            raise RunError(
                f"{self.run.path if self.run else 'trial'}: the validation loss at step {record['step']} is "
                f"{record['loss']}; train anew with a lower training.lr and another output=, or look for wild values "
                f"with `hydromae check`"
            )
        self.progress.lines += 1
        self.callbacks.on_log(record)

    def _save(self) -> None:
        """Write a checkpoint; all processes take part, the first one writes."""
        content = self.state.content()
        if self.run is not None:
            folder, step = self.run.checkpoints, self.progress.step
            keep, best = self.config.logging.keep, self.progress.best_step
            # All processes wait until it is written; a full disk ends them all with the same message.
            self.world.main_alone(lambda: save_checkpoint(folder, step, content, keep, best))
