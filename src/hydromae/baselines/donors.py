"""Which stations are donors of which: likeness on the training record, and who has a value on the day."""

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

# A common record shorter than a year says nothing about the other seasons.
MIN_COMMON_DAYS = 365


def rank_correlation(
    flow: Float[np.ndarray, "time station"], min_common_days: int = MIN_COMMON_DAYS
) -> Float[np.ndarray, "station station"]:
    """Correlation of the percentiles of every two stations over their common days, like Spearman's.

    Percentiles refer to the station's whole record, so that a few products of matrices give all pairs.

    Args:
        flow: any unit, NaN where missing.
        min_common_days: pairs with fewer days in common are NaN.

    Returns:
        float64, symmetric, -1 to 1; NaN on the diagonal, for too few common days, and for a constant record.
    """
    percentile = pd.DataFrame(flow).rank(pct=True).to_numpy() - 0.5  # about zero: its squares lose fewer digits
    present = np.isfinite(percentile).astype(np.float64)
    percentile = np.nan_to_num(percentile)
    days = present.T @ present  # [station, station]
    safe = np.maximum(days, 1)
    mean = percentile.T @ present / safe  # of the row's station, over its days in common with the column's
    variance = (percentile**2).T @ present / safe - mean**2
    covariance = percentile.T @ percentile / safe - mean * mean.T
    spread = np.sqrt(np.maximum(variance, 0) * np.maximum(variance.T, 0))
    usable = (days >= min_common_days) & (spread > 1e-9) & ~np.eye(len(days), dtype=bool)
    return np.where(usable, np.clip(covariance / np.where(usable, spread, 1), -1, 1), np.nan)


def best_first(likeness: Float[np.ndarray, "donor"]) -> Int[np.ndarray, "candidate"]:
    """Positions of the donors, the most alike first; a likeness of NaN or of at most 0 makes no donor."""
    order = np.argsort(-np.nan_to_num(likeness, nan=-np.inf), kind="stable")
    return order[: np.count_nonzero(likeness > 0)]


def first_present(present: Bool[np.ndarray, "time donor"], count: int) -> Int[np.ndarray, "time count"]:
    """Positions of the first `count` donors that are present on each day, in their order; -1 if there are fewer."""
    chosen = np.full((len(present), count), -1)
    if not present.shape[1]:
        return chosen
    left = present.copy()
    rows = np.arange(len(left))
    for n in range(count):
        first = left.argmax(axis=1)  # [time]
        is_present = left[rows, first]
        chosen[is_present, n] = first[is_present]
        left[rows, first] = False
    return chosen
