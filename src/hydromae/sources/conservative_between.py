"""Means over the area that cells of one system of coordinates share with cells of another."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy import sparse

from hydromae.sources.regridding import Cells, edges
from hydromae.sources.shared_areas import means_by_area, outlines, shared_areas

_CELLS = 50_000  # whose outlines are held at once

Places = Float[np.ndarray, "*place"]


def conservative_between(
    cells: Cells,
    target: Cells,
    seen: tuple[Float[np.ndarray, "row column"], Float[np.ndarray, "row column"]],
    moved: Callable[[Places, Places], tuple[Places, Places]],
    degrees: tuple[bool, bool],
) -> Callable[[Float[np.ndarray, "day row column"]], Float[np.ndarray, "day cell"]]:
    """How maps become means over the cells of the target, row by row.

    The cells' outlines are taken to the system of the target and cut by its cells exactly, so that what an area holds
    is neither lost nor counted twice. Areas are those in the plane of the target's system; where that is in degrees,
    those on the sphere, since rows are taken by the sine of their latitude.

    Args:
        cells: of the maps; two or more rows and columns, with coordinates.
        target: likewise.
        seen: y and x of the centres of the target's cells in the system of the cells; not finite where that ends.
        moved: takes y and x from the system of the cells to that of the target.
        degrees: whether the system of the cells, and that of the target, is in degrees.
    """
    assert cells.y is not None and cells.x is not None and target.y is not None and target.x is not None
    rows, columns = (_near(centres, places) for centres, places in ((-cells.y, -seen[0]), (cells.x, seen[1])))
    y_edges, x_edges = edges(-cells.y), edges(cells.x)  # rows run from the north, so what grows is their negative
    if degrees[0]:
        y_edges = np.clip(y_edges, -90, 90)
    y_edges, x_edges = y_edges[rows.start : rows.stop + 1], x_edges[columns.start : columns.stop + 1]
    down, along = edges(-target.y), edges(target.x)
    middle = (along[0] + along[-1]) / 2
    if degrees[1]:
        down = np.sin(np.radians(np.clip(down, -90, 90)))
    parts, step = [], max(1, _CELLS // (len(x_edges) - 1))
    for begin in range(0, len(y_edges) - 1, step):
        y, x = outlines(-y_edges[begin : begin + step + 1], x_edges)  # [cell, corner]
        y, x = moved(y, x)
        if degrees[1]:
            x = middle - 180 + (x - middle + 180) % 360
            x = np.where(np.ptp(x, axis=1, keepdims=True) > 180, np.nan, x)  # opposite, where degrees begin anew
            y = np.sin(np.radians(y))
        parts.append(shared_areas(-y, x, down, along))
    shared = sparse.hstack(parts, format="csr")
    areas = np.outer(np.diff(down), np.diff(along)).ravel()
    return lambda maps: means_by_area(maps[:, rows, columns], shared, areas)


def _near(centres: Float[np.ndarray, " cell"], places: Float[np.ndarray, "row column"]) -> slice:
    """The rows or columns of cells that may reach into the cells around some places.

    Beyond the outermost places lies half of a cell of theirs, which is no longer than the longest step between two.
    """
    known = np.where(np.isfinite(places), places, np.nan)
    beyond = max(float(np.nanmax(np.abs(np.diff(known, axis=axis)))) for axis in (0, 1))
    first, last = np.nanmin(known) - beyond, np.nanmax(known) + beyond
    begin, end = np.searchsorted(edges(centres), [first, last]).tolist()
    return slice(min(max(begin - 2, 0), len(centres) - 1), min(end + 1, len(centres)))
