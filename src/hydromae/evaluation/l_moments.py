"""Sample L-moments of rows of different length (Hosking 1990, doi:10.1111/j.2517-6161.1990.tb01775.x)."""

import numpy as np
from jaxtyping import Float, Int

from hydromae.metrics.ordered import ascending


def l_moments(
    values: Float[np.ndarray, "*rows sample"],
) -> tuple[Float[np.ndarray, "moment *rows"], Int[np.ndarray, "*rows"]]:
    """The first three L-moments of each row, from unbiased probability-weighted moments.

    With x_1 <= ... <= x_n, b_r is the mean of x_i (i - 1) ... (i - r) / ((n - 1) ... (n - r)), and l1 = b0,
    l2 = 2 b1 - b0, l3 = 6 b2 - 6 b1 + b0.

    Args:
        values: NaN where there is none.

    Returns:
        The L-moments, float64, NaN for a row with fewer than three values; and the number of values of each row.
    """
    ordered, number = ascending(values)
    n = np.maximum(number, 3)[..., None]
    rank = np.arange(ordered.shape[-1])
    first = rank / (n - 1)
    weighted = [np.nansum(weight * ordered, -1) / n[..., 0] for weight in (1.0, first, first * (rank - 1) / (n - 2))]
    b0, b1, b2 = (np.where(number >= 3, b, np.nan) for b in weighted)
    return np.stack([b0, 2 * b1 - b0, 6 * b2 - 6 * b1 + b0]), number
