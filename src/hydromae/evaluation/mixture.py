"""The distribution of a flow from those of an ensemble: each member counts alike, so that their CDFs are averaged."""

import warnings
from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float

from hydromae.evaluation.tail_probability import probability_below

_HALVINGS: Final = 14  # of the interval between the members' quantiles, before the rest is taken as linear


def mixture_quantiles(
    quantiles: Float[np.ndarray, "member *rows quantile"], levels: Sequence[float]
) -> Float[np.ndarray, "*rows quantile"]:
    """Quantiles of the mixture of the members' distributions, at the levels of the members' quantiles.

    The distribution function of the mixture is the mean of the members' (`probability_below`): linear between their
    quantiles, with the same tails. Its quantile of a level lies between the lowest and the highest of the members'
    quantiles of that level and is found there by halving the interval. So the mixture of equal members is any of
    them, exactly.

    Args:
        quantiles: NaN where a member has none; such a member does not count.
        levels: rising in (0, 1), at least two.

    Returns:
        In the type of the quantiles, rising with the level; NaN where no member has any.

    Raises:
        DataError: as for `probability_below`.
    """
    known = np.isfinite(quantiles).all(-1)  # [member, *rows]
    made = np.full(quantiles.shape[1:], np.nan, quantiles.dtype)
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # rows without any member
        low = np.nanmin(quantiles, 0).astype(np.float64)
        high = np.nanmax(quantiles, 0).astype(np.float64)
    for place, level in enumerate(levels):
        rows = known.any(0) & (high[..., place] > low[..., place])
        found = np.where(known.any(0), high[..., place], np.nan)
        if rows.any():
            found[rows] = _between(low[..., place][rows], high[..., place][rows], level, quantiles[:, rows], levels)
        made[..., place] = found
    return np.maximum.accumulate(made, -1)


def _between(
    low: Float[np.ndarray, "row"],
    high: Float[np.ndarray, "row"],
    level: float,
    quantiles: Float[np.ndarray, "member row quantile"],
    levels: Sequence[float],
) -> Float[np.ndarray, "row"]:
    """Where the mixture's distribution function reaches a level between two flows."""
    known = np.isfinite(quantiles).all(-1)  # [member, row]

    def reached(flow: Float[np.ndarray, "row"]) -> Float[np.ndarray, "row"]:
        each = np.where(known, probability_below(flow, quantiles, levels), 0.0)
        return np.asarray(each.sum(0) / known.sum(0))

    at_low, at_high = reached(low), reached(high)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        at_middle = reached(middle)
        enough = at_middle >= level
        low, at_low = np.where(enough, low, middle), np.where(enough, at_low, at_middle)
        high, at_high = np.where(enough, middle, high), np.where(enough, at_middle, at_high)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.clip((level - at_low) / (at_high - at_low), 0.0, 1.0)
    return np.where(at_high > at_low, low + share * (high - low), high)
