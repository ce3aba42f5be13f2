"""TensorBoard's event files."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydromae.training.callback import Beginning, Callback, Picture
from hydromae.training.tracking.numbers import numbers_of

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_FLUSH_SECONDS = 30


class TensorBoard(Callback):
    """Writes events that `tensorboard --logdir RUN` shows.

    When a run is continued, readers of the files drop what was written for later steps.

    Args:
        folder: for the event files.
    """

    optional = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writer: SummaryWriter | None = None
        self._told_outside = threading.excepthook

    def on_start(self, beginning: Beginning) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._told_outside, threading.excepthook = threading.excepthook, self._of_a_thread
        self._writer = SummaryWriter(str(self.folder), purge_step=beginning.step + 1, flush_secs=_FLUSH_SECONDS)

    def on_log(self, record: Mapping[str, Any]) -> None:
        assert self._writer is not None
        for name, value in numbers_of(record).items():
            self._writer.add_scalar(name, value, record["step"])

    def on_picture(self, name: str, picture: Picture, step: int) -> None:
        assert self._writer is not None
        self._writer.add_image(name, picture, step, dataformats="HWC")

    def on_end(self) -> None:
        if self._writer is None:
            return
        try:
            self._writer.close()
        finally:
            threading.excepthook = self._told_outside

    def _of_a_thread(self, ended: threading.ExceptHookArgs) -> None:
        """Pass on what ended a thread, but for TensorBoard's own, which raises it anew at the next event."""
        if not type(ended.thread).__module__.startswith("tensorboard."):
            self._told_outside(ended)
