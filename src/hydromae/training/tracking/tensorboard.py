"""TensorBoard's event files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from torch.utils.tensorboard import SummaryWriter

from hydromae.training.tracking.tracker import numbers_of

_FLUSH_SECONDS = 30


class TensorBoard:
    """Writes events that `tensorboard --logdir RUN` shows.

    Args:
        folder: for the event files.
        step: from which a run goes on; whoever reads the files drops what was written of later ones.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self._writer = SummaryWriter(str(folder), purge_step=step + 1, flush_secs=_FLUSH_SECONDS)

    def record(self, record: Mapping[str, Any]) -> None:
        """Take a record."""
        for name, value in numbers_of(record).items():
            self._writer.add_scalar(name, value, record["step"])

    def picture(self, name: str, picture: UInt8[np.ndarray, "row column 3"], step: int) -> None:
        """Take a picture."""
        self._writer.add_image(name, picture, step, dataformats="HWC")

    def close(self) -> None:
        """Write what is still held back."""
        self._writer.close()
