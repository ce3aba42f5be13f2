"""Signatures of the flow duration curve after Yilmaz et al. (2008): high flows, low flows, the slope between."""

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from hydromae.metrics.catalogue import described
from hydromae.metrics.ordered import ascending, at_rank
from hydromae.metrics.pairs import MIN_PAIRS, pair, point_forecast

# Logarithms need flows above 0; neuralhydrology's values, in the unit of the flow.
_FLOOR = 1e-6
_EPSILON = 1e-6


def duration_curve(
    predicted: xr.DataArray,
    observed: xr.DataArray,
    min_pairs: int = MIN_PAIRS,
    *,
    high: float = 0.02,
    low: float = 0.3,
    middle: tuple[float, float] = (0.2, 0.7),
) -> xr.Dataset:
    """FHV, FLV and FMS (Yilmaz et al. 2008), as neuralhydrology and, for FHV, GB-Flow-7's scorer compute them.

    Predictions and observations are sorted separately, so the day of a flow does not matter: `fhv` compares the sums of
    the round(high * n) largest of each. Rounding is to the nearest integer, halves to even; `fhv` uses at least one
    flow.

    Args:
        predicted: [issue_time, lead_time, station] or [time, station]; of quantiles, the one of 0.5 is used.
        observed: [time, station], or with the dimensions of `predicted`.
        min_pairs: fewest complete pairs of a station.
        high: share of flows that are high, in (0, 1).
        low: share of flows that are low, in (0, 1).
        middle: exceedance probabilities between which the slope is taken, rising in (0, 1).

    Returns:
        `fhv`, `flv`, `fms` in percent, float64 [lead_time, station] or [station]; `fhv` is NaN where the sum of the
        highest observed flows is 0.

    Raises:
        DataError: as `pair`.
        ValueError: a share outside (0, 1).
    """
    if not (0 < high < 1 and 0 < low < 1 and 0 < middle[0] < middle[1] < 1):
        raise ValueError("high, low and middle are shares inside (0, 1), and middle rises")
    predicted, observed = pair(point_forecast(predicted), observed, min_pairs)
    template = observed.isel({observed.dims[-1]: 0}, drop=True)
    p, count = ascending(predicted.values)  # [lead_time, station, sample], [lead_time, station]
    q, _ = ascending(observed.values)
    values = {"fhv": _fhv(p, q, count, high), "flv": _flv(p, q, count, low), "fms": _fms(p, q, count, middle)}
    return xr.Dataset(
        {
            name: described(template.copy(data=np.where(count > 0, value, np.nan)), name)
            for name, value in values.items()
        }
    )


def _fhv(
    p: Float[np.ndarray, "*rows sample"],
    q: Float[np.ndarray, "*rows sample"],
    count: Int[np.ndarray, "*rows"],
    share: float,
) -> Float[np.ndarray, "*rows"]:
    number = np.maximum(np.round(share * count), 1)
    rank = np.arange(p.shape[-1])
    chosen = (rank >= (count - number)[..., None]) & (rank < count[..., None])  # [*rows, sample]
    high_p, high_q = p.sum(-1, where=chosen), q.sum(-1, where=chosen)
    return 100 * (high_p - high_q) / np.where(high_q > 0, high_q, np.nan)


def _flv(
    p: Float[np.ndarray, "*rows sample"],
    q: Float[np.ndarray, "*rows sample"],
    count: Int[np.ndarray, "*rows"],
    share: float,
) -> Float[np.ndarray, "*rows"]:
    chosen = np.arange(p.shape[-1]) < np.round(share * count)[..., None]  # [*rows, sample]

    def height(ordered: np.ndarray) -> np.ndarray:
        logs = np.log(np.maximum(ordered, _FLOOR))
        return (logs - logs[..., :1]).sum(-1, where=chosen)

    low_p, low_q = height(p), height(q)
    return -100 * (low_p - low_q) / (low_q + _EPSILON)


def _fms(
    p: Float[np.ndarray, "*rows sample"],
    q: Float[np.ndarray, "*rows sample"],
    count: Int[np.ndarray, "*rows"],
    middle: tuple[float, float],
) -> Float[np.ndarray, "*rows"]:
    def slope(ordered: np.ndarray) -> np.ndarray:
        # rank k from the top is count - 1 - k from the bottom
        ranks = (count - 1 - np.round(exceeded * count).astype(np.int64) for exceeded in middle)
        steep, flat = (np.log(np.maximum(at_rank(ordered, rank), _FLOOR)) for rank in ranks)
        return steep - flat

    slope_q = slope(q)
    return 100 * (slope(p) - slope_q) / (slope_q + _EPSILON)
