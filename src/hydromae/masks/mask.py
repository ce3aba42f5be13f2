"""A mask: which tokens a model sees and which it predicts. Every task is one, and so is every step of a training."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from hydromae.masks.exact import order_keys, select
from hydromae.tokens.selection import Selection
from hydromae.tokens.shape import TokenShape
from hydromae.windows.windows import Windows


@dataclass(frozen=True)
class Issued:
    """What each target may know, where a window is forecast from several issue days at once.

    Attributes:
        day: [B, n] days of the window up to a target's issue day, that day included; more than any where it is no
            forecast, and reads all that is visible.
        weather: [B, n] the same of the modalities that are not forecast.
        first: the first issue day.
        step: days from one issue day to the next.
        horizon: days that each forecasts.
        perfect: whether some targets know the weather of their horizons.
    """

    day: Int[Tensor, "batch n"]
    weather: Int[Tensor, "batch n"]
    first: int
    step: int
    horizon: int
    perfect: bool


@dataclass(frozen=True)
class ModalityMask:
    """The mask of one modality in a batch.

    A token that is neither visible nor a target is IGNORED, or MISSING where nothing of it was observed. Where a gap or
    a task cuts a token, its visible cells are seen and its hidden ones predicted: it is in both selections.

    Attributes:
        visible: the tokens that the encoder sees.
        target: the tokens to predict.
        hidden: [B, tokens, cells], True where a value of a visible token may not be seen; None where there is none.
        scored: [B, tokens, cells], True where a target's value is compared with what was observed; None where every
            observed value is.
        issued: what each target may know, where a window is forecast from several issue days; None where all read what
            is visible. A token is then a target once for each issue day that forecasts it.
        context: broadcasts to [B, T, K], True where the values of stations around may not be seen; None where all may.
    """

    visible: Selection
    target: Selection
    hidden: Bool[Tensor, "batch tokens cells"] | None = None
    scored: Bool[Tensor, "batch tokens cells"] | None = None
    issued: Issued | None = None
    context: Bool[Tensor, "#batch #days #context"] | None = None


Mask = dict[str, ModalityMask]  # modality -> its mask


@dataclass(frozen=True)
class Observed:
    """What there is of some windows to be masked.

    Attributes:
        shapes: modality -> how it is cut into tokens.
        valid: modality -> [B, tokens, cells], True where a value was observed.
        filled: modalities whose missing values are filled, so that their missing tokens are visible.
    """

    shapes: Mapping[str, TokenShape]
    valid: Mapping[str, Bool[Tensor, "batch tokens cells"]]
    filled: Collection[str] = ()


# What makes the mask of some windows from what was observed in them.
MaskRule = Callable[[Windows, Observed], Mask]


def hide_wholly(rule: MaskRule, hidden: Collection[str], asked: Collection[str], whole: bool = False) -> MaskRule:
    """The masks of a rule with some modalities hidden wholly, and only some predicted.

    Args:
        rule: makes the masks.
        hidden: modalities of which no token is visible.
        asked: modalities whose targets are predicted.
        whole: whether every observed token of these is a target, not only those that the rule hides.
    """

    def make(windows: Windows, observed: Observed) -> Mask:
        changed = {}
        for name, mask in rule(windows, observed).items():
            nothing = Selection(mask.visible.index[:, :0], None)
            target = mask.target if name in asked else nothing
            if whole and name in asked:
                available = observed.valid[name].any(-1)  # [B, tokens]
                target = select(available, order_keys(available.long()))
            changed[name] = replace(mask, target=target)
            if name in hidden:
                around = torch.ones(1, 1, 1, dtype=torch.bool, device=nothing.index.device)
                changed[name] = replace(changed[name], visible=nothing, context=around)
        return changed

    return make


def listed(chosen: Bool[Tensor, "batch tokens"]) -> Selection:
    """Every token, in order, as padding where it is not chosen, so that no count has to be fetched from the device."""
    places = torch.arange(chosen.shape[1], device=chosen.device).expand_as(chosen)
    return Selection(places, ~chosen)
