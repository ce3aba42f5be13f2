"""Where the cells of the grids lie: as their files say, and where these say nothing, as the configuration does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyproj import CRS

from hydromae.base.errors import DataError
from hydromae.config.grid import GridConfig
from hydromae.sources.coordinates import coordinates_of, described
from hydromae.sources.source import Source

_AXES = ("y", "x")


@dataclass(frozen=True)
class GridPlaces:
    """Coordinates of the cells that all grids are on.

    Attributes:
        y: of the rows, from the north; None where nothing says it.
        x: of the columns, from the west; None likewise.
        coordinates: what is known of `y`, `x` and `grid_mapping`, as CF has it.
    """

    y: tuple[float, ...] | None
    x: tuple[float, ...] | None
    coordinates: dict[str, dict[str, Any]]


def grid_places(grids: Sequence[Source], given: GridConfig) -> GridPlaces:
    """Where the cells lie that all grids are on, from the first that knows them.

    Args:
        grids: on the same cells.
        given: of the configuration.

    Raises:
        DataError: the configuration and a file both say where the cells lie.
    """
    axes = {axis: _of_files(grids, axis) for axis in _AXES}
    said = (coordinates_of(grid.pieces[0].values) for grid in grids if grid.regrid is None)
    coordinates = next(filter(None, said), {})
    for axis, extent in zip(_AXES, grids[0].cells.shape if grids else (), strict=False):
        centres = getattr(given, axis)
        if centres is None:
            continue
        if (of_files := axes[axis]) is not None:
            raise DataError(
                f"{grids[0].pieces[0].path}: the files say themselves where the cells of the grids lie in {axis}, from "
                f"{of_files[0]:g} on; take data.grid.{axis} out"
            )
        axes[axis] = tuple((centres[0] + centres[1] * np.arange(extent)).tolist())
    if given.crs is not None:
        coordinates = {**coordinates, **_of_system(CRS.from_user_input(given.crs))}
    return GridPlaces(axes["y"], axes["x"], coordinates)


def _of_files(grids: Sequence[Source], axis: str) -> tuple[float, ...] | None:
    centres = next((of for grid in grids if (of := getattr(grid.cells, axis)) is not None), None)
    return None if centres is None else tuple(centres.tolist())


def _of_system(crs: CRS) -> dict[str, dict[str, Any]]:
    """What CF says of the axes and the mapping of a coordinate reference system."""
    by_axis = {axis["axis"]: {key: axis[key] for key in ("standard_name", "units")} for axis in crs.cs_to_cf()}
    return {
        "grid_mapping": described(crs.to_cf()),
        "y": {**by_axis["Y"], "long_name": by_axis["Y"]["standard_name"].replace("_", " ")},
        "x": {**by_axis["X"], "long_name": by_axis["X"]["standard_name"].replace("_", " ")},
    }
