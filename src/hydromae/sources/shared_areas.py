"""The areas that cells of any outline share with the cells of a rectangular grid, exactly, and means by them."""

import numpy as np
from jaxtyping import Float
from scipy import sparse

from hydromae.sources.regridding import LEAST_VALID

_AT_ONCE = 2**16  # pairs of cells
_FLAT = 1e-7  # of a cell's height: edges that rise less are taken as level
_ROUNDING = 1e-6
_PARTS = 4  # of each side: in another system it is bent, which straight pieces follow


def outlines(
    y_edges: Float[np.ndarray, " row_edge"], x_edges: Float[np.ndarray, " column_edge"]
) -> tuple[Float[np.ndarray, "cell corner"], Float[np.ndarray, "cell corner"]]:
    """The outlines of rectangular cells, y and x, row by row, each side parted into equal pieces."""
    share = np.arange(_PARTS) / _PARTS
    none, whole = np.zeros(_PARTS), np.ones(_PARTS)
    up, right = np.concatenate([none, share, whole, 1 - share]), np.concatenate([share, whole, 1 - share, none])
    y = y_edges[:-1, None] + np.diff(y_edges)[:, None] * up  # [row, corner]
    x = x_edges[:-1, None] + np.diff(x_edges)[:, None] * right  # [column, corner]
    shape = (len(y), len(x), len(up))
    return (
        np.broadcast_to(y[:, None], shape).reshape(-1, len(up)),
        np.broadcast_to(x[None], shape).reshape(-1, len(up)),
    )


def shared_areas(
    y: Float[np.ndarray, "cell corner"],
    x: Float[np.ndarray, "cell corner"],
    y_edges: Float[np.ndarray, " row_edge"],
    x_edges: Float[np.ndarray, " column_edge"],
) -> sparse.csr_array:
    """The area that each cell of a rectangular grid shares with each outline, in the square of the coordinates.

    Outlines that have corners in common leave no gap and do not overlap, so an area is neither lost nor counted twice.

    Args:
        y: corners of the outlines, in order around each, straight between them; an outline that is not finite has no
            area.
        x: likewise.
        y_edges: borders of the rows of the grid, growing.
        x_edges: borders of its columns, growing.

    Returns:
        float64 [row * columns + column, outline].
    """
    rows, columns = len(y_edges) - 1, len(x_edges) - 1
    known = np.flatnonzero(np.isfinite(y).all(axis=1) & np.isfinite(x).all(axis=1))
    first_row, n_rows = _touched(y[known], y_edges)
    first_column, n_columns = _touched(x[known], x_edges)
    counts = n_rows * n_columns
    ends = np.cumsum(counts)
    parts = []
    total = int(ends[-1]) if len(ends) else 0
    for begin in range(0, total, _AT_ONCE):
        pair = np.arange(begin, min(begin + _AT_ONCE, total))
        outline = np.searchsorted(ends, pair, side="right")
        down, along = np.divmod(pair - (ends - counts)[outline], n_columns[outline])
        row, column = first_row[outline] + down, first_column[outline] + along
        area = _within(
            y[known[outline]], x[known[outline]], y_edges[row], y_edges[row + 1], x_edges[column], x_edges[column + 1]
        )
        parts.append((area, row * columns + column, known[outline]))
    shape = (rows * columns, len(y))
    if not parts:
        return sparse.csr_array(shape)
    areas, places, outlines_of = (np.concatenate(part) for part in zip(*parts, strict=True))
    return sparse.csr_array((areas, (places, outlines_of)), shape=shape)


def means_by_area(
    maps: Float[np.ndarray, "day row column"],
    shared: sparse.csr_array,
    areas: Float[np.ndarray, " cell"],
) -> Float[np.ndarray, "day cell"]:
    """The mean of what each cell shares with those that have a value; missing where that is less than half of its area.

    Args:
        maps: NaN where missing.
        shared: of `shared_areas` with the cells of the maps.
        areas: of the cells that the means are of, in the same unit.
    """
    held = maps.reshape(len(maps), -1).astype(np.float64)  # [day, row * column]
    valid = ~np.isnan(held)
    covered = shared @ valid.T.astype(np.float64)  # [cell, day]
    total = shared @ np.where(valid, held, 0.0).T  # [cell, day]
    enough = covered >= (LEAST_VALID - _ROUNDING) * areas[:, None]
    means = np.where(enough & (covered > 0), total / np.where(covered > 0, covered, 1.0), np.nan)
    return means.T.astype(np.float32)  # [day, cell]


def _touched(
    corners: Float[np.ndarray, "cell corner"], edges: Float[np.ndarray, " edge"]
) -> tuple[np.ndarray, np.ndarray]:
    """The first row, or column, that each outline reaches into, and how many."""
    first = np.searchsorted(edges, corners.min(axis=1), side="right") - 1
    last = np.searchsorted(edges, corners.max(axis=1), side="left") - 1
    first, last = np.maximum(first, 0), np.minimum(last, len(edges) - 2)
    return first, np.maximum(last - first + 1, 0)


def _within(
    y: Float[np.ndarray, "pair corner"],
    x: Float[np.ndarray, "pair corner"],
    low: Float[np.ndarray, " pair"],
    high: Float[np.ndarray, " pair"],
    left: Float[np.ndarray, " pair"],
    right: Float[np.ndarray, " pair"],
) -> Float[np.ndarray, " pair"]:
    """The area of each outline inside of its rectangle.

    By Green's theorem it is the sum over the edges of the area between the edge and the bottom of the rectangle, as far
    as both are between its sides, with the sign of the edge's direction.
    """
    height, next_y, next_x = (high - low)[:, None], np.roll(y, -1, axis=1), np.roll(x, -1, axis=1)
    along = next_x - x
    slope = np.where(along == 0, 0.0, (next_y - y) / np.where(along == 0, 1.0, along))
    begin, end = (np.clip(of, left[:, None], right[:, None]) for of in (x, next_x))
    first, last = (y + (at - x) * slope - low[:, None] for at in (begin, end))  # above the bottom
    rise = last - first
    level = np.abs(rise) < _FLAT * height
    mean = np.where(
        level,
        np.clip((first + last) / 2, 0.0, height),
        (_integral(last, height) - _integral(first, height)) / np.where(level, 1.0, rise),
    )
    area: np.ndarray = np.abs(((end - begin) * mean).sum(axis=1))
    return area


def _integral(y: Float[np.ndarray, "pair corner"], height: Float[np.ndarray, "pair 1"]) -> np.ndarray:
    """The integral from 0 to y of y held between 0 and the height."""
    inside = np.clip(y, 0.0, height)
    held: np.ndarray = inside**2 / 2 + np.maximum(y - height, 0.0) * height
    return held
