"""TensorBoard's event files."""

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

    def on_start(self, beginning: Beginning) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(self.folder), purge_step=beginning.step + 1, flush_secs=_FLUSH_SECONDS)

    def on_log(self, record: Mapping[str, Any]) -> None:
        assert self._writer is not None
        for name, value in numbers_of(record).items():
            self._writer.add_scalar(name, value, record["step"])

    def on_picture(self, name: str, picture: Picture, step: int) -> None:
        assert self._writer is not None
        self._writer.add_image(name, picture, step, dataformats="HWC")

    def on_end(self) -> None:
        if self._writer is not None:
            self._writer.close()
