"""The distribution of a flow from quantiles that are extended to both tails, and its inverse."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from hydromae.base.errors import DataError


def probability_below(
    threshold: Float[np.ndarray, "*thresholds"] | float,
    quantiles: Float[np.ndarray, "*rows quantile"],
    levels: Sequence[float] | Float[np.ndarray, "quantile"],
) -> Float[np.ndarray, "*shape"]:
    """The distribution function of a forecast at a threshold.

    Between two quantiles it is linear in the flow. Beyond them, with p_1 and p_2 the lowest levels, p_m and p_n the
    highest:

    - above the highest quantile, an exponential tail through the last two: 1 - F(x) = (1 - p_n) exp(-(x - q_n) / s),
      s = (q_n - q_m) / log((1 - p_m) / (1 - p_n)). It is the generalised Pareto tail of shape 0 (Pickands 1975,
      doi:10.1214/aos/1176343003), which belongs to the Gumbel distribution of annual maxima;
    - below the lowest, a power of the flow through the first two, which is 0 at no flow: F(x) = p_1 (x / q_1)^k,
      k = log(p_2 / p_1) / log(q_2 / q_1).

    So F is the level at each quantile (the highest of the levels where quantiles are equal), never falls with the
    threshold, and lies within 0 and 1. Quantiles that cross are sorted first (Chernozhukov et al. 2010,
    doi:10.3982/ECTA7880).

    Args:
        threshold: in the unit of the quantiles, one for each row or several, as `[event, 1, station]` for rows
            [lead, station]: the result has the shape to which both broadcast. NaN gives NaN.
        quantiles: NaN in one makes the row NaN.
        levels: rising in (0, 1), at least two.

    Raises:
        DataError: there are fewer than two levels, or they do not rise within (0, 1).
    """
    p = _checked(levels)
    q = np.sort(quantiles, axis=-1).astype(np.float64, copy=False)  # NaN last
    with np.errstate(all="ignore"):
        scale, slope = _scale(q, p), _slope(q, p)
    x, known = np.broadcast_arrays(np.asarray(threshold, np.float64), ~np.isnan(q[..., -1]))
    q = np.broadcast_to(q, (*x.shape, q.shape[-1]))
    reached = (q <= x[..., None]).sum(-1)  # quantiles at or below the threshold
    upper = np.clip(reached, 1, len(p) - 1)
    q_below, q_above = (np.take_along_axis(q, place[..., None], -1)[..., 0] for place in (upper - 1, upper))
    with np.errstate(all="ignore"):
        inside = p[upper - 1] + (x - q_below) / (q_above - q_below) * (p[upper] - p[upper - 1])
        exceeded = (1 - p[-1]) * np.exp(-_over(x - q[..., -1], scale))
        low = p[0] * np.where(x > 0, x / q[..., 0], 0.0) ** (1 / slope)
    result = np.where(reached == 0, np.where(x > 0, low, 0.0), np.where(reached == len(p), 1 - exceeded, inside))
    return np.where(known & ~np.isnan(x), result, np.nan)


def flow_at(
    probability: Float[np.ndarray, "*rows member"],
    quantiles: Float[np.ndarray, "*rows quantile"],
    levels: Sequence[float] | Float[np.ndarray, "quantile"],
) -> Float[np.ndarray, "*rows member"]:
    """The flow below which the forecast lies with a probability: the inverse of `probability_below`.

    Args:
        probability: several for each row, in (0, 1); NaN gives NaN.
        quantiles: NaN in one makes the row NaN.
        levels: rising in (0, 1), at least two.

    Raises:
        DataError: as for `probability_below`.
    """
    p = _checked(levels)
    q = np.sort(quantiles, axis=-1).astype(np.float64, copy=False)
    upper = np.clip(np.searchsorted(p, probability), 1, len(p) - 1)
    q_below, q_above = (np.take_along_axis(q, place, -1) for place in (upper - 1, upper))
    with np.errstate(all="ignore"):
        inside = q_below + (probability - p[upper - 1]) / (p[upper] - p[upper - 1]) * (q_above - q_below)
        high = q[..., -1:] + _scale(q, p)[..., None] * np.log((1 - p[-1]) / (1 - probability))
        low = np.where(q[..., :1] > 0, q[..., :1] * (probability / p[0]) ** _slope(q, p)[..., None], 0.0)
    result = np.where(probability < p[0], low, np.where(probability > p[-1], high, inside))
    return np.where(np.isnan(q[..., -1:]) | np.isnan(probability), np.nan, result)


def _checked(levels: Sequence[float] | Float[np.ndarray, "quantile"]) -> Float[np.ndarray, "quantile"]:
    p = np.asarray(levels, np.float64)
    if len(p) < 2 or (np.diff(np.concatenate([[0.0], p, [1.0]])) <= 0).any():
        raise DataError(f"quantile levels {p.tolist()}: a probability needs two or more that rise within (0, 1)")
    return p


def _slope(q: Float[np.ndarray, "*rows quantile"], p: Float[np.ndarray, "quantile"]) -> Float[np.ndarray, "*rows"]:
    """Of the logarithm of the flow over that of the level, below the lowest quantile: 1 / k."""
    return np.asarray(np.log(q[..., 1] / q[..., 0]) / np.log(p[1] / p[0]))


def _scale(q: Float[np.ndarray, "*rows quantile"], p: Float[np.ndarray, "quantile"]) -> Float[np.ndarray, "*rows"]:
    """Of the exponential tail above the highest quantile; 0 where the last two are equal."""
    return np.asarray((q[..., -1] - q[..., -2]) / np.log((1 - p[-2]) / (1 - p[-1])))


def _over(excess: Float[np.ndarray, "*rows"], scale: Float[np.ndarray, "*rows"]) -> Float[np.ndarray, "*rows"]:
    """The excess in units of the scale; 0 at no excess, whatever the scale."""
    return np.where(excess > 0, excess / scale, 0.0)
