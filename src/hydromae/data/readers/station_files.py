"""Series of one station each, joined to one array."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from jaxtyping import Float

from hydromae.data.readers.guard import check_series
from hydromae.errors import DataError
from hydromae.station_ids import id_key, id_text, sorted_ids


@dataclass(frozen=True)
class StationFile:
    """One station's file: `days` are datetime64[D] in any order, `values` float32, NaN where missing."""

    path: Path
    station: str
    days: np.ndarray
    values: Float[np.ndarray, "day"]


def join_stations(files: Sequence[StationFile], variable: str) -> xr.DataArray:
    """Stations side by side from the first to the last day of all files.

    Returns:
        float32 [time, station], NaN on days that a station's file lacks; ids sorted as numbers where all are whole
        numbers.

    Raises:
        DataError: a file has no rows or a day twice, or two files hold the same station.
    """
    of_station: dict[str, StationFile] = {}
    keys: dict[str, tuple[str, StationFile]] = {}
    for file in files:
        _check_days(file)
        station = id_text(file.station, str(file.path))
        spelled, other = keys.setdefault(id_key(station), (station, file))
        if other is not file:
            alike = "" if spelled == station else f" under the id {spelled}, which differs in zeros"
            raise DataError(f"{file.path}: holds station {station}, as {other.path} does{alike}; keep one of them")
        of_station[station] = file
    first = min(file.days.min() for file in files)
    last = max(file.days.max() for file in files)
    check_series(files[0].path, int((last - first).astype(np.int64)) + 1, len(of_station))
    time = np.arange(first, last + np.timedelta64(1, "D"))
    ids = sorted_ids(of_station)
    values = np.full((len(time), len(ids)), np.nan, np.float32)  # [time, station]
    for column, station in enumerate(ids):
        file = of_station[station]
        values[(file.days - first).astype(np.int64), column] = file.values
    series = xr.DataArray(
        values,
        dims=("time", "station"),
        coords={"time": time, "station": np.array(ids, object)},
        name=variable,
    )
    series.encoding["source"] = str(files[0].path if len(files) == 1 else files[0].path.parent)
    return series


def _check_days(file: StationFile) -> None:
    if not file.days.size:
        raise DataError(f"{file.path}: has no rows of values; download it again or leave station {file.station} out")
    ordered = np.sort(file.days)
    repeated = ordered[1:][ordered[1:] == ordered[:-1]]
    if repeated.size:
        raise DataError(f"{file.path}: has {repeated[0]} of station {file.station} more than once; keep one row")
