"""Order statistics of the last axis where rows have different numbers of values, the rest being NaN."""

import numpy as np
from jaxtyping import Float, Int


def ascending(
    values: Float[np.ndarray, "*rows sample"],
) -> tuple[Float[np.ndarray, "*rows sample"], Int[np.ndarray, "*rows"]]:
    """Values in rising order, NaN last, and the number of values in each row that are not NaN."""
    return np.sort(values, axis=-1), np.isfinite(values).sum(-1)


def at_rank(ordered: Float[np.ndarray, "*rows sample"], rank: Int[np.ndarray, "*rows"]) -> Float[np.ndarray, "*rows"]:
    """The value of each row at a rank from 0; ranks outside the row are moved to its ends."""
    inside = np.clip(rank, 0, ordered.shape[-1] - 1)
    return np.take_along_axis(ordered, inside[..., None], -1)[..., 0]


def quantile(
    ordered: Float[np.ndarray, "*rows sample"], count: Int[np.ndarray, "*rows"], level: float
) -> Float[np.ndarray, "*rows"]:
    """Quantile of the first `count` values by linear interpolation between ranks, NaN where there are none."""
    position = level * np.maximum(count - 1, 0)
    lower = np.floor(position).astype(np.int64)
    low = at_rank(ordered, lower)
    high = at_rank(ordered, np.minimum(lower + 1, np.maximum(count - 1, 0)))
    return low + (position - lower) * (high - low)
