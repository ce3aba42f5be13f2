"""The simple ways to fill what is hidden, which a model must beat."""

import torch
from jaxtyping import Float
from torch import Tensor


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
    found = (nearest >= 0) & (nearest < n_days)
    taken = visible.gather(1, nearest.clamp(0, n_days - 1))
    return torch.where(found, taken, fallback.expand_as(visible))
