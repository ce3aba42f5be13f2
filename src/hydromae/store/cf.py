"""How a store's dimensions and variables are described after the CF conventions, in memory and in files."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np
import xarray as xr

from hydromae.base.coordinate_columns import coordinate_columns
from hydromae.config import Kind
from hydromae.sources.coordinates import described
from hydromae.store.store import Store

CONVENTIONS: Final = "CF-1.11"
TIME_UNITS: Final = "days since 1970-01-01"
# How days are written; days have no leap seconds.
TIME_ENCODING: Final = {"units": TIME_UNITS, "calendar": "standard", "units_metadata": "leap_seconds: none"}
TIME_ATTRIBUTES: Final = {"standard_name": "time", "long_name": "calendar day", "axis": "T"}
GRID_MAPPING: Final = "crs"
_METRES = ("m", "metre", "metres", "meter", "meters", "km")


def outline(
    store: Store,
    days: np.ndarray,
    kinds: Collection[Kind],
    stations: Sequence[int] | None = None,
    quantiles: Sequence[float] = (),
    attributes: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """A data set of some days and stations of a store that has everything but values.

    Args:
        store: gives the places and their descriptions.
        days: [T] datetime64[D].
        kinds: whether there are grids, series, or both.
        stations: places of the stations in the store; None is all.
        quantiles: levels; empty where there are none.
        attributes: global attributes.
    """
    time = xr.Variable("time", days.astype("datetime64[s]"), TIME_ATTRIBUTES)
    coordinates = {"time": time, **axes(store, kinds)}
    variables: dict[str, xr.Variable] = {}
    if "series" in kinds:
        chosen = np.arange(len(store.station_ids)) if stations is None else np.array(stations, np.int64)
        coordinates |= {"station": coordinates["station"][chosen], **station_places(store, chosen)}
        if store.areas is not None:
            area = {"units": "km2", "long_name": "catchment area; mm/d = m3/s * 86.4 / area"}
            variables["area"] = xr.Variable("station", store.areas[chosen], area)
    if "grid" in kinds and (mapping := source_attributes(store, "grid_mapping")):
        variables[GRID_MAPPING] = xr.Variable((), np.int32(0), mapping)
    if quantiles:
        coordinates["quantile"] = xr.Variable("quantile", np.array(quantiles, np.float64), QUANTILE)
    return xr.Dataset(variables, coordinates, dict(attributes or {}))


QUANTILE: Final = {"units": "1", "long_name": "probability of a value not above"}


def station_places(store: Store, stations: np.ndarray) -> dict[str, xr.Variable]:
    """`latitude` and `longitude` of some stations, and their `station_name`, as far as they are known."""
    places = {
        name: xr.Variable("station", store.attributes[stations, column], place_attributes(name))
        for name, column in coordinate_columns(store.attribute_names).items()
    }
    if store.station_names is not None:
        names = np.array(store.station_names, dtype=object)[stations]
        places["station_name"] = xr.Variable("station", names, STATION_NAME)
    return places


STATION_ID: Final = {"long_name": "station id", "standard_name": "platform_id", "cf_role": "timeseries_id"}
STATION_NAME: Final = {"long_name": "station name", "standard_name": "platform_name"}


def axes(store: Store, kinds: Collection[Kind]) -> dict[str, xr.Variable]:
    """The coordinates of a store's dimensions other than time: y and x where there are grids, station for series."""
    coordinates: dict[str, xr.Variable] = {}
    if "grid" in kinds:
        rows, columns = store.shape
        for axis, given, count in (("y", store.y, rows), ("x", store.x, columns)):
            coordinates[axis] = axis_of(axis, given, count, source_attributes(store, axis))
    if "series" in kinds:
        ids = np.array(store.station_ids, dtype=object)
        coordinates["station"] = xr.Variable("station", ids, STATION_ID)
    return coordinates


def axis_of(axis: str, given: np.ndarray | None, count: int, said: Mapping[str, Any]) -> xr.Variable:
    """The coordinate `y` or `x`, with what the source says about it.

    Where the source gives none, rows and columns are numbered, rows from the last so that north has the larger y.
    Metres are those of a projection. It is an `axis` only where it has a standard name, since CF takes any other axis
    for latitude or longitude.
    """
    if given is None:
        given, said = np.arange(count)[:: -1 if axis == "y" else 1], {"long_name": f"{axis} index", "units": "1"}
    # float64 also where they are numbers of rows, for GIS tools that take no 64-bit integers as coordinates
    values = np.asarray(given, np.float64)
    attributes = {"long_name": f"{axis} as in the source", **said}
    attributes.pop("axis", None)
    if attributes.get("units") in _METRES:
        attributes.setdefault("standard_name", f"projection_{axis}_coordinate")
    if "standard_name" in attributes:
        attributes["axis"] = axis.upper()
    return xr.Variable(axis, values, attributes)


def source_attributes(store: Store, name: str) -> dict[str, Any]:
    """What the sources say of `y`, `x` or `grid_mapping`, units and standard_name among it; empty where they do not."""
    return described(store.coordinates.get(name, {}))


def variable_attributes(store: Store, name: str) -> dict[str, Any]:
    """Units and long_name of a modality, and standard_name, cell_methods and grid_mapping where they are known."""
    units, standard_name = store.units(name), store.standard_name(name)
    attributes = {"units": units, "long_name": store.long_name(name), **named(standard_name), **over_the_day(units)}
    if store.kind(name) == "grid" and source_attributes(store, "grid_mapping"):
        attributes["grid_mapping"] = GRID_MAPPING
    return attributes


def flag_attributes(long_name: str, meanings: Sequence[str]) -> dict[str, Any]:
    """What the numbers of a flag mean, from 0."""
    return {
        "long_name": long_name,
        "flag_values": np.arange(len(meanings), dtype=np.int8),
        "flag_meanings": " ".join(meanings),
    }


def named(standard_name: str) -> dict[str, str]:
    """The standard name, and what CF requires of a temperature; nothing where there is no name."""
    if not standard_name:
        return {}
    of_temperature = {"units_metadata": "temperature: on_scale"} if standard_name.endswith("temperature") else {}
    return {"standard_name": standard_name, **of_temperature}


def over_the_day(units: str) -> dict[str, str]:
    """`cell_methods` of daily values: a rate is a mean, a depth a sum; for a state it is not known."""
    if re.search(r"/|-1", units):
        return {"cell_methods": "time: mean"}
    return {"cell_methods": "time: sum"} if units.strip() == "mm" else {}


def place_attributes(name: str) -> dict[str, str]:
    """units, standard_name and long_name of a station's `latitude` or `longitude`."""
    units = "degrees_north" if name == "latitude" else "degrees_east"
    return {"units": units, "standard_name": name, "long_name": f"station {name}"}
