"""Between full grids and packed patches: only patches with enough land are kept.

Patches are counted from the first row and column. Where rows or columns are not whole patches, the last patches reach
beyond the edge: what they hold there is missing, and no cell of the grid.
"""

import numpy as np
from jaxtyping import Int, Shaped


def whole_patches(shape: tuple[int, int], patch_size: int) -> tuple[int, int]:
    """Rows and columns of patches that cover a grid of `shape`."""
    return -(-shape[0] // patch_size), -(-shape[1] // patch_size)


def cell_index(
    valid_patches: Int[np.ndarray, "patch"], shape: tuple[int, int], patch_size: int
) -> Int[np.ndarray, "patch cell"]:
    """Row-major position in a grid of `shape` of every cell of every valid patch, row-major inside the patch; int64.

    It is -1 for a cell beyond the edge of the grid.
    """
    _, columns = whole_patches(shape, patch_size)
    rows = valid_patches[:, None, None] // columns * patch_size + np.arange(patch_size)[:, None]  # [patch, row, 1]
    cols = valid_patches[:, None, None] % columns * patch_size + np.arange(patch_size)  # [patch, 1, column]
    inside = (rows < shape[0]) & (cols < shape[1])  # [patch, row, column]
    return np.where(inside, rows * shape[1] + cols, -1).reshape(len(valid_patches), -1)  # [patch, cell]


def pack(
    grid: Shaped[np.ndarray, "*any row column"], valid_patches: Int[np.ndarray, "patch"], patch_size: int
) -> Shaped[np.ndarray, "*any patch cell"]:
    """Cut the valid patches out of grids, which keep their dtype; NaN, or False, beyond the edge."""
    *leading, height, width = grid.shape
    index = cell_index(valid_patches, (height, width), patch_size)
    flat = grid.reshape(*leading, height * width)
    packed = np.take(flat, index, axis=-1)  # [*any, patch, cell]
    if (beyond := index < 0).any():
        packed[..., beyond] = False if grid.dtype == bool else np.nan
    return packed


def unpack(
    packed: Shaped[np.ndarray, "*any patch cell"],
    valid_patches: Int[np.ndarray, "patch"],
    shape: tuple[int, int],
    patch_size: int,
) -> Shaped[np.ndarray, "*any row column"]:
    """Put patches back on a grid of `shape`; NaN outside them. The inverse of `pack`, for floating-point values.

    Values beyond the edge of the grid are dropped.
    """
    *leading, _, _ = packed.shape
    grid = np.full((*leading, shape[0] * shape[1]), np.nan, packed.dtype)
    index = cell_index(valid_patches, shape, patch_size)
    inside = index >= 0
    grid[..., index[inside]] = packed[..., inside]
    return grid.reshape(*leading, *shape)
