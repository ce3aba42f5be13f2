"""Series as netCDF and Zarr have them: a variable over time and stations, in either order, and the stations' ids."""

import difflib
from collections.abc import Hashable
from pathlib import Path

import numpy as np
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.base.station_ids import id_texts, require_distinct, sorted_ids
from hydromae.readers.cf_axes import Opened, known_axes, numeric_variables, squeezed, time_axis, times_of
from hydromae.readers.cf_time import is_time
from hydromae.readers.guard import MAX_A_DAY, check_memory, check_series, check_stored, reading
from hydromae.readers.station_files import STATION_NAME
from hydromae.readers.time_rules import TimeRules

_PLACES = ("station", "gauge", "basin", "catchment", "site", "gage", "platform")
# Names of ids, the surest first; of those of one row there may be one, unless they hold the same.
_IDS = (
    {"station_id", "gauge_id", "id", "stationid", "gaugeid", "basin_id", "catchment_id", "site_id", "gage_id"},
    {*_PLACES, *(f"{place}s" for place in _PLACES), "station_number", "gauge_number", "station_code", "gauge_code"},
)
_NAMES = ("station_name", "gauge_name", "name")
_USUAL = "ID"  # of the key id_column, where nobody has set it
_READ = 2**27  # bytes of float64 values that are read at once


