"""Which cells are land, and which patches have enough of it."""

import math
import zipfile
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from jaxtyping import Bool, Int

from hydromae.base.errors import DataError
from hydromae.base.patches import cell_index, whole_patches
from hydromae.readers.cf_axes import axis_of, coordinate_falls
from hydromae.readers.cf_time import is_time
from hydromae.readers.files import require_file
from hydromae.readers.guard import MAX_CELLS, reading
from hydromae.readers.netcdf_file import open_netcdf
from hydromae.readers.zarr_store import open_zarr_store, zarr_format
from hydromae.sources.regridding import Cells

_ADVICE = "save the mask as a tensor or array of 0 and 1"


def read_land_mask(path: Path) -> Bool[np.ndarray, "row column"]:
    """The mask of `read_placed_mask`."""
    return read_placed_mask(path)[0]


def read_placed_mask(path: Path) -> tuple[Bool[np.ndarray, "row column"], Cells | None]:
    """Read a 0/1 mask: .pt (a tensor), .npy, netCDF or Zarr; no code in the file is ever run.

    Of netCDF and Zarr the only variable over two dimensions is taken, or over three of which one is a single time; its
    rows are turned to run from the north, and its columns from the west, as those of grids are.

    Returns:
        The mask, and where its cells lie, which only netCDF and Zarr say.

    Raises:
        DataError: the file is absent or unreadable, not two-dimensional, holds other values than 0 and 1, or more cells
            than any real grid.
    """
    cells: Cells | None = None
    if zarr_format(path):
        with reading(path, advice=_ADVICE):
            mask, cells = _cf_mask(path, open_zarr_store(path))
    else:
        require_file(path)
        if path.suffix == ".npy":
            mask = _numpy_mask(path)
        elif path.suffix in (".pt", ".pth"):
            mask = _tensor_mask(path)
        elif path.suffix in (".nc", ".nc4"):
            with reading(path, advice=_ADVICE), open_netcdf(path) as data:
                mask, cells = _cf_mask(path, data)
        else:
            raise DataError(
                f"{path}: cannot be read (a mask is .pt, .npy, .nc or a Zarr group, not "
                f"{path.suffix or 'a file without suffix'}); {_ADVICE}"
            )
    if mask.ndim != 2:
        raise DataError(f"{path}: has shape {mask.shape}; a land mask is [rows, columns]")
    if mask.dtype.kind not in "iufb" or not np.isin(mask, (0, 1)).all():
        raise DataError(f"{path}: holds values other than 0 and 1; write 1 for land and 0 for all else")
    return mask.astype(bool), cells


def _check_size(path: Path, shape: tuple[int, ...]) -> None:
    if math.prod(shape) > MAX_CELLS:
        raise DataError(f"{path}: declares {math.prod(shape)} cells, more than the {MAX_CELLS} of any grid; {_ADVICE}")


def _numpy_mask(path: Path) -> np.ndarray:
    with reading(path, advice=_ADVICE):
        # Mapped first: a header may declare more than the file holds.
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(mapped, np.ndarray):
            raise TypeError(f"it holds {type(mapped).__name__}, not one array")
        _check_size(path, mapped.shape)
        return np.array(mapped)


def _tensor_mask(path: Path) -> np.ndarray:
    with reading(path, advice=_ADVICE):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as content:
                unpacked = sum(entry.file_size for entry in content.infolist())
            if unpacked > MAX_CELLS * 8:
                raise ValueError(f"it unpacks to {unpacked} bytes")
        loaded = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(loaded, torch.Tensor):
            raise TypeError(f"it holds a {type(loaded).__name__}, not a tensor")
        _check_size(path, tuple(loaded.shape))
        return loaded.detach().numpy()


def _cf_mask(path: Path, data: xr.Dataset) -> tuple[np.ndarray, Cells]:
    bounds = {str(item.attrs.get("bounds")) for item in data.variables.values()}
    maps = []
    for name, item in data.data_vars.items():
        times = [dim for dim in item.dims if dim in data.variables and is_time(data[dim])]
        one_time = item.ndim == 3 and len(times) == 1 and item.sizes[times[0]] == 1
        if name not in bounds and item.dtype.kind in "iufb" and ((item.ndim == 2 and not times) or one_time):
            maps.append(item.isel(dict.fromkeys(times, 0)))
    if len(maps) != 1:
        listed = ", ".join(str(item.name) for item in maps) or "none"
        raise DataError(f"{path}: has {len(maps)} variables over two dimensions ({listed}); keep only the mask in it")
    mask = maps[0].transpose(*(axis_of(path, data, maps[0], axis) for axis in ("y", "x")))  # [y, x]
    _check_size(path, mask.shape)
    for axis, falls in zip(mask.dims, (True, False), strict=True):
        if coordinate_falls(path, data[axis]) != falls:
            mask = mask.isel({axis: slice(None, None, -1)})
    y, x = (np.asarray(mask[axis].values, np.float64) for axis in mask.dims)
    return np.asarray(mask.values), Cells((len(y), len(x)), y, x)


def valid_patches(
    land: Bool[np.ndarray, "row column"], patch_size: int, threshold: float, where: str
) -> Int[np.ndarray, "patch"]:
    """Row-major positions, int64, of the patches whose share of land is at least `threshold` and above 0.

    Of a patch that reaches beyond the edge the share is that of its cells in the grid.

    Args:
        land: the cells that are land.
        patch_size: rows and columns of cells in a patch.
        threshold: share of land.
        where: file the mask comes from, for messages.

    Raises:
        DataError: no patch has enough land.
    """
    rows, columns = whole_patches(land.shape, patch_size)
    every = cell_index(np.arange(rows * columns), land.shape, patch_size)  # [patch, cell]
    in_grid = every >= 0
    share = (land.ravel()[every] & in_grid).sum(axis=1) / in_grid.sum(axis=1)  # [patch]
    valid = np.flatnonzero((share >= threshold) & (share > 0))
    if valid.size == 0:
        raise DataError(
            f"{where}: no patch has {threshold:.0%} of land, the largest share is {share.max():.0%}; "
            f"lower data.land_threshold or give another mask"
        )
    return valid.astype(np.int64)
