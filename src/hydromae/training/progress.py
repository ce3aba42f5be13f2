"""Where a training stands."""

from dataclasses import dataclass


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
        skipped: steps in a row, up to now, that could not be taken.
        waited: epochs since the lowest validation loss.
        stopped: why training ended before its last epoch (patience); None if it did not.
        validated: whether the last epoch done was validated; a checkpoint is written before that.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    best_loss: float = float("inf")
    best_step: int | None = None
    lines: int = 0
    seconds: float = 0.0
    skipped: int = 0
    waited: int = 0
    stopped: str | None = None
    validated: bool = True
