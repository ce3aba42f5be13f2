"""Series of one station each, joined into one array."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import xarray as xr
from jaxtyping import Float

from hydromae.base.errors import DataError
from hydromae.base.stamps import Clocks, more_than_once
from hydromae.base.station_ids import id_key, id_text, sorted_ids
from hydromae.readers.guard import check_series

STATION_NAME: Final = "station_name"  # coordinate of a series whose files say what its stations are called


@dataclass(frozen=True)
class StationFile:
    """One station's file: `stamps` are datetime64 in any order, `values` float32, NaN where missing."""

    path: Path
    station: str
    stamps: np.ndarray
    values: Float[np.ndarray, "day"]


def join_stations(files: Sequence[StationFile], variable: str) -> xr.DataArray:
    """Stations side by side from the first to the last day of all files.

    Returns:
        float32 [time, station], NaN on days that a station's file lacks; ids sorted as numbers where all are whole
        numbers; `notes` says at what times of day the stamps are.

    Raises:
        DataError: a file has no rows or a day twice, or two files hold the same station.
    """
    of_station: dict[str, StationFile] = {}
    keys: dict[str, tuple[str, StationFile]] = {}
    days: dict[str, np.ndarray] = {}
    clocks = Clocks()
    for file in files:
        station = id_text(file.station, str(file.path))
        days[station] = _days(file, clocks)
        spelled, other = keys.setdefault(id_key(station), (station, file))
        if other is not file:
            alike = "" if spelled == station else f" under the id {spelled}, which differs in zeros"
            raise DataError(f"{file.path}: holds station {station}, as {other.path} does{alike}; keep one of them")
        of_station[station] = file
    where = files[0].path if len(files) == 1 else files[0].path.parent
    clocks.check(where, "date")
    first = min(held.min() for held in days.values())
    last = max(held.max() for held in days.values())
    check_series(files[0].path, int((last - first).astype(np.int64)) + 1, len(of_station))
    time = np.arange(first, last + np.timedelta64(1, "D"))
    ids = sorted_ids(of_station)
    values = np.full((len(time), len(ids)), np.nan, np.float32)  # [time, station]
    for column, station in enumerate(ids):
        values[(days[station] - first).astype(np.int64), column] = of_station[station].values
    series = xr.DataArray(
        values,
        dims=("time", "station"),
        coords={"time": time, "station": np.array(ids, object)},
        name=variable,
        attrs={"notes": clocks.notes(), "clocks": clocks.minutes},
    )
    series.encoding["source"] = str(where)
    return series


def _days(file: StationFile, clocks: Clocks) -> np.ndarray:
    """The days of a file; the times of day of its stamps are added to `clocks`."""
    if not file.stamps.size:
        raise DataError(f"{file.path}: has no rows of values; download it again or leave station {file.station} out")
    own = Clocks()
    days = own.days_of(file.stamps)
    own.check(file.path, "date")
    clocks.add(own)
    ordered = np.sort(days)
    repeated = ordered[1:][ordered[1:] == ordered[:-1]]
    if repeated.size:
        twice = file.stamps[days == repeated[0]]
        raise more_than_once(file.path, f"{repeated[0]} of station {file.station}", twice)
    return days
