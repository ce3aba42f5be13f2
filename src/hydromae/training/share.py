"""How much of a training is done, for whoever shows it."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from hydromae.training.callback import Beginning, Callback
from hydromae.training.progress import Progress


class Share(Callback):
    """Tells after each step what share of all steps is done, and the loss of the last record.

    Args:
        tell: called with words and the share, 0 to 1.
    """

    def __init__(self, tell: Callable[[str, float], None]) -> None:
        self._tell, self._total, self._words = tell, 1, "Training"

    def on_start(self, beginning: Beginning) -> None:
        self._total = beginning.total_steps

    def on_log(self, record: Mapping[str, Any]) -> None:
        if math.isfinite(loss := float(record.get("loss") or math.nan)):
            self._words = f"Training: loss {loss:.4g}"

    def on_step(self, progress: Progress) -> None:
        self._tell(self._words, progress.step / max(self._total, 1))
