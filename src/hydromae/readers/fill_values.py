"""Which values of netCDF and Zarr mean missing: by their attributes, and in Zarr by the fill value of their chunks."""

import warnings
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import xarray as xr

_CODES = ("_FillValue", "missing_value")


def masked(raw: xr.Dataset, filled: Mapping[Hashable, object] | None = None) -> xr.Dataset:
    """The data set whose missing codes become NaN and whose packed values are unpacked when they are read.

    Coordinates and bounds are never masked by 0 or by what chunks are filled with: 0 is a longitude, and day 0 a day.

    Args:
        raw: opened with values as they are stored, times undecoded; in `_FillValue` only what the attributes say.
        filled: variable -> the number that Zarr version 2 gives where a chunk is absent. xarray writes its code for
            missing values there, but other programs write 0 by default; so 0 means missing only where an attribute
            repeats it.
    """
    places = _coordinates(raw)
    for name, variable in raw.variables.items():
        if variable.dtype.kind not in "iuf":
            continue
        codes = {key: _numbers(variable.attrs[key]) for key in _CODES if key in variable.attrs}
        said = np.concatenate([*codes.values(), np.zeros(0)])
        if name in places:
            for key, numbers in codes.items():
                if (numbers == 0).any():
                    del variable.attrs[key]
            continue
        fill = _numbers((filled or {}).get(name))
        fill = fill[(fill != 0) | np.isin(fill, said)]
        if fill.size and "_FillValue" not in codes:
            variable.attrs["_FillValue"] = variable.dtype.type(fill[0])
        elif fill.size and not np.isin(fill, said).all():
            also = [*codes.get("missing_value", ()), *fill]
            variable.attrs["missing_value"] = np.array(also, variable.dtype)
    with warnings.catch_warnings():  # that there are several codes is no fault
        warnings.filterwarnings("ignore", "(?s).*has multiple fill values", xr.SerializationWarning)
        return xr.decode_cf(raw, decode_times=False, decode_timedelta=False)


def _coordinates(data: xr.Dataset) -> set[Hashable]:
    """The coordinates of a data set, and the bounds of their cells."""
    bounds = {item.attrs.get("bounds") for item in data.variables.values()}
    return {*data.coords, *data.dims, *(name for name in bounds if name is not None)}


def _numbers(value: Any) -> np.ndarray:
    """One or several numbers, float64; an empty array for None and for what is no number."""
    if value is None:
        return np.zeros(0)
    try:
        return np.atleast_1d(np.asarray(value, np.float64)).ravel()
    except (TypeError, ValueError):
        return np.zeros(0)
