"""Bringing maps from one rectangular grid to another: block means, nearest cells, bilinear and conservative.

Missing cells are never taken for a number. A mean is over the cells that have a value, and a target cell of which less
than half of the area has values is missing.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

# Share of a target cell's area that must have values for their mean to stand for the cell.
LEAST_VALID = 0.5
# Rounding of coordinates and of shares of area: far below what any map could mean.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Cells:
    """The cells of a grid: rows from the north, columns from the west.

    Attributes:
        shape: rows and columns.
        y: centres of the rows, falling, float64; None where the files do not say.
        x: centres of the columns, growing, float64; None where the files do not say.
        geographic: whether y is latitude in degrees, so that cells shrink towards the poles.
    """

    shape: tuple[int, int]
    y: Float[np.ndarray, "row"] | None
    x: Float[np.ndarray, "column"] | None
    geographic: bool = False

    @property
    def placed(self) -> bool:
        """Whether the coordinates are known."""
        return self.y is not None and self.x is not None


def coarsen(
    values: Float[np.ndarray, "day row column"], shape: tuple[int, int]
) -> Float[np.ndarray, "day new_row new_column"]:
    """Mean over blocks of whole cells, all of one weight; each side must be a multiple of that of `shape`."""
    (rows, columns), (days, height, width) = shape, values.shape
    blocks = values.reshape(days, rows, height // rows, columns, width // columns)  # [day, R, r, C, c]
    valid = ~np.isnan(blocks)
    count = valid.sum(axis=(2, 4))  # [day, R, C]
    total = np.where(valid, blocks, 0.0).sum(axis=(2, 4), dtype=np.float64)  # [day, R, C]
    enough = count >= LEAST_VALID * (height // rows) * (width // columns)
    return np.where(enough, total / np.maximum(count, 1), np.nan).astype(np.float32)


def nearest(
    values: Float[np.ndarray, "day row column"], source: Cells, target: Cells
) -> Float[np.ndarray, "day new_row new_column"]:
    """The value of the cell that holds each target cell's centre, bit for bit; missing beyond the source's edge."""
    assert source.y is not None and source.x is not None and target.y is not None and target.x is not None
    rows, columns = holding(-source.y, -target.y), holding(source.x, target.x)
    taken = values[:, np.maximum(rows, 0)][:, :, np.maximum(columns, 0)]  # [day, new_row, new_column]
    outside = (rows < 0)[:, None] | (columns < 0)
    return np.where(outside, np.float32(np.nan), taken).astype(np.float32)


def bilinear(
    values: Float[np.ndarray, "day row column"], source: Cells, target: Cells
) -> Float[np.ndarray, "day new_row new_column"]:
    """Linear in y and x between the four centres around; missing where one of them that has a weight is.

    Beyond the outermost centres nothing is extrapolated: it is missing.
    """
    missing = np.isnan(values)
    filled = _xarray_regrid(np.where(missing, 0.0, values), source).linear(_dataset(target))
    lacking = _xarray_regrid(missing.astype(np.float64), source).linear(_dataset(target))
    has_value = lacking.values <= _ROUNDING  # not where it is NaN, beyond the outermost centres
    return np.where(has_value, filled.values, np.nan).astype(np.float32)


def conservative(
    values: Float[np.ndarray, "day row column"], source: Cells, target: Cells
) -> Float[np.ndarray, "day new_row new_column"]:
    """Mean over the area that each target cell shares with cells that have a value (Jones 1999, first order).

    Where all of a target cell has values, the integral over its area is kept.
    """
    # The library weighs only the covered part of a cell; a rim of missing cells makes what lies outside count too.
    padded, cells = _with_rim(values, source, target)
    regridded = _xarray_regrid(padded, cells).conservative(
        _dataset(target),
        latitude_coord="y" if source.geographic else None,
        nan_threshold=1 - LEAST_VALID + _ROUNDING,
    )
    return regridded.transpose("time", "y", "x").values.astype(np.float32)


def edges(centres: Float[np.ndarray, "cell"]) -> Float[np.ndarray, "edge"]:
    """Borders of cells, half-way between their centres, which must grow; two or more."""
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


def holding(source: Float[np.ndarray, "cell"], target: Float[np.ndarray, "place"]) -> Int[np.ndarray, "place"]:
    """Which source cell each place lies in, -1 for none; on a border the later one, on the last border the last."""
    borders = edges(source)
    slack = _ROUNDING * np.diff(borders).min()
    cell = np.searchsorted(borders, target + slack, side="right") - 1
    inside = (target >= borders[0] - slack) & (target <= borders[-1] + slack)
    return np.where(inside, np.clip(cell, 0, len(source) - 1), -1)


def corners(
    y: Float[np.ndarray, " row"],
    x: Float[np.ndarray, " column"],
    at_y: Float[np.ndarray, " place"],
    at_x: Float[np.ndarray, " place"],
) -> tuple[Int[np.ndarray, "place corner"], Int[np.ndarray, "place corner"], Float[np.ndarray, "place corner"]]:
    """The four centres around each place, and their weights in a bilinear mean; -1 beyond the outermost centres.

    Args:
        y: centres of the rows, falling.
        x: centres of the columns, growing.
        at_y: of the places, in the same system; what is not finite is beyond.
        at_x: likewise.
    """
    parts = []
    for centres, at in ((-y, -at_y), (x, at_x)):
        outside = ~((at >= centres[0]) & (at <= centres[-1]))
        first = np.clip(np.searchsorted(centres, at, side="right") - 1, 0, len(centres) - 2)
        share = np.clip(
            (np.where(outside, centres[0], at) - centres[first]) / (centres[first + 1] - centres[first]), 0, 1
        )
        parts.append((np.where(outside, -1, first), np.where(outside, -1, first + 1), share))
    (above, below, down), (left, right, along) = parts
    rows = np.stack([above, above, below, below], -1)
    columns = np.stack([left, right, left, right], -1)
    weights = np.stack([(1 - down) * (1 - along), (1 - down) * along, down * (1 - along), down * along], -1)
    return rows, columns, weights


def _with_rim(
    values: Float[np.ndarray, "day row column"], source: Cells, target: Cells
) -> tuple[Float[np.ndarray, "day padded_row padded_column"], Cells]:
    """The source with missing cells of its outermost size around it, until they cover the target."""
    assert source.y is not None and source.x is not None and target.y is not None and target.x is not None
    (above, minus_y, below), (left, x, right) = _extended(-source.y, -target.y), _extended(source.x, target.x)
    rim = ((0, 0), (above, below), (left, right))
    padded = np.pad(values.astype(np.float64), rim, constant_values=np.nan)
    return padded, Cells((len(minus_y), len(x)), -minus_y, x, source.geographic)


def _extended(
    source: Float[np.ndarray, "cell"], target: Float[np.ndarray, "other"]
) -> tuple[int, Float[np.ndarray, "longer"], int]:
    """How many cells come before, all centres, and how many come after: one at least.

    The library gives nothing for a target cell whose centre is beyond the outermost ones, though in the last cell.
    """
    borders, target_borders = edges(source), edges(target)
    first, last = source[1] - source[0], source[-1] - source[-2]
    before = max(1, int(np.ceil((borders[0] - target_borders[0]) / first)))
    after = max(1, int(np.ceil((target_borders[-1] - borders[-1]) / last)))
    head = source[0] - first * np.arange(before, 0, -1)
    return before, np.concatenate([head, source, source[-1] + last * np.arange(1, after + 1)]), after


def _dataset(cells: Cells) -> xr.Dataset:
    return xr.Dataset(coords={"y": cells.y, "x": cells.x})


def _xarray_regrid(values: Float[np.ndarray, "day row column"], cells: Cells) -> Any:
    """The regridding methods of xarray-regrid for maps on these cells, in float64."""
    import xarray_regrid  # noqa: F401  (gives arrays `.regrid`; takes a second, so only where it is needed)

    grid = xr.DataArray(
        values.astype(np.float64), dims=("time", "y", "x"), coords={"y": ("y", cells.y), "x": ("x", cells.x)}
    )
    return grid.regrid
