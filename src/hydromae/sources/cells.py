"""The cells of a grid as it is read: where they lie, which way its rows run, and how they become other cells."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from jaxtyping import Float

from hydromae.base.errors import DataError
from hydromae.config import ModalityConfig
from hydromae.readers.coordinates import same_centres
from hydromae.sources.regridding import Cells

_LATITUDE = {"latitude", "degrees_north", "degree_north"}


@dataclass(frozen=True)
class Regrid:
    """How maps of a source become maps on the target's cells.

    Attributes:
        rule: the configured rule.
        target: the cells of what comes out.
        apply: float32 [day, row, column], NaN where missing -> the same on the target's cells.
    """

    rule: str
    target: Cells
    apply: Callable[[Float[np.ndarray, "day row column"]], Float[np.ndarray, "day new_row new_column"]]


def cells_of(values: xr.DataArray) -> Cells:
    """The cells of a reader's grid [time, y, x]."""
    y, x = (np.asarray(values[axis].values, np.float64) if axis in values.coords else None for axis in ("y", "x"))
    geographic = "y" in values.coords and bool(_LATITUDE & {str(text) for text in values["y"].attrs.values()})
    _, height, width = values.shape
    return Cells((height, width), y, x, geographic)


def north_first(values: xr.DataArray, name: str, settings: ModalityConfig, path: Path) -> xr.DataArray:
    """A reader's grid with its rows from the north and its columns from the west, and a note where they were turned.

    A coordinate says which way they run; without one `row_order` says it of the rows, and columns are from the west.

    Raises:
        DataError: a coordinate neither grows nor falls.
    """
    turned = []
    for axis, falls, what in (("y", True, "rows"), ("x", False, "columns")):
        if axis in values.coords and values.sizes[axis] > 1:
            steps = np.diff(values[axis].values)
            if not ((steps > 0).all() or (steps < 0).all()):
                raise DataError(
                    f"{path}: its {axis} neither grows nor falls throughout; write the {what} of {name} in order"
                )
            if bool(steps[0] < 0) != falls:
                values = values.isel({axis: slice(None, None, -1)})
                turned.append(f"{what} were turned, as {axis} says they run from the {'south' if falls else 'east'}")
        elif axis == "y" and axis not in values.coords and settings.row_order == "south_first":
            values = values.isel({axis: slice(None, None, -1)})
            turned.append("rows from the south were turned, as row_order says")
    if turned:
        values.attrs["notes"] = (*values.attrs.get("notes", ()), *turned)
    return values


def same_cells(cells: Cells, other: Cells) -> bool:
    """Whether the shapes are equal and, where both say where their cells lie, the centres too."""
    if cells.shape != other.shape:
        return False
    return all(a is None or b is None or same_centres(a, b) for a, b in ((cells.y, other.y), (cells.x, other.x)))
