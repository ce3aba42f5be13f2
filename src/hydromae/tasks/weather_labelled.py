"""Weather in netCDF or Zarr: series of stations, or maps, over days or over issue times and lead times."""

import logging
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import xarray as xr
from jaxtyping import Float

from hydromae.base.errors import DataError
from hydromae.base.stamps import Clocks, calendar_days, several_a_day
from hydromae.base.station_ids import id_texts, named_stations, require_distinct, respelled
from hydromae.base.units import same_units
from hydromae.prediction.known_data import KnownData
from hydromae.readers.cf_axes import axis_of, coordinate_falls
from hydromae.readers.guard import MAX_CELLS, check_stored, reading
from hydromae.readers.labelled import whole_days, without_single
from hydromae.sources.cleaning import missing_to_nan
from hydromae.sources.regridding import Cells
from hydromae.tasks.weather_maps import Key, Maps, Terms
from hydromae.tasks.weather_places import MapCells

_log = logging.getLogger(__name__)

# What files call the dimension of an ensemble, the last two as ECMWF and CF do.
_MEMBER: Final = ("member", "number", "realization")
_OF_DAYS: Final = ({"time"}, {"issue_time", "lead_time"})
_STEPS: Final = {"step", "forecast_period", "prediction_timedelta"}  # what others call lead times


def is_map(path: Path, dataset: xr.Dataset, name: str) -> bool:
    """Whether a variable is over rows and columns."""
    try:
        return all(axis_of(path, dataset, dataset[name], axis) is not None for axis in ("y", "x"))
    except DataError:
        return False


def series_of(path: Path, variable: xr.DataArray, name: str, data: KnownData, codes: Sequence[float]) -> xr.DataArray:
    """A variable over stations: [time, (member,) station] or [issue_time, lead_time, (member,) station], float32.

    Raises:
        DataError: it has other dimensions or units, or none of the data's stations.
    """
    variable = _with_members(variable)
    variable = without_single(variable, "time", "station", "issue_time", "lead_time")
    if "station" not in variable.dims and len(data.stations) == 1:
        variable = variable.drop_vars("station", errors="ignore").expand_dims(station=list(data.stations))
    dims = set(variable.dims)
    if dims - {"member", "station"} not in _OF_DAYS or "station" not in dims:
        lacking = f", and the data have {len(data.stations)} stations" if "station" not in dims else ""
        raise DataError(
            f"{path}: {name} has dimensions {', '.join(map(str, variable.dims))}{lacking}; give (time, station) or "
            f"(issue_time, lead_time, station), in a table as columns, and member if there are several"
        )
    _require_labels(path, variable, name, dims - {"lead_time"})
    units = data.units[name]
    given = str(variable.attrs.get("units", ""))
    if not same_units(given, units):
        raise DataError(f"{path}: {name} is in {given or 'no unit'}, the run's in {units}; bring it to that unit")
    ids = id_texts(variable["station"].values, str(path))
    require_distinct(ids, f"{path}: {name}")
    spelled = respelled(ids, data.stations, str(path))
    if not set(spelled) & set(data.stations):
        raise DataError(
            f"{path}: has weather of {named_stations(ids)}, and of none of the data's ({', '.join(data.stations[:3])}"
            f"{', ...' if len(data.stations) > 3 else ''}); name the stations as the data do"
        )
    named = _dated(path, variable.assign_coords(station=spelled), name, ("station",))
    aligned = named.reindex(station=list(data.stations)).astype(np.float32)
    values = aligned.values.copy()
    missing_to_nan(values, codes)
    return aligned.copy(data=values)


