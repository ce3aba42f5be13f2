"""A forecast from every issue day of a window at once: each knows what was known then, and no more."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from hydromae.masks.hiding import Choice, Hiding, Settings, SlotCounts
from hydromae.masks.mask import Issued, ModalityMask
from hydromae.masks.strategy import Strategy
from hydromae.tokens.selection import Selection
from hydromae.tokens.shape import TokenShape


class RollingForecast(Strategy):
    """Every token of what is forecast is visible, and a target of each issue day up to `horizon` days before it.

    Issue days lie where tokens of every modality end. It needs a model with `rolling` series, in which a target reads
    only what was known on its issue day.
    """

    leaves_nothing: ClassVar[bool] = True

    def choose(
        self, name: str, settings: Settings, available: SlotCounts, days: int, shares: Sequence[float]
    ) -> Choice | None:
        """Whether the weather of the horizons is known."""
        choice = Choice(name, issue_day=settings.token_days, perfect=shares[2] < settings.masking.forcing)
        hidings = [
            self.hiding(settings, modality, choice, counts)
            for modality, samples in available.items()
            for counts in samples
        ]
        return choice if any(hiding.rolled for hiding in hidings) else None

    def hiding(self, settings: Settings, name: str, choice: Choice, counts: Sequence[int]) -> Hiding:
        """No token is hidden: which targets may see it depends on their issue days."""
        shape, rolled = settings.shapes[name], 0
        if name in settings.forecast:
            days = len(counts) * shape.days
            horizon = whole_horizon(settings.masking.horizon, settings.token_days)
            slots, _ = _slots_and_issues(days, shape.days, settings.token_days, horizon)
            rolled = sum(counts[slot] for slot in slots if slot < len(counts))
        hiding = Hiding.of(choice.strategy, shape, counts)
        return replace(hiding, rolled=rolled, rolling=True, perfect=choice.perfect)


def whole_horizon(horizon: int, token_days: int) -> int:
    """A horizon in days, rounded up to whole tokens of every modality."""
    return -(-horizon // token_days) * token_days


def roll(
    mask: ModalityMask,
    valid: Bool[Tensor, "batch tokens cells"],
    shape: TokenShape,
    days: int,
    hidings: Sequence[Hiding],
    settings: Settings,
    forecast: bool,
) -> ModalityMask:
    """Add the targets of every issue day in the samples that roll; the other samples' may read all that is visible.

    Args:
        mask: of whole tokens, which hides none in the samples that roll.
        valid: where a value was observed.
        shape: of the tokens.
        days: in the windows.
        hidings: of each sample.
        settings: of the masks.
        forecast: whether the modality is forecast.
    """
    device = valid.device
    step = settings.token_days
    horizon = whole_horizon(settings.masking.horizon, step)
    rolling = torch.tensor([hiding.rolling for hiding in hidings]).to(device, non_blocking=True)  # [B]
    perfect = torch.tensor([hiding.perfect for hiding in hidings]).to(device, non_blocking=True)  # [B]
    target = mask.target
    beyond = days + horizon  # more than any day of a window
    day = weather = torch.full_like(target.index, beyond)  # [B, n]
    if forecast:
        slots, issues = _slots_and_issues(days, shape.days, step, horizon)
        inside = slots < shape.slots(days)
        of_slots, of_issues = (
            torch.from_numpy(values[inside]).to(device, non_blocking=True) for values in (slots, issues)
        )
        index = (of_slots[:, None] * shape.places + torch.arange(shape.places, device=device)).flatten()
        issue = of_issues[:, None].expand(-1, shape.places).flatten().expand(len(valid), -1)  # [B, n]
        index = index.expand(len(valid), -1)  # [B, n]
        observed = valid.any(-1).gather(1, index) & rolling[:, None]
        padding = torch.cat([~target.real, ~observed], dim=1)
        target = Selection(torch.cat([target.index, index], dim=1), padding)
        day = torch.cat([day, issue], dim=1)
        weather = torch.cat([weather, torch.where(perfect[:, None], issue + horizon, issue)], dim=1)
    return replace(mask, target=target, issued=Issued(day, weather, rolling, perfect, step, horizon))


@lru_cache
def _slots_and_issues(
    days: int, token_days: int, step: int, horizon: int
) -> tuple[Int[np.ndarray, " target"], Int[np.ndarray, " target"]]:
    """Slot and issue day of every target of a place, in windows of `days`: issue days are the multiples of `step`."""
    issues = np.arange(step, days, step)
    leads = np.arange(horizon // token_days)
    slots = issues[:, None] // token_days + leads
    issue_of_slot = np.broadcast_to(issues[:, None], slots.shape)
    inside = slots * token_days < days
    return slots[inside], issue_of_slot[inside]
