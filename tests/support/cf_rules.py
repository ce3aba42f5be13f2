"""What every netCDF file of the package has to say after the CF conventions, as a table of rules."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5netcdf
import numpy as np

Attributes = dict[str, Any]
Rule = Callable[[str, tuple[str, ...], Attributes, set[str]], bool]

# Of a file: what its global attributes must be, given the dimensions.
_GLOBAL: dict[str, Callable[[Attributes, set[str]], bool]] = {
    "Conventions is CF-1.11": lambda said, dims: said.get("Conventions") == "CF-1.11",
    "history says who wrote it": lambda said, dims: "written by hydromae" in said.get("history", ""),
    "title is there": lambda said, dims: bool(said.get("title")),
    "source is there": lambda said, dims: bool(said.get("source")),
    "featureType of series only": lambda said, dims: (
        ("featureType" in said) == ({"time", "station"} <= dims and "y" not in dims)
        and said.get("featureType", "timeSeries") == "timeSeries"
    ),
}


def _is_time(said: Attributes) -> bool:
    return " since " in said.get("units", "")


# Of a variable: a rule holds, given its name, dimensions, attributes and which names are coordinates.
_RULES: dict[str, Rule] = {
    "has a name in words": lambda name, dims, said, places: (
        "long_name" in said or "standard_name" in said or said["dtype"].kind == "O"
    ),
    "a coordinate has no fill": lambda name, dims, said, places: name not in places or "_FillValue" not in said,
    "days are CF times": lambda name, dims, said, places: (
        not _is_time(said) or (said.get("calendar"), said.get("units_metadata")) == ("standard", "leap_seconds: none")
    ),
    "time is the axis T": lambda name, dims, said, places: (
        name != "time" or (said.get("axis"), said.get("standard_name")) == ("T", "time")
    ),
    "projected x and y are axes": lambda name, dims, said, places: (
        not said.get("standard_name", "").startswith("projection_") or said.get("axis") == name.upper()
    ),
    "stations are named by a role": lambda name, dims, said, places: (
        name != "station" or said.get("cf_role") == "timeseries_id"
    ),
    "stations are placed": lambda name, dims, said, places: (
        "station" not in dims
        or name in places
        or {"latitude", "longitude"} & places <= set(said.get("coordinates", "").split())
    ),
    "a station's name is beside its id": lambda name, dims, said, places: (
        "station" not in dims
        or name in places
        or "station_name" not in places
        or "station_name" in said.get("coordinates", "").split()
    ),
    "rates are means over the day": lambda name, dims, said, places: (
        not {"time", "issue_time"} & set(dims)
        or said.get("units") not in ("m3/s", "mm/d")
        or said.get("cell_methods") == "time: mean"
    ),
    "flags are explained": lambda name, dims, said, places: (
        not name.endswith(("_flag", "_state")) or {"flag_values", "flag_meanings"} <= said.keys()
    ),
    "float values say what is missing": lambda name, dims, said, places: (
        name in places or said["dtype"].kind != "f" or np.isnan(said.get("_FillValue", 0))
    ),
}


def broken_rules(path: Path) -> list[str]:
    """A sentence for each rule that a file breaks."""
    with h5netcdf.File(path, "r") as file:
        dims = set(file.dimensions)
        places = dims | {"latitude", "longitude", "station_name"} & set(file.variables)
        for variable in file.variables.values():
            places |= set(str(variable.attrs.get("coordinates", "")).split())
        broken = [rule for rule, holds in _GLOBAL.items() if not holds(dict(file.attrs), dims)]
        for name, variable in file.variables.items():
            said = {**variable.attrs, "dtype": np.dtype(variable.dtype)}
            if "grid_mapping_name" in said:
                continue
            about = (name, variable.dimensions, said, places)
            broken += [f"{name}: {rule}" for rule, holds in _RULES.items() if not holds(*about)]
            absent = set(str(said.get("ancillary_variables", "")).split()) - set(file.variables)
            broken += [f"{name}: names {other}, which is not there" for other in absent]
    return broken