def maps_of(path: Path, dataset: xr.Dataset, name: str) -> Maps:
    """A variable over rows and columns, read map by map: each is a day.

    Raises:
        DataError: it has other dimensions than (time, y, x) or (issue_time, lead_time, y, x) and members, no unit, or
            declares more cells than any real grid; or it is accumulated over the run.
    """
    variable = dataset[name].reset_coords(drop=True)
    axes = {axis_of(path, dataset, variable, axis): axis for axis in ("y", "x")}
    rows, columns = (variable.sizes[dim] for dim in axes)
    if rows * columns > MAX_CELLS or min(rows, columns) < 2:
        raise DataError(f"{path}: {name} declares {rows} x {columns} cells, not from 2 x 2 to {MAX_CELLS}; cut it")
    if path.is_file():
        check_stored(path, name, variable.shape, 1, path.stat().st_size)
    if not variable.attrs.get("units"):
        raise DataError(f"{path}: {name} has no unit; write it as its attribute units, as mm/d or degC")
    step = variable.attrs.get("GRIB_stepType")
    if step is not None:
        raise DataError(
            f"{path}: {name} was made of GRIB ({step}), whose steps are not days, and does not say any longer where "
            f"each began; give the GRIB file itself, or days without the attribute GRIB_stepType"
        )
    variable = _with_members(variable)
    variable = without_single(variable, *map(str, axes), "time", "issue_time", "lead_time")
    dims = set(variable.dims) - set(axes)
    if dims - {"member"} not in _OF_DAYS:
        hint = ""
        if dims & _STEPS:
            hint = ": issue_time is the last day known, and lead_time 1 the day after it"
        raise DataError(
            f"{path}: {name} has dimensions {', '.join(map(str, variable.dims))}; give (time, y, x) or (issue_time, "
            f"lead_time, y, x), and member if there are several{hint}"
        )
    _require_labels(path, variable, name, dims - {"lead_time"})
    falls = {axis: coordinate_falls(path, dataset[dim]) for dim, axis in axes.items()}
    turned = {"y": not falls["y"], "x": falls["x"]}
    variable = variable.rename(axes)
    cells = _cells(path, dataset, variable, axes, turned)
    dated = _dated(path, variable, name, ("y", "x"))
    leading = {str(dim): dated.indexes[str(dim)] for dim in dated.dims if dim not in ("y", "x")}
    members = tuple(map(str, leading.get("member", ())))
    issued = calendar_days(dated["issue_time"].values) if "issue_time" in leading else np.zeros(0, "datetime64[D]")
    if len(np.unique(issued)) < len(issued):
        raise DataError(f"{path}: {name} has several issue_times on a day; give one, the last day that is known")

    def terms(member: int, issue: np.datetime64, lead: int) -> Terms | None:
        if "time" in leading:
            place = [
                int(leading["time"].get_indexer([(issue + np.timedelta64(lead, "D")).astype("datetime64[ns]")])[0])
            ]
        else:
            if issue not in issued:
                raise DataError(f"{path}: {name} has no issue time {issue}; add it, or choose another")
            place = [int(np.flatnonzero(issued == issue)[0]), int(leading["lead_time"].get_indexer([lead])[0])]
        if min(place) < 0:
            return None
        return [((*place, *((member,) if members else ())), 1.0)]

    def read(key: Key, rows: slice, columns: slice) -> Float[np.ndarray, "row column"]:
        assert isinstance(key, tuple)
        part = {"y": _turned(rows, cells.cells.shape[0], turned["y"])}
        part["x"] = _turned(columns, cells.cells.shape[1], turned["x"])
        with reading(path, f"{name} cannot be read", "copy or download the file again"):
            grid = dated[key].isel(part).values.astype(np.float64)
        return grid[:: -1 if turned["y"] else 1, :: -1 if turned["x"] else 1]

    return Maps(path, name, cells, str(variable.attrs["units"]), members, terms, read, daily=True)


def _turned(part: slice, size: int, turned: bool) -> slice:
    """Where a part of a turned axis lies in the file."""
    first, last, _ = part.indices(size)
    return slice(size - last, size - first) if turned else slice(first, last)


