"""What tuning gained: the loss of a validation before the first step and the lowest after it."""

import math
from collections.abc import Mapping
from typing import Any

from hydromae.training.callback import Callback


class Gain(Callback):
    """Keeps the validation losses of a training.

    Attributes:
        first: loss of the weights that the training began with; None where it was not validated.
        lowest: that of any later step.
    """

    def __init__(self) -> None:
        self.first: float | None = None
        self.lowest = math.inf

    def on_log(self, record: Mapping[str, Any]) -> None:
        """Note a validation."""
        if record["event"] != "validation" or record["loss"] is None:
            return
        if record["step"] == 0:
            self.first = float(record["loss"])
        else:
            self.lowest = min(self.lowest, float(record["loss"]))

    def sentence(self) -> str | None:
        """One sentence; None where nothing can be compared."""
        if self.first is None or not math.isfinite(self.lowest):
            return None
        if not self.lowest < self.first:
            return (
                f"Tuning gained nothing on the days held out (loss {self.first:.4g} before, {self.lowest:.4g} at best "
                f"after): the weights are kept as they were"
            )
        less = 1 - self.lowest / self.first
        return f"Tuning lowered the loss on the days held out by {less:.1%}, from {self.first:.4g} to {self.lowest:.4g}"
