"""Dynamic loss scaling for fp16, kept on the device so that no step waits for it."""

import torch
from jaxtyping import Float
from torch import Tensor

START, WINDOW, HYSTERESIS, FLOOR = 2.0**16, 1000, 2, 1.0
UNSCALED = (1.0, 0.0, float(HYSTERESIS))  # scale, steps since an overflow, forgiveness


class LossScale:
    """The number that lifts small fp16 gradients above the smallest one that fp16 holds (Micikevicius et al. 2018).

    It halves, not below 1, at every overflow after the first `HYSTERESIS` - 1, which are forgiven. It doubles, and
    overflows are forgiven again, whenever `WINDOW` steps have gone by without one.

    Args:
        device: where the model is.
        enabled: whether anything is scaled; if not, the scale is always 1.
    """

    def __init__(self, device: torch.device, enabled: bool) -> None:
        self.enabled = enabled
        start = (START, *UNSCALED[1:]) if enabled else UNSCALED
        self._state = torch.tensor(start, device=device)

    @property
    def scale(self) -> Float[Tensor, ""]:
        """The present scale."""
        return self._state[0]

    def update(self, overflow: Float[Tensor, ""]) -> None:
        """Take note of a step: 1 if it overflowed, 0 if it did not."""
        if not self.enabled:
            return
        scale, since, forgiven = self._state
        bad = overflow > 0
        halved = torch.where(forgiven > 1, scale, (scale / 2).clamp(min=FLOOR))
        grows = since + 1 >= WINDOW
        full = torch.full_like(forgiven, HYSTERESIS)
        self._state = torch.stack(
            [
                torch.where(bad, halved, torch.where(grows, scale * 2, scale)),
                torch.where(bad | grows, torch.zeros_like(since), since + 1),
                torch.where(bad, (forgiven - 1).clamp(min=1), torch.where(grows, full, forgiven)),
            ]
        )

    def state_dict(self) -> dict[str, Tensor]:
        """For a checkpoint."""
        return {"state": self._state}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take up what `state_dict` returned, unless nothing was scaled then, or nothing is scaled now."""
        kept = state["state"].to(self._state)
        if self.enabled and not torch.equal(kept, kept.new_tensor(UNSCALED)):
            self._state = kept
