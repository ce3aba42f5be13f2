"""What `check` looks at: the range, gaps and variation of one modality's values."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hydromae.data.moments import Moments

Read = Callable[[int, int], Float[np.ndarray, "day column"]]


@dataclass(frozen=True)
class Statistics:
    """Of the values that were looked at; NaN where there was none.

    Attributes:
        missing: share of the values.
        minimum: smallest value.
        mean: over all values.
        maximum: largest value.
        training: moments of each column over the training period.
        observed: of each column, whether it ever has a value.
        empty_splits: splits without any value.
        empty_days: positions of the days without any value.
    """

    missing: float
    minimum: float
    mean: float
    maximum: float
    training: Moments
    observed: np.ndarray
    empty_splits: tuple[str, ...]
    empty_days: tuple[int, ...]


def gather(read: Read, spans: Iterable[tuple[int, int]], columns: int, splits: Mapping[str, slice]) -> Statistics:
    """Read spans of days and gather their statistics.

    Args:
        read: values of `count` days from position `first`, NaN where missing.
        spans: (first, count) of what to read.
        columns: land cells or stations.
        splits: positions of each split; `train` among them where it is known.
    """
    every, training = Moments(columns), Moments(columns)
    low, high, days = np.inf, -np.inf, 0
    counts = dict.fromkeys(splits, 0)
    empty_days: list[int] = []
    for first, count in spans:
        block = read(first, count)
        present = ~np.isnan(block)  # [day, column]
        every.update(block)
        days += count
        empty_days += (first + np.flatnonzero(~present.any(axis=1))).tolist()
        if present.any():
            low, high = min(low, float(np.nanmin(block))), max(high, float(np.nanmax(block)))
        for split, period in splits.items():
            inside = slice(max(period.start - first, 0), max(period.stop - first, 0))
            counts[split] += int(present[inside].sum())
            if split == "train":
                training.update(block[inside])
    count_all, mean, _ = every.pooled()
    seen = count_all > 0
    return Statistics(
        missing=1 - count_all / max(days * columns, 1),
        minimum=low if seen else float("nan"),
        mean=mean,
        maximum=high if seen else float("nan"),
        training=training,
        observed=every.count > 0,
        empty_splits=tuple(split for split, count in counts.items() if count == 0),
        empty_days=tuple(empty_days),
    )
