"""Finds streaks, rows of equal values."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Streaks:
    """Streaks of equal values: column, position of the first day, days, value."""

    column: Int[np.ndarray, "streak"]
    first: Int[np.ndarray, "streak"]
    length: Int[np.ndarray, "streak"]
    value: Float[np.ndarray, "streak"]

    def where(self, kept: np.ndarray) -> "Streaks":
        """The streaks that `kept` marks."""
        return Streaks(self.column[kept], self.first[kept], self.length[kept], self.value[kept])


def find_streaks(values: Float[np.ndarray, "day column"], at_least: int) -> Streaks:
    """Streaks of `at_least` days and more in which a column keeps a value; a missing day ends a streak."""
    n_days, n_columns = values.shape
    # A missing day after each column keeps a streak from running on into the next one.
    line = np.concatenate([values.T, np.full((n_columns, 1), np.nan, values.dtype)], axis=1).ravel()
    starts = np.flatnonzero(np.concatenate([[True], line[1:] != line[:-1]])) if line.size else np.zeros(0, np.int64)
    length = np.diff(np.append(starts, line.size))
    kept = (length >= at_least) & np.isfinite(line[starts])
    starts, length = starts[kept], length[kept]
    return Streaks(starts // (n_days + 1), starts % (n_days + 1), length, line[starts])


def joined(parts: list[Streaks]) -> Streaks:
    """Streaks of several blocks as one."""
    if not parts:
        none = np.zeros(0, np.int64)
        return Streaks(none, none, none, np.zeros(0))
    return Streaks(
        *(np.concatenate([getattr(part, key) for part in parts]) for key in ("column", "first", "length", "value"))
    )


def resolution(values: Float[np.ndarray, "day column"]) -> Float[np.ndarray, "column"]:
    """The step a column's smaller values are written in: the smallest difference below its median; inf if none."""
    low = np.sort(values, axis=0)[: max(values.shape[0] // 2, 2)]  # missing ones come last
    steps = np.diff(low, axis=0)
    return np.where(steps > 0, steps, np.inf).min(axis=0, initial=np.inf)
