"""Counts, means and squared deviations of data that come in blocks."""

import numpy as np
from jaxtyping import Float


class Moments:
    """Streaming count, mean and sum of squared deviations (M2) of every column, in float64.

    Blocks are merged by the pairwise formula of Chan, Golub & LeVeque (1983, Am. Stat. 37, 242-247), so that nothing
    is lost to cancellation however many days there are. NaN is never counted.
    """

    def __init__(self, columns: int) -> None:
        self.count = np.zeros(columns)
        self.mean = np.zeros(columns)
        self.m2 = np.zeros(columns)

    def update(self, block: Float[np.ndarray, "row column"]) -> None:
        """Add the rows of a block."""
        observed = ~np.isnan(block)
        if observed.all():
            count = np.full(block.shape[1], len(block))
            values = block.astype(np.float64)
            mean = values.sum(axis=0) / max(len(block), 1)
            deviation = values - mean
        else:
            count = observed.sum(axis=0)  # [column]
            values = np.where(observed, block, 0).astype(np.float64)
            mean = values.sum(axis=0) / np.maximum(count, 1)
            deviation = np.where(observed, values - mean, 0)
        total = self.count + count
        share = count / np.maximum(total, 1)
        shift = mean - self.mean
        self.m2 += (deviation**2).sum(axis=0) + shift**2 * self.count * share
        self.mean += shift * share
        self.count = total

    def pooled(self) -> tuple[float, float, float]:
        """Count, mean and population standard deviation over all columns together (NaN where nothing was seen)."""
        count = self.count.sum()
        if count == 0:
            return 0.0, float("nan"), float("nan")
        mean = (self.count * self.mean).sum() / count
        m2 = (self.m2 + self.count * (self.mean - mean) ** 2).sum()
        return float(count), float(mean), float(np.sqrt(m2 / count))

    def observed_mean(self) -> Float[np.ndarray, "column"]:
        """Mean of each column, NaN where nothing was seen."""
        return np.where(self.count > 0, self.mean, np.nan)

    def observed_std(self) -> Float[np.ndarray, "column"]:
        """Population standard deviation of each column, NaN where nothing was seen."""
        return np.where(self.count > 0, np.sqrt(self.m2 / np.maximum(self.count, 1)), np.nan)
