"""Which cells are land, and which patches have enough of it."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Int

from hydromae.data.readers.files import require_file
from hydromae.errors import DataError


def read_land_mask(path: Path) -> Bool[np.ndarray, "row column"]:
    """Read a 0/1 mask, .pt (a tensor) or .npy; no code in the file is ever run.

    Raises:
        DataError: the file is absent or unreadable, not two-dimensional, or holds other values than 0 and 1.
    """
    require_file(path)
    try:
        if path.suffix == ".npy":
            mask = np.load(path, allow_pickle=False)
        elif path.suffix in (".pt", ".pth"):
            loaded = torch.load(path, map_location="cpu", weights_only=True)
            if not isinstance(loaded, torch.Tensor):
                raise ValueError(f"it holds a {type(loaded).__name__}, not a tensor")
            mask = loaded.numpy()
        else:
            raise ValueError(f"a mask is a .pt or .npy file, not {path.suffix or 'one without suffix'}")
    except Exception as error:  # torch.load raises whatever the damaged bytes lead it to
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: cannot be read ({reason}); save the mask as a tensor or array of 0 and 1") from None
    if mask.ndim != 2:
        raise DataError(f"{path}: has shape {mask.shape}; a land mask is [rows, columns]")
    if not np.isin(mask, (0, 1)).all():
        raise DataError(f"{path}: holds values other than 0 and 1; write 1 for land and 0 for all else")
    return mask.astype(bool)


def valid_patches(
    land: Bool[np.ndarray, "row column"], patch_size: int, threshold: float, where: str
) -> Int[np.ndarray, "patch"]:
    """Row-major positions, int64, of the patches whose share of land is at least `threshold` and above 0.

    Args:
        land: the cells that are land.
        patch_size: rows and columns of cells in a patch.
        threshold: share of land.
        where: file the mask comes from, for messages.

    Raises:
        DataError: the grid is not a whole number of patches, or no patch has enough land.
    """
    height, width = land.shape
    if height % patch_size or width % patch_size:
        raise DataError(
            f"{where}: {height} x {width} cells are not a whole number of patches of {patch_size} x {patch_size}; "
            f"pad the grids or set model.patch_size to a divisor of both"
        )
    patches = land.reshape(height // patch_size, patch_size, width // patch_size, patch_size)
    share = patches.mean(axis=(1, 3)).ravel()  # [patch]
    valid = np.flatnonzero((share >= threshold) & (share > 0))
    if valid.size == 0:
        raise DataError(
            f"{where}: no patch has {threshold:.0%} of land, the largest share is {share.max():.0%}; "
            f"lower data.land_threshold or give another mask"
        )
    return valid.astype(np.int64)
