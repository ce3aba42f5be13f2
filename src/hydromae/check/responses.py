"""How series of stations move together from day to day, and which of them comes first."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hydromae.check.quantity import Quantity

LEAST_DAYS = 200  # common days that two series need for a correlation
_FALL, _RISE = -1.0, 2.0  # of log flow in a day: one wrong value must not outweigh all floods


@dataclass(frozen=True)
class Motion:
    """The standardised day-to-day course of some series.

    Attributes:
        values: float32 [day, column]; 0 where missing.
        observed: 1 where there is a value and 0 elsewhere, float32 [day, column].
    """

    values: Float[np.ndarray, "day column"]
    observed: Float[np.ndarray, "day column"]

    @property
    def shape(self) -> tuple[int, ...]:
        """Days and columns."""
        return self.values.shape


def motion(values: Float[np.ndarray, "day column"], quantity: Quantity) -> Motion:
    """The day-to-day course: the root of rain, the rise of log flow, the change of anything else."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if quantity == "rain":
            moved = np.sqrt(np.where(values >= 0, values, np.nan))
        else:
            level = np.log(np.where(values > 0, values, np.nan)) if quantity == "flow" else values
            moved = np.full_like(level, np.nan)
            moved[1:] = level[1:] - level[:-1]
            if quantity == "flow":
                moved = np.clip(moved, _FALL, _RISE)
    observed = np.isfinite(moved)
    count = np.maximum(observed.sum(axis=0), 1)
    centred = np.where(observed, moved - np.where(observed, moved, 0).sum(axis=0, dtype=np.float64) / count, 0)
    deviation = np.sqrt((centred**2).sum(axis=0, dtype=np.float64) / count)
    scaled = centred / np.where(deviation > 0, deviation, 1)
    return Motion(scaled.astype(np.float32), observed.astype(np.float32))


def lagged(motions: Motion, other: Motion, lag: int) -> tuple[Float[np.ndarray, "column"], Float[np.ndarray, "column"]]:
    """Correlation of each column of `motions` with that of `other` `lag` days before, and the common days."""
    a, b = _apart(len(motions.values), lag)
    count = (motions.observed[a] * other.observed[b]).sum(axis=0)
    total = (motions.values[a] * other.values[b]).sum(axis=0)
    return _ratio(total, count), count


def lagged_pairs(
    motions: Motion, other: Motion, lag: int, least: int = LEAST_DAYS
) -> Float[np.ndarray, "column other"]:
    """Correlation of all columns of `motions` with all of `other`; NaN where they share fewer than `least` days."""
    a, b = _apart(len(motions.values), lag)
    return _ratio(motions.values[a].T @ other.values[b], motions.observed[a].T @ other.observed[b], least)


def _apart(n_days: int, lag: int) -> tuple[slice, slice]:
    return (slice(lag, n_days), slice(0, n_days - lag)) if lag >= 0 else (slice(0, n_days + lag), slice(-lag, n_days))


def _ratio(
    total: Float[np.ndarray, "*any"], count: Float[np.ndarray, "*any"], least: int = LEAST_DAYS
) -> Float[np.ndarray, "*any"]:
    return np.where(count >= least, total / np.maximum(count, 1), np.nan)
