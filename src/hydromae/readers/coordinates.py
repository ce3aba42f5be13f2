"""Whether the coordinates in two files are those of the same cells."""

import numpy as np
from jaxtyping import Float

# Centres this close, in shares of a cell, are the same: coordinates are written with rounding.
_TOLERANCE = 0.01


def same_centres(centres: Float[np.ndarray, "cell"], other: Float[np.ndarray, "cell"]) -> bool:
    """Whether the centres are as many and lie in the same places, to a hundredth of the narrowest cell of `other`."""
    if len(centres) != len(other):
        return False
    size = float(np.abs(np.diff(other)).min()) if len(other) > 1 else max(abs(float(other[0])), 1.0)
    return bool(np.abs(centres - other).max() <= _TOLERANCE * size)