def cf_series(
    opened: Opened,
    variable: str | None,
    id_column: str = _USUAL,
    rules: TimeRules = TimeRules(),  # noqa: B008  (it is frozen)
    read: bool = True,
) -> xr.DataArray:
    """The series of an opened data set; fill values become NaN, packed values are unpacked.

    Args:
        opened: the data set.
        variable: the variable over time and stations, in either order; None takes the only one. Further dimensions of
            one entry are dropped.
        id_column: the variable that holds the ids, texts or numbers; where there is none of this name, the one with the
            cf_role timeseries_id, or else a usual name, as station_id, gauge_id or station.
        rules: how its times are taken.
        read: False only looks at what there is: all values are NaN and take no memory.

    Returns:
        float32 [time, station]; `time` holds the days of the file, or by `rules` moments, with the coordinate `begins`
        where the file has bounds of time. Ids are text, sorted as numbers where all are whole numbers; names
        of stations, where the file has them, are the coordinate `station_name`. The variable's attributes are kept, and
        `notes` says what was done to stamps and which hours a value covers.

    Raises:
        DataError: the variable, its time or its ids are absent or unclear, an id is blank or twice, the calendar is not
            the usual one, days are repeated or unordered, or more is declared than any real record has.
    """
    path, data = opened.path, opened.data
    values = _variable(path, data, variable)
    time = time_axis(path, data, values)
    stations = next(dim for dim in values.dims if dim != time)
    count = values.sizes[stations]
    steps = MAX_A_DAY if rules.sub_daily else 1
    check_series(path, -(-values.sizes[time] // steps), count * steps)
    check_stored(path, values.name, values.shape, 1, opened.stored)
    if read:
        check_memory(path, 4 * values.size)
    times = times_of(path, data, values, rules, allow_absent_days=True, each="values")
    ids = _ids(path, data, _id_variable(path, data, str(values.name), stations, id_column))
    place = {station: column for column, station in enumerate(ids)}
    ordered = sorted_ids(ids)
    order = np.array([place[station] for station in ordered])
    held = np.broadcast_to(np.float32(np.nan), (len(times.kept), count))
    if read:
        with reading(path, f"{values.name} cannot be read"):
            held = _read(opened, values, time)[np.ix_(times.kept, order)]  # [time, station]
    series = xr.DataArray(
        held,
        dims=("time", "station"),
        coords={"time": times.time, "station": np.array(ordered, object)},
        name=str(values.name),
        attrs={**values.attrs, "notes": (*times.notes, *opened.notes), "clocks": times.clocks},
    )
    if times.begins is not None:
        series = series.assign_coords(begins=("time", times.begins))
    if (names := _names(data, stations)) is not None:
        series = series.assign_coords({STATION_NAME: ("station", names[order])})
    series.encoding["source"] = str(path)
    return series


def series_variables(data: xr.Dataset) -> list[str]:
    """The numeric variables over time and one more dimension, which is neither y nor x, without bounds."""
    return [str(item.name) for item in numeric_variables(data) if _is_series(data, _squeezed(data, item))]


def identified(data: xr.Dataset) -> dict[str, tuple[int, ...]]:
    """The shapes of the variables over time and stations whose ids can be found."""
    found = {}
    for name in series_variables(data):
        values = _squeezed(data, data[name])
        (stations,) = set(values.dims) - {_time(data, values)}
        if _candidates(data, stations):
            found[name] = values.shape
    return found


def _squeezed(data: xr.Dataset, values: xr.DataArray) -> xr.DataArray:
    return squeezed(data, values, 2, *(dim for dim in values.dims if _candidates(data, dim)))


def _time(data: xr.Dataset, values: xr.DataArray) -> Hashable | None:
    return next((dim for dim in values.dims if dim in data.variables and is_time(data[dim])), None)


def _is_series(data: xr.Dataset, values: xr.DataArray) -> bool:
    return values.ndim == 2 and _time(data, values) is not None and len(known_axes(data, values)) == 1


def _variable(path: Path, data: xr.Dataset, name: str | None) -> xr.DataArray:
    series = series_variables(data)
    if not series:
        raise DataError(
            f"{path}: has no variable over time and stations; write it over these two, with the ids of the stations as "
            f"a variable station_id, or set the modality's kind to grid where it holds maps"
        )
    listed = ", ".join(series[:10])
    if name is None and len(series) != 1:
        raise DataError(
            f"{path}: has {len(series)} variables over time and stations ({listed}), not one; "
            f"name one with the modality's key variable"
        )
    name = name or series[0]
    if name not in series:
        near = difflib.get_close_matches(name, series, n=1)
        hint = f"did you mean {near[0]}?" if near else "name one of those with the modality's key variable"
        raise DataError(f"{path}: has no variable {name} over time and stations, only {listed}; {hint}")
    values = _squeezed(data, data[name])
    if 0 in values.shape:
        raise DataError(f"{path}: {name} has shape {values.shape}; none of its dimensions may be empty")
    return values


def _candidates(data: xr.Dataset, stations: Hashable) -> list[str]:
    """The variables over the stations that may be their ids, the surest ones only."""
    along = [str(name) for name, item in data.variables.items() if item.dims == (stations,) and item.dtype.kind != "M"]
    if marked := [name for name in along if data[name].attrs.get("cf_role") == "timeseries_id"]:
        return marked
    for usual in _IDS:
        if named := [name for name in along if name.lower() in usual]:
            return named
    return []


def attributes_of_stations(path: Path, data: xr.Dataset, id_column: str) -> dict[str, list[str]]:
    """The variables over only the stations as columns of text, blank where missing; the ids are under `id_column`.

    Args:
        path: where the data set is, for messages.
        data: opened.
        id_column: the variable of the ids; where there is none of this name it is found as `cf_series` finds it.

    Raises:
        DataError: it is unclear which dimension or variable is that of the stations, or an id is blank or twice.
    """
    asked = data.variables.get(id_column)
    dims = asked.dims if asked is not None else [dim for dim in data.dims if _candidates(data, dim)]
    if len(dims) != 1:
        raise DataError(
            f"{path}: has {len(dims)} dimensions that may be that of the stations; name the variable of their ids in "
            f"data.attributes.id"
        )
    name = id_column if asked is not None else _id_variable(path, data, "its attributes", dims[0], _USUAL)
    columns = {id_column: _ids(path, data, name)}
    for other, item in data.variables.items():
        if item.dims == tuple(dims) and str(other) not in (name, id_column) and item.dtype.kind in "iufOSU":
            with reading(path, f"{other} cannot be read"):
                columns[str(other)] = [_text(value) for value in item.values.tolist()]
    return columns


def _text(value: object) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return "" if value is None or value != value else text.strip("\0 ")  # NaN is unlike itself


def _ids(path: Path, data: xr.Dataset, name: str) -> list[str]:
    where = f"{path}: {name}"
    with reading(path, f"the ids in {name} cannot be read"):
        ids = id_texts(data[name].values, where)
    require_distinct(ids, where)
    return ids


def _id_variable(path: Path, data: xr.Dataset, of: str, stations: Hashable, asked: str) -> str:
    along = [str(name) for name, item in data.variables.items() if item.dims == (stations,)]
    if asked in along:
        return asked
    found = _candidates(data, stations)
    listed = ", ".join(along) or "none"
    if asked != _USUAL:
        raise DataError(
            f"{path}: has no variable {asked} over {stations}, only {listed}; correct the modality's key id_column"
        )
    if not found:
        raise DataError(
            f"{path}: no variable over {stations} is named as ids of the stations of {of} usually are "
            f"(station_id, gauge_id, station, ...); name it with the modality's key id_column (there are: {listed})"
        )
    if any(not np.array_equal(data[name].values, data[found[0]].values) for name in found[1:]):
        raise DataError(
            f"{path}: {' and '.join(found)} may be the ids of the stations of {of}; name one with the "
            f"modality's key id_column"
        )
    return found[0]


def _names(data: xr.Dataset, stations: Hashable) -> np.ndarray | None:
    """What stations are called, where a variable of texts over them has a usual name."""
    for name in _NAMES:
        if name in data.variables and data[name].dims == (stations,) and data[name].dtype.kind in "OSU":
            return np.array([_text(value) for value in data[name].values.tolist()], object)
    return None


def _read(opened: Opened, values: xr.DataArray, time: Hashable) -> np.ndarray:
    """All values, float32 [time, station], some at a time along the first dimension of the file."""
    along = values.dims.index(time)
    opened.before(str(values.name), range(values.sizes[time]), opened.data[values.name].dims.index(time))
    read = np.empty(values.shape, np.float32)
    chunks = values.encoding.get("chunksizes") or values.encoding.get("chunks") or (1,)
    size = max(1, _READ // (8 * max(values.shape[1], 1)))
    whole = max(size // chunks[0], 1) * chunks[0]  # of chunks, none of which is unpacked twice
    with np.errstate(all="ignore"):  # beyond float32 becomes inf, which is found and named later
        for begin in range(0, values.shape[0], whole):
            read[begin : begin + whole] = values[begin : begin + whole].values
    return read if along == 0 else np.ascontiguousarray(read.T)  # [time, station]
