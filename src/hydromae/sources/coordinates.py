"""What files say of their coordinates, after the CF conventions, as JSON can hold it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

# What a file says about how it stores a coordinate, not about the coordinate.
_STORAGE = {"_FillValue", "missing_value", "bounds", "scale_factor", "add_offset", "coordinates", "grid_mapping"}


def coordinates_of(grid: xr.DataArray) -> dict[str, dict[str, Any]]:
    """What a reader's grid says of its `y`, `x` and `grid_mapping`, as JSON can hold it; absent where it says nothing.

    Args:
        grid: [time, y, x]; its attribute `grid_mapping_attrs` holds those of the projection.
    """
    said = {axis: described(grid[axis].attrs) for axis in ("y", "x") if axis in grid.coords}
    said["grid_mapping"] = described(grid.attrs.get("grid_mapping_attrs", {}))
    return {name: attributes for name, attributes in said.items() if attributes}


def described(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as text, numbers and lists of numbers, without those about how a file stores the coordinate."""
    plain = {key: v.tolist() if isinstance(v, np.ndarray | np.generic) else v for key, v in attributes.items()}
    return {
        str(key): value
        for key, value in plain.items()
        if key not in _STORAGE
        and not isinstance(value, bool)
        and (isinstance(value, str | int | float) or _is_numbers(value))
    }


def _is_numbers(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(number, int | float) for number in value)