def _cells(
    path: Path, dataset: xr.Dataset, variable: xr.DataArray, axes: dict[Hashable, str], turned: dict[str, bool]
) -> MapCells:
    centres, units = {}, {}
    for dim, axis in axes.items():
        values = np.asarray(dataset[dim].values, np.float64)
        centres[axis] = values[::-1] if turned[axis] else values
        units[axis] = str(dataset[dim].attrs.get("units", ""))
    named = {str(dim).lower() for dim in axes} | {str(dataset[dim].attrs.get("standard_name")) for dim in axes}
    degrees = all(unit.startswith("degree") for unit in units.values())
    geographic = degrees or (not any(units.values()) and bool(named & {"lat", "latitude"}))
    mapping = str(variable.attrs.get("grid_mapping") or variable.encoding.get("grid_mapping") or "").split(":")[0]
    said = dict(dataset[mapping.strip()].attrs) if mapping.strip() in dataset.variables else {}
    system = str(said.get("grid_mapping_name", "latitude_longitude"))
    if degrees and (system != "latitude_longitude" or named & {"grid_latitude", "grid_longitude", "rlat", "rlon"}):
        raise DataError(
            f"{path}: {variable.name} is on degrees of a turned globe (grid_latitude), which are not read; bring it to "
            f"latitude and longitude, as `cdo remapbil` does"
        )
    shape = (len(centres["y"]), len(centres["x"]))
    return MapCells(Cells(shape, centres["y"], centres["x"], geographic), said, units["y"])


def _with_members(variable: xr.DataArray) -> xr.DataArray:
    return variable.rename({dim: "member" for dim in variable.dims if dim in _MEMBER})


def _require_labels(path: Path, variable: xr.DataArray, name: str, dims: set[Hashable]) -> None:
    for dim in dims:
        if dim not in variable.indexes:
            raise DataError(f"{path}: {name} has no values of its coordinate {dim}; give them")
        if dim in ("time", "issue_time") and variable[dim].dtype.kind != "M":
            raise DataError(f"{path}: {name} has a {dim} that is no date; write it in days since 1970-01-01")


def _dated(path: Path, named: xr.DataArray, name: str, places: tuple[str, ...]) -> xr.DataArray:
    """The variable over days, or issue times and lead times in days, then members as text, then places.

    Raises:
        DataError: a day, a lead time, a member or a station is there twice, or a lead time is no whole day.
    """
    order = ("member", *places) if "member" in named.dims else places
    if "member" in named.dims:
        named = named.assign_coords(member=id_texts(named["member"].values, f"{path}: member"))
    clocks, stamps = Clocks(), np.zeros(0, "datetime64[ns]")
    if "lead_time" in named.dims:
        named = named.assign_coords(lead_time=_lead_days(path, named["lead_time"]))
        named = named.transpose("issue_time", "lead_time", *order)
    else:
        named, stamps = named.transpose("time", *order), named["time"].values
        named = named.assign_coords(time=clocks.days_of(stamps).astype("datetime64[ns]"))
        clocks.check(path)
    for dim in named.dims:
        index = named.indexes.get(str(dim))
        if index is not None and not index.is_unique:
            often = several_a_day(stamps[index == index[index.duplicated()][0]]) if dim == "time" else ""
            how = f", the sum for an amount such as rain, else the mean (its values are {often})" if often else ""
            raise DataError(f"{path}: {name} has a {dim} more than once; give one value a day and station{how}")
    for note in clocks.notes("write the local days as time") if "time" in named.dims else ():
        _log.warning("%s: %s: %s", path, name, note)
    return named


def _lead_days(path: Path, leads: xr.DataArray) -> np.ndarray:
    """Lead times in days."""
    units = str(leads.attrs.get("units", "days")).lower()
    if np.issubdtype(leads.dtype, np.timedelta64):
        in_days = whole_days(leads.values / np.timedelta64(1, "D"))
    elif units.startswith("hour") or units == "h":
        in_days = whole_days(leads.values / 24)
    elif units in ("days", "day", "d"):
        in_days = whole_days(leads.values)
    else:
        raise DataError(f"{path}: lead_time is in {units}; give days")
    if (parts := in_days[in_days % 1 != 0]).size:
        raise DataError(f"{path}: has a lead_time of {parts[0]:g} days; give one value for each whole day, 1, 2, ...")
    return in_days
