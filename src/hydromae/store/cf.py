"""How a store's dimensions and variables are described after the CF conventions, in memory and in files."""

from collections.abc import Collection
from typing import Any, Final

import numpy as np
import xarray as xr

from hydromae.config import Kind
from hydromae.sources.coordinates import described
from hydromae.store.store import Store

CONVENTIONS: Final = "CF-1.11"
TIME_UNITS: Final = "days since 1970-01-01"
GRID_MAPPING: Final = "crs"


def axes(store: Store, kinds: Collection[Kind]) -> dict[str, xr.Variable]:
    """The coordinates of a store's dimensions other than time: y and x where there are grids, station for series.

    A grid whose source gave no coordinates is numbered, rows downwards, so that north has the larger y.
    """
    found: dict[str, xr.Variable] = {}
    if "grid" in kinds:
        rows, columns = store.shape
        for axis, given, count in (("y", store.y, np.arange(rows)[::-1]), ("x", store.x, np.arange(columns))):
            if given is None:
                attributes = {"long_name": f"{axis} index", "units": "1"}
            else:
                attributes = {"long_name": f"{axis} as in the source", **source_attributes(store, axis)}
            # float64 also where they are numbers of rows, for GIS tools that take no 64-bit integers as coordinates
            values = np.asarray(count if given is None else given, np.float64)
            found[axis] = xr.Variable(axis, values, {**attributes, "axis": axis.upper()})
    if "series" in kinds:
        ids = np.array(store.station_ids, dtype=object)
        found["station"] = xr.Variable("station", ids, {"long_name": "station id", "cf_role": "timeseries_id"})
    return found


def source_attributes(store: Store, name: str) -> dict[str, Any]:
    """What the sources say of `y`, `x` or `grid_mapping`, units and standard_name among it; empty where they do not."""
    return described(store.coordinates.get(name, {}))


def variable_attributes(store: Store, name: str) -> dict[str, Any]:
    """units, long_name, and standard_name and grid_mapping where there are such, of a modality."""
    attributes = {"units": store.units(name), "long_name": store.long_name(name)}
    if store.standard_name(name):
        attributes["standard_name"] = store.standard_name(name)
    if store.kind(name) == "grid" and source_attributes(store, "grid_mapping"):
        attributes["grid_mapping"] = GRID_MAPPING
    return attributes


def place_attributes(name: str) -> dict[str, str]:
    """units, standard_name and long_name of a station's `latitude` or `longitude`."""
    units = "degrees_north" if name == "latitude" else "degrees_east"
    return {"units": units, "standard_name": name, "long_name": f"station {name}"}
