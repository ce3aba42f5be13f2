"""Runs of one and the same value."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Runs:
    """Runs of equal values, one a row: column, position of the first day, days, value."""

    column: Int[np.ndarray, "run"]
    first: Int[np.ndarray, "run"]
    length: Int[np.ndarray, "run"]
    value: Float[np.ndarray, "run"]

    def where(self, kept: np.ndarray) -> "Runs":
        """Some of the runs."""
        return Runs(self.column[kept], self.first[kept], self.length[kept], self.value[kept])


def equal_runs(values: Float[np.ndarray, "day column"], at_least: int) -> Runs:
    """Runs of `at_least` days and more in which a column keeps a value; a missing day ends a run."""
    n_days, n_columns = values.shape
    # A missing day after each column keeps runs from going on in the next one.
    line = np.concatenate([values.T, np.full((n_columns, 1), np.nan, values.dtype)], axis=1).ravel()
    starts = np.flatnonzero(np.concatenate([[True], line[1:] != line[:-1]])) if line.size else np.zeros(0, np.int64)
    length = np.diff(np.append(starts, line.size))
    kept = (length >= at_least) & np.isfinite(line[starts])
    starts, length = starts[kept], length[kept]
    return Runs(starts // (n_days + 1), starts % (n_days + 1), length, line[starts])


def joined(parts: list[Runs]) -> Runs:
    """Runs of several blocks as one."""
    if not parts:
        none = np.zeros(0, np.int64)
        return Runs(none, none, none, np.zeros(0))
    return Runs(
        *(np.concatenate([getattr(part, key) for part in parts]) for key in ("column", "first", "length", "value"))
    )


def resolution(values: Float[np.ndarray, "day column"]) -> Float[np.ndarray, "column"]:
    """The step a column's smaller values are written in: the smallest difference below its median; inf if none."""
    low = np.sort(values, axis=0)[: max(values.shape[0] // 2, 2)]  # missing ones come last
    steps = np.diff(low, axis=0)
    return np.where(steps > 0, steps, np.inf).min(axis=0, initial=np.inf)
