"""Between full grids and packed patches: only patches with enough land are kept."""

import numpy as np
from jaxtyping import Int, Shaped


def cell_index(
    valid_patches: Int[np.ndarray, "patch"], shape: tuple[int, int], patch_size: int
) -> Int[np.ndarray, "patch cell"]:
    """Row-major position in a grid of `shape` of every cell of every valid patch, row-major inside the patch; int64."""
    columns = shape[1] // patch_size
    rows = valid_patches[:, None, None] // columns * patch_size + np.arange(patch_size)[:, None]  # [patch, row, 1]
    cols = valid_patches[:, None, None] % columns * patch_size + np.arange(patch_size)  # [patch, 1, column]
    return (rows * shape[1] + cols).reshape(len(valid_patches), -1)  # [patch, cell]


def pack(
    grid: Shaped[np.ndarray, "*any row column"], valid_patches: Int[np.ndarray, "patch"], patch_size: int
) -> Shaped[np.ndarray, "*any patch cell"]:
    """Cut the valid patches out of grids, which keep their dtype."""
    *leading, height, width = grid.shape
    index = cell_index(valid_patches, (height, width), patch_size)
    flat = grid.reshape(*leading, height * width)
    return np.take(flat, index, axis=-1)  # [*any, patch, cell]


def unpack(
    packed: Shaped[np.ndarray, "*any patch cell"],
    valid_patches: Int[np.ndarray, "patch"],
    shape: tuple[int, int],
    patch_size: int,
) -> Shaped[np.ndarray, "*any row column"]:
    """Put patches back on a grid of `shape`; NaN outside them. The inverse of `pack`, for floating-point values."""
    *leading, _, _ = packed.shape
    grid = np.full((*leading, shape[0] * shape[1]), np.nan, packed.dtype)
    grid[..., cell_index(valid_patches, shape, patch_size)] = packed
    return grid.reshape(*leading, *shape)
