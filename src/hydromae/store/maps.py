"""Packed values on the full grid of a store."""

import numpy as np
from jaxtyping import Shaped

from hydromae.base.patches import unpack
from hydromae.store.store import Store


def to_grid(store: Store, packed: Shaped[np.ndarray, "*any patch cell"]) -> Shaped[np.ndarray, "*any row column"]:
    """Put a store's packed values, or the model's, on the store's full grid; NaN outside the valid patches."""
    return unpack(packed, store.valid_patches, store.shape, store.patch_size)
