"""The land of a store: its valid patches and their land cells, from a mask or from what the grids hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from jaxtyping import Bool, Int

from hydromae.base.errors import DataError
from hydromae.base.patches import pack
from hydromae.config import Config
from hydromae.readers.files import place_of
from hydromae.sources.cells import same_cells
from hydromae.sources.land_mask import read_placed_mask, valid_patches
from hydromae.sources.regridding import Cells
from hydromae.sources.source import Source

# Cells are looked at on this many days, in spans of a few: neighbours in time often lie in one compressed chunk.
_SPANS, _SPAN_DAYS = 32, 4


@dataclass(frozen=True)
class Land:
    """Which cells are land: the valid patches of a grid of `shape`, and their land cells.

    Attributes:
        notes: where the land was taken from, if it was no mask.
    """

    shape: tuple[int, int]
    patches: Int[np.ndarray, "patch"]
    cells: Bool[np.ndarray, "patch cell"]
    notes: tuple[str, ...] = ()


def find_land(config: Config, grids: Sequence[Source], first: date, last: date) -> Land:
    """Land from the mask, or from the cells of `data.target_grid`, else of the first grid, that ever have a value.

    Args:
        config: names the mask, whose rows are from the north, and the patches.
        grids: all on the same cells.
        first: first day of the store.
        last: last day of the store.

    Raises:
        DataError: the mask has other cells than the grids, or no patch has enough land.
    """
    data, size = config.data, config.model.patch_size
    height, width = grids[0].shape
    notes: tuple[str, ...] = ()
    if data.land_mask is None:
        source = next((grid for grid in grids if grid.name == data.target_grid), grids[0])
        where = str(source.pieces[0].path)
        days = _sample(source, first, last)
        land = np.zeros((height, width), bool)
        for span in days:
            land |= np.isfinite(source.read(span[0], len(span))).any(axis=0)
        looked_at = sum(len(span) for span in days)
        notes = (f"land is the {int(land.sum())} cells where {source.name} has a value on one of {looked_at} days",)
    else:
        mask = place_of(data.root, data.land_mask)
        where = str(mask)
        land, cells = read_placed_mask(mask)
        if land.shape != (height, width):
            raise DataError(
                f"{where}: has {land.shape[0]} x {land.shape[1]} cells, but {_whose(grids)} has "
                f"{height} x {width}; give the mask of the same grid"
            )
        if cells is not None:
            _check_place(where, cells, grids)
    patches = valid_patches(land, size, data.land_threshold, where)
    return Land((height, width), patches, pack(land, patches, size), notes)


def _check_place(where: str, cells: Cells, grids: Sequence[Source]) -> None:
    for grid in grids:
        if not same_cells(cells, grid.cells):
            raise DataError(
                f"{where}: has its cells in other places than {grid.pieces[0].path}; give the mask of the same grid, "
                f"or, if its coordinates are wrong, save it as .npy without any, rows from the north"
            )


def _sample(grid: Source, first: date, last: date) -> list[np.ndarray]:
    """Spans of days that the grid holds, spread evenly from the first to the last; all days where they are few.

    A span ends where the grid lacks a day, so exactly the chosen days are read.
    """
    held = grid.held[(grid.held >= np.datetime64(first)) & (grid.held <= np.datetime64(last))]
    held = held[~np.isin(held, grid.excluded)]
    if not len(held):
        return []
    chosen = held
    if len(held) > _SPANS * _SPAN_DAYS:
        starts = np.linspace(0, len(held) - _SPAN_DAYS, _SPANS).round().astype(int)
        chosen = held[np.add.outer(starts, np.arange(_SPAN_DAYS)).ravel()]  # [days of all spans]
    gaps = np.flatnonzero(np.diff(chosen).astype(np.int64) > 1) + 1
    return np.split(chosen, np.union1d(gaps, np.arange(_SPAN_DAYS, len(chosen), _SPAN_DAYS)))


def _whose(grids: Sequence[Source]) -> str:
    """The file whose cells the grids are on."""
    own = [grid for grid in grids if grid.regrid is None]
    return str((own or grids)[0].pieces[0].path)
