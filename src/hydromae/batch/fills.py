"""Simple ways to fill missing values from visible ones: as inputs of a model, or as what a model must beat."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hydromae.batch.batch import ModalityTokens
from hydromae.store.scaling import Scaler
from hydromae.store.store import Store
from hydromae.tokens.selection import places_of
from hydromae.tokens.shape import from_tokens, to_tokens

Method = Literal["nearest", "median", "zero"]


def nearest_day(
    visible: Float[Tensor, "batch days *place"], fallback: Float[Tensor, "*place"]
) -> Float[Tensor, "batch days *place"]:
    """Fill each day with the value of the nearest day that has one, the earlier of two equally near.

    Args:
        visible: [B, T, ...] values, NaN where hidden or missing.
        fallback: [...] value of a place that has none in the whole window.
    """
    n_days = visible.shape[1]
    day = torch.arange(n_days, device=visible.device).view(1, -1, *[1] * (visible.ndim - 2)).expand_as(visible)
    seen = ~torch.isnan(visible)
    far = 2 * n_days  # farther than any day of the window
    before = torch.where(seen, day, -far).cummax(1).values  # [B, T, ...] last day seen
    after = torch.where(seen, day, 2 * far).flip(1).cummin(1).values.flip(1)  # [B, T, ...] next day seen
    nearest = torch.where(day - before <= after - day, before, after)
    seen_in_window = (nearest >= 0) & (nearest < n_days)
    taken = visible.gather(1, nearest.clamp(0, n_days - 1))
    return torch.where(seen_in_window, taken, fallback.expand_as(visible))


def median_day(
    visible: Float[Tensor, "batch days *place"], fallback: Float[Tensor, "*place"]
) -> Float[Tensor, "batch days *place"]:
    """Fill each day that has no value with the median of those that have one; arguments as those of `nearest_day`.

    The median of an even number of days is the mean of the middle two.
    """
    ordered = visible.sort(dim=1).values  # NaN last
    count = (~torch.isnan(visible)).sum(1, keepdim=True)  # [B, 1, ...]
    middle = [ordered.gather(1, half.clamp(min=0)) for half in ((count - 1) // 2, count // 2 - (count == 0).long())]
    median = torch.where(count > 0, (middle[0] + middle[1]) / 2, fallback)  # [B, 1, ...]
    return torch.where(torch.isnan(visible), median, visible)


@dataclass(frozen=True)
class Fill:
    """What a model reads of one modality where it is missing, made only from the visible values of the sample.

    Attributes:
        method: how.
        mean: [...] scaled training mean of each place, NaN where nothing was ever observed, as at sea.
        zero: [...] scaled 0 of the modality's unit, NaN as `mean`.
    """

    method: Method
    mean: Float[Tensor, "*place"]
    zero: Float[Tensor, "*place"]

    def __call__(
        self, tokens: ModalityTokens, n_days: int, hidden: Bool[Tensor, "batch tokens cells"] | None = None
    ) -> ModalityTokens:
        """Fill the missing cells of the visible tokens, those of wholly missing ones among them.

        The filled cells are readable but not valid: they are scored nowhere. A place without any visible day takes its
        training mean, and where there is no such mean a cell enters as 0, as it does without a fill.

        Args:
            tokens: with their masks.
            n_days: T, days in the window.
            hidden: cells of the visible tokens that the mask hides; None is none. What is hidden is not missing.
        """
        allowed = places_of(tokens.visible, tokens.values.shape[1])[..., None]  # [B, tokens, 1]
        if hidden is not None:
            allowed = allowed & ~hidden  # [B, tokens, cells]
        readable = tokens.valid & allowed
        seen = from_tokens(torch.where(readable, tokens.values, torch.nan), tokens.shape, n_days)
        if self.method == "nearest":
            filled = nearest_day(seen, self.mean)
        elif self.method == "median":
            filled = median_day(seen, self.mean)
        else:
            filled = self.zero.expand_as(seen)
        fill = to_tokens(filled, tokens.shape)  # [B, tokens, cells]
        missing = allowed & ~tokens.valid & ~torch.isnan(fill)
        return replace(tokens, values=torch.where(missing, fill, tokens.values), readable=readable | missing)


def make_fills(store: Store, methods: Mapping[str, Method], device: torch.device) -> dict[str, Fill]:
    """The fills of some modalities of a store, by their configured methods."""
    return {
        name: make_fill(method, torch.from_numpy(store.mean(name)), store.scaler(name), device)
        for name, method in methods.items()
    }


def make_fill(method: Method, mean: Float[Tensor, "*place"], scaler: Scaler, device: torch.device) -> Fill:
    """A fill by a method, from the physical training mean of each place, NaN where nothing was ever observed."""
    zero = torch.where(mean.isnan(), torch.nan, torch.zeros_like(mean))
    return Fill(method, scaler.scale(mean).to(device), scaler.scale(zero).to(device))
