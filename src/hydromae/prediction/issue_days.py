"""A trained model that forecasts from several issue days of one window at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor

from hydromae.masks.exact import order_keys, select
from hydromae.masks.mask import Mask, ModalityMask, Observed
from hydromae.masks.rolling import IssueDays, issue_targets, with_targets
from hydromae.prediction.predictor import Answer, Predictor, Values
from hydromae.tokens.selection import Selection
from hydromae.tokens.shape import TokenShape, once
from hydromae.windows.windows import Windows


@dataclass(frozen=True)
class IssueDaysMask:
    """A forecast from every issue day of a window: each knows what was known then, and no more.

    It is a `MaskRule`, for models with `rolling` series. Nothing of a window is hidden: what each target may know is
    said by its issue day, as in training by the strategy `rolling_forecast`. In windows of a few stations the first is
    predicted.

    Attributes:
        issued: the issue days.
        names: the series that are forecast.
        perfect: whether the weather of each horizon is known.
    """

    issued: IssueDays
    names: Sequence[str]
    perfect: bool

    def __call__(self, windows: Windows, observed: Observed) -> Mask:
        """The mask of windows of `issued.days` days."""
        return {name: self._of_modality(name, windows, observed) for name in observed.shapes}

    def places(self, shape: TokenShape, windows: Windows) -> int:
        """Places of a series that are predicted, the first so many."""
        return shape.places if windows.stations is None else 1

    def _of_modality(self, name: str, windows: Windows, observed: Observed) -> ModalityMask:
        valid, shape = observed.valid[name], observed.shapes[name]
        there = once(valid).any(-1).expand(len(valid), -1)
        visible = select(there, order_keys(there))
        nothing = Selection(torch.zeros_like(visible.index[:, :0]), None)
        targets = None
        if name in self.names:
            targets = issue_targets(self.issued, shape, valid.device, self.places(shape, windows))
        return with_targets(ModalityMask(visible, nothing), targets, self.issued, [self.perfect])


@torch.no_grad()
def ask_from_issue_days(
    predictor: Predictor, first: int, values: Values, mask: IssueDaysMask, stations: Int[Tensor, " chosen"]
) -> dict[str, Answer]:
    """Forecasts from every issue day of a window, in physical units.

    Each is what `Predictor.ask` says of the same window with all hidden that its issue day does not know.

    Args:
        predictor: of a model with rolling series, those of the mask among them.
        first: the window's first day, as days since the first day of the data.
        values: of every modality as `Predictor.read` gives them, NaN where missing.
        mask: the issue days, with whole horizons within the window.
        stations: places of those that are asked about, among the predictor's.

    Returns:
        For each series of the mask, mean [issue day, lead, station] and quantiles [issue day, lead, station, Q], NaN at
        stations that are not asked about.
    """
    issued, levels = mask.issued, len(predictor.quantiles)
    size = (len(issued.of_window), issued.horizon, len(predictor.stations))
    means = {name: torch.full(size, torch.nan) for name in mask.names}
    spread = {name: torch.full((*size, levels), torch.nan) for name in mask.names}
    for some, windows in predictor.windows(first, values, stations):
        predicted = predictor.model.predict_with_quantiles(predictor.batcher.batch(windows, mask), idle_decoders=False)
        alone = windows.stations is not None
        own = windows if windows.stations is None else replace(windows, stations=windows.stations[:, :1])
        for name in mask.names:
            mean, quantiles = predicted[name]
            shape = predictor.model.shapes[name]
            for level, part in enumerate([mean, *([] if quantiles is None else quantiles.unbind(-1))]):
                days = _of_days(part, issued, shape, mask.places(shape, windows), alone)
                physical = predictor.batcher.unscale(name, days, own).cpu()  # [B, issue days x leads, stations]
                forecasts = rearrange(physical, "b (i h) s -> i h (b s)", h=issued.horizon)
                into = means[name] if level == 0 else spread[name][..., level - 1]
                into[:, :, some] = forecasts if alone else forecasts[:, :, some]
    return {name: Answer(means[name], spread[name] if levels else None) for name in mask.names}


def _of_days(
    predicted: Float[Tensor, "batch n cells"], issued: IssueDays, shape: TokenShape, places: int, alone: bool
) -> Float[Tensor, "batch days stations"]:
    """Targets in the order of `issue_targets` as a row of days: the horizon of each issue day, one after another."""
    days = rearrange(
        predicted, "b (i l p) (s d) -> b (i l d) (p s)", i=len(issued.of_window), p=places, s=shape.size, d=shape.days
    )
    return days[..., : 1 if alone else shape.width]
