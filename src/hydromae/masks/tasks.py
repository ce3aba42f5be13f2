"""The masks of the tasks: each says of one window which values may not be seen and which are predicted."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hydromae.masks.exact import order_keys, select
from hydromae.masks.mask import Mask, ModalityMask, Observed
from hydromae.tokens.shape import once, to_tokens
from hydromae.windows.windows import Windows

Places = Bool[Tensor, "*_"]
Values = Mapping[str, Float[Tensor, "days *_"]]  # modality -> the values of a window


@dataclass(frozen=True)
class ValueMask:
    """A mask that says of every value of a window whether it is hidden and whether it is a target.

    It is a `MaskRule`. In windows of a few stations (`Windows.stations`) the targets are those of the first station of
    each sample: its neighbours are only looked at, as the stations around it are (`Windows.context`).

    Attributes:
        target: modality -> [T, *place], what is predicted; of those that are not named nothing is. No target is seen.
        hidden: modality -> [T, *place], what else may not be seen, observed or not; what is missing and not hidden is
            filled where the modality is (`data.fill`).
    """

    target: Mapping[str, Bool[Tensor, "days *_"]]
    hidden: Mapping[str, Bool[Tensor, "days *_"]]

    def __call__(self, windows: Windows, observed: Observed) -> Mask:
        """The mask of windows whose days and places are those of this."""
        return {name: self._of_modality(name, windows, observed) for name in observed.shapes}

    def _of_modality(self, name: str, windows: Windows, observed: Observed) -> ModalityMask:
        # What is the same in all samples is worked out once: the values of this, and often whole maps.
        valid, shape = once(observed.valid[name]), observed.shapes[name]  # [some, tokens, cells]
        like = windows.values[name]  # [B, T, *place]

        def samples(values: Bool[Tensor, "days *place"]) -> Bool[Tensor, "some days *of_sample"]:
            values = values.to(like.device)
            if shape.kind == "series" and windows.stations is not None:
                return values[:, windows.stations].transpose(0, 1)  # [B, T, n]
            return values[None]

        def cells(values: Bool[Tensor, "some days *place"]) -> Bool[Tensor, "some tokens cells"]:
            """Where values are true, as tokens; what lies past the last day or station is not."""
            return to_tokens(values.float(), shape).nan_to_num() > 0

        target = torch.zeros_like(valid)
        if name in self.target:
            own = samples(self.target[name])
            if windows.stations is not None:
                own = own & (torch.arange(own.shape[2], device=own.device) == 0)
            target = cells(own)
        not_hidden = ~samples(self.hidden[name]) if name in self.hidden else torch.ones_like(like[:1], dtype=torch.bool)
        visible = cells(not_hidden) & ~target
        seen = visible if name in observed.filled else visible & valid
        size = len(like)
        seen_tokens, target_tokens = (part.any(-1).expand(size, -1) for part in (seen, target))
        keys = order_keys(seen_tokens)
        unseen = [part[name].to(like.device) for part in (self.target, self.hidden) if name in part]
        context = None
        if windows.context is not None and shape.kind == "series" and unseen:
            everywhere = torch.stack(unseen).any(0)  # [T, stations]
            context = everywhere[:, windows.context.stations].transpose(0, 1)  # [B, T, K]
        visible_tokens, targets = select(seen_tokens, keys), select(target_tokens, keys)
        return ModalityMask(visible_tokens, targets, hidden=(~visible).expand(size, -1, -1), context=context)


def forecast_mask(values: Values, issue_day: int, stations: Mapping[str, Places], known: Collection[str]) -> ValueMask:
    """Hide what comes after an issue day, and predict it.

    Args:
        values: of the window.
        issue_day: days of the window up to the issue time, that day included.
        stations: modality that is forecast -> which of its stations.
        known: modalities whose values after the issue day are seen: the weather that is given.
    """
    hidden = {name: _after(value, issue_day) for name, value in values.items() if name not in known}
    target = {name: _after(values[name], issue_day) & chosen for name, chosen in stations.items()}
    return ValueMask(target, hidden)


def infill_mask(values: Values, days: slice, may: Mapping[str, Places]) -> ValueMask:
    """Predict what is missing on some days of a window, from all that is observed.

    Args:
        values: of the window, NaN where missing.
        days: of the window, whose gaps are filled.
        may: modality that is filled -> which of its places.
    """
    return ValueMask({name: _within(values[name].isnan() & places, days) for name, places in may.items()}, {})


def ungauged_mask(values: Values, days: slice, name: str, target: Places, hidden: Places) -> ValueMask:
    """Hide a series of some stations wholly, and predict it on some days.

    Args:
        values: of the window.
        days: of the window, that are predicted.
        name: of the series.
        target: stations that are predicted.
        hidden: stations of which nothing is seen.
    """
    shape = values[name].shape
    return ValueMask({name: _within(target.expand(shape), days)}, {name: hidden.expand(shape)})


def with_hidden(
    mask: ValueMask, hidden: Mapping[str, Bool[Tensor, "days *_"]], predicted: Mapping[str, Places]
) -> ValueMask:
    """A mask that hides more values, and predicts those of them that lie at some places.

    Args:
        mask: to begin with.
        hidden: modality -> bool [T, *place], what may not be seen either.
        predicted: modality -> its places of which the hidden values become targets.
    """
    merged, target = dict(mask.hidden), dict(mask.target)
    for name, values in hidden.items():
        merged[name] = merged[name] | values if name in merged else values
        if name in predicted:
            more = values & predicted[name]
            target[name] = target[name] | more if name in target else more
    return ValueMask(target, merged)


def _after(values: Tensor, day: int) -> Bool[Tensor, "days *place"]:
    after = torch.zeros_like(values, dtype=torch.bool)
    after[day:] = True
    return after


def _within(chosen: Bool[Tensor, "days *place"], days: slice) -> Bool[Tensor, "days *place"]:
    within = torch.zeros_like(chosen)
    within[days] = chosen[days]
    return within
