"""A forecast from every issue day of a window at once: each knows what was known then, and no more."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from hydromae.masks.hiding import Choice, Hiding, Settings, SlotCounts
from hydromae.masks.mask import Issued, ModalityMask
from hydromae.masks.strategy import Strategy
from hydromae.tokens.selection import Selection, append_padding
from hydromae.tokens.shape import TokenShape


class RollingForecast(Strategy):
    """Every token of what is forecast is visible, and a target of each issue day up to `horizon` days before it.

    Each issue day forecasts without later weather and with that of its horizon, unless `forcing` is 1 or 0. Issue days
    lie where tokens of every modality end, none in the first `warm_up` days. It needs a model with `rolling` series, in
    which a target reads only what was known on its issue day.
    """

    leaves_nothing: ClassVar[bool] = True

    def choose(
        self, name: str, settings: Settings, available: SlotCounts, days: int, shares: Sequence[float]
    ) -> Choice | None:
        """Nothing is drawn: a window has all its issue days, if anything was observed after one."""
        rolled = (
            _rolled(settings, counts, settings.shapes[modality])
            for modality, samples in available.items()
            if modality in settings.forecast
            for counts in samples
        )
        return Choice(name) if any(rolled) else None

    def hiding(self, settings: Settings, name: str, choice: Choice, counts: Sequence[int]) -> Hiding:
        """No token is hidden: which targets may see it depends on their issue days."""
        shape = settings.shapes[name]
        rolled = _rolled(settings, counts, shape) if name in settings.forecast else 0
        return Hiding.of(choice.strategy, shape, counts, rolling=True, rolled=rolled)


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
    issued, regimes = _issue_days(settings, days), _regimes(settings)
    if not forecast:
        return with_targets(mask, None, issued, regimes)
    device = valid.device
    rolling = torch.tensor([hiding.rolling for hiding in hidings]).to(device, non_blocking=True)  # [B]
    targets = issue_targets(issued, shape, device)
    observed = valid.any(-1)[:, targets.index] & rolling[:, None]  # [B, n]
    return with_targets(mask, targets, issued, regimes, observed)


@dataclass(frozen=True)
class IssueDays:
    """Issue days of a window of `days` days: `first` and every `step` days after it, each for `horizon` days.

    All are whole tokens of every modality. A horizon is cut at the window's end, unless only `whole` ones are wanted.
    """

    first: int
    step: int
    horizon: int
    days: int
    whole: bool = False

    @property
    def of_window(self) -> range:
        """Each as the days of the window up to it, that day included."""
        return range(self.first, self.days - self.horizon + 1 if self.whole else self.days, self.step)


@dataclass(frozen=True)
class IssueTargets:
    """The targets of all issue days of a window: by issue day, then slot, then place.

    Attributes:
        index: [n] tokens.
        issue: [n] days of the window up to the issue day, that day included.
    """

    index: Int[Tensor, " n"]
    issue: Int[Tensor, " n"]


def issue_targets(
    issued: IssueDays, shape: TokenShape, device: torch.device, places: int | None = None
) -> IssueTargets:
    """The targets of the first `places` of a modality, or of all its places."""
    slots, issues = _slots_and_issues(issued, shape.days)
    inside = slots < shape.slots(issued.days)
    of_slots, of_issues = (torch.from_numpy(values[inside]).to(device, non_blocking=True) for values in (slots, issues))
    of_places = torch.arange(shape.places if places is None else places, device=device)
    index = (of_slots[:, None] * shape.places + of_places).flatten()
    return IssueTargets(index, of_issues[:, None].expand(-1, len(of_places)).flatten())


def with_targets(
    mask: ModalityMask,
    targets: IssueTargets | None,
    issued: IssueDays,
    regimes: Sequence[bool],
    observed: Bool[Tensor, "batch n"] | None = None,
) -> ModalityMask:
    """A mask with the targets of issue days behind its own.

    Args:
        mask: whose own targets may read all that is visible.
        targets: None of a modality that is not forecast.
        issued: the issue days.
        regimes: whether the weather of the horizon is known, for each way in which every target is predicted.
        observed: of which targets something was observed; the others are padding. None: all are targets.
    """
    target = mask.target
    beyond = issued.days + issued.horizon  # more than any day of a window
    day = weather = torch.full_like(target.index, beyond)  # [B, own]
    if targets is not None:
        size, ways = len(target.index), len(regimes)
        index = targets.index.repeat(ways).expand(size, -1)
        known = torch.cat([targets.issue + issued.horizon if perfect else targets.issue for perfect in regimes])
        padding = append_padding(target, index.shape[1])
        if observed is not None:
            padding = torch.cat([~target.real, ~observed.repeat(1, ways)], dim=1)
        target = Selection(torch.cat([target.index, index], dim=1), padding)
        day = torch.cat([day, targets.issue.repeat(ways).expand(size, -1)], dim=1)
        weather = torch.cat([weather, known.expand(size, -1)], dim=1)
    return replace(
        mask, target=target, issued=Issued(day, weather, issued.first, issued.step, issued.horizon, any(regimes))
    )


def _issue_days(settings: Settings, days: int) -> IssueDays:
    token, masking = settings.token_days, settings.masking
    first = max(token, whole_horizon(masking.warm_up, token))
    step = whole_horizon(masking.issue_every, token)
    return IssueDays(first, step, whole_horizon(masking.horizon, token), days)


def _rolled(settings: Settings, counts: Sequence[int], shape: TokenShape) -> int:
    """Targets of all issue days of a sample that has `counts` available tokens in each slot."""
    times = _times_asked(_issue_days(settings, len(counts) * shape.days), shape.days, len(counts))
    return sum(map(operator.mul, counts, times)) * len(_regimes(settings))


def _regimes(settings: Settings) -> tuple[bool, ...]:
    """Whether the weather of the horizon is known, in each of the ways that a window is forecast."""
    forcing = settings.masking.forcing
    return (False, True) if 0 < forcing < 1 else (forcing == 1,)


@lru_cache
def _times_asked(issued: IssueDays, token_days: int, slots: int) -> tuple[int, ...]:
    """Of how many issue days each slot is a target."""
    asked, _ = _slots_and_issues(issued, token_days)
    return tuple(np.bincount(asked[asked < slots], minlength=slots).tolist())


@lru_cache
def _slots_and_issues(
    issued: IssueDays, token_days: int
) -> tuple[Int[np.ndarray, " target"], Int[np.ndarray, " target"]]:
    """Slot and issue day of every target of a place."""
    issues = np.array(issued.of_window, dtype=np.int64)
    leads = np.arange(issued.horizon // token_days)
    slots = issues[:, None] // token_days + leads
    issue_of_slot = np.broadcast_to(issues[:, None], slots.shape)
    inside = slots * token_days < issued.days
    return slots[inside], issue_of_slot[inside]
