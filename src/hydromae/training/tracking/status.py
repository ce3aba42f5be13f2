"""A training in words and as a table, from the records of its loop."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from rich.table import Table

from hydromae.training.progress import Progress


class Status:
    """What is known of a running training.

    Args:
        total_steps: of the whole training.
        clock: seconds, ever rising.
    """

    def __init__(self, total_steps: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.total_steps, self.step, self.skipped = total_steps, 0, 0
        self._clock, self._last, self._done, self._spent = clock, clock(), 0, 0.0
        self._train: Mapping[str, Any] = {}
        self._validation: Mapping[str, Any] = {}
        self._best_loss, self._best_step = float("inf"), 0

    def on_step(self, progress: Progress) -> None:
        """Take note of a step; time counts from this process's first step, validation included."""
        now = self._clock()
        self._spent += now - self._last
        self._done += 1
        self._last, self.step = now, progress.step
        if progress.best_step is not None:
            self._best_loss, self._best_step = progress.best_loss, progress.best_step

    def on_log(self, record: Mapping[str, Any]) -> None:
        """Take note of a record."""
        if record["event"] == "train":
            self._train = record
            self.skipped += record["skipped"]
            return
        self._validation = record
        if record["loss"] is not None and record["loss"] < self._best_loss:
            self._best_loss, self._best_step = record["loss"], record["step"]

    @property
    def seconds_left(self) -> float | None:
        """How long the remaining steps take at the mean speed so far; None before the first step."""
        return self._spent / self._done * (self.total_steps - self.step) if self._done else None

    def table(self) -> Table:
        """Where the training stands: losses by modality, and how fast it goes."""
        epoch = f"epoch {self._train['epoch']:.2f}, " if self._train else ""
        title = f"{epoch}step {self.step:,} of {self.total_steps:,}, {self._left()}"
        best = f"\nlowest validation loss {self._best_loss:.4f} at step {self._best_step:,}" if self._best_step else ""
        caption = self._speed() + best
        table = Table(title=title, caption=caption, title_justify="left", caption_justify="left", min_width=80)
        table.add_column("loss")
        for heading in ("training", "validation"):
            table.add_column(heading, justify="right")
        columns = (self._train, self._validation)
        table.add_row("together", *(_number(column.get("loss")) for column in columns), end_section=True)
        for name in self._train.get("losses", self._validation.get("losses", {})):
            table.add_row(name, *(_number(column.get("losses", {}).get(name)) for column in columns))
        return table

    def line(self, record: Mapping[str, Any]) -> str:
        """A record that was already noted, in one line."""
        losses = "  ".join(f"{name} {_number(loss)}" for name, loss in record["losses"].items())
        where = f"epoch {record['epoch']:.2f}, step {record['step']} of {self.total_steps}"
        if record["event"] == "validation":
            left_out = f"   {record['left_out']} windows left out" if record.get("left_out") else ""
            return f"{where}: validation {_number(record['loss'])}   {losses}{left_out}"
        return f"{where}: loss {_number(record['loss'])}   {losses}   {self._speed()}, {self._left()}"

    def _speed(self) -> str:
        if not self._train:
            return ""
        rate, windows = f"learning rate {self._train['lr']:.2e}", f"{self._train['windows_per_second']:.3g} windows/s"
        skipped = f", {self.skipped} steps skipped" if self.skipped else ""
        return f"{rate}, {windows}, {self._train['tokens_per_second']:,.0f} tokens/s{skipped}"

    def _left(self) -> str:
        seconds = self.seconds_left
        return "time left unknown" if seconds is None else f"{duration(seconds)} left"


def duration(seconds: float) -> str:
    """Hours, minutes and seconds: 1:02:03."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
