"""Looks at the files of a grid: variables, days and cells."""

import calendar
import re
from datetime import date
from pathlib import Path, PurePosixPath

import xarray as xr

from hydromae.base.errors import DataError
from hydromae.config import ModalityConfig
from hydromae.init.found import Candidate, LeftOut, as_date
from hydromae.readers.cf_grid import grid_variables
from hydromae.readers.hdf5_file import data_sets, open_hdf5
from hydromae.readers.hdf5_grid import DATES
from hydromae.readers.netcdf_file import open_netcdf
from hydromae.readers.reader import Reader, Request
from hydromae.readers.zarr_store import open_zarr_store

_YEARS = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)(?!\d)")


def look_at_grid(path: Path, given: str, reader: Reader) -> tuple[list[Candidate], list[LeftOut]]:
    """Every variable over time, y and x, and those that the reader cannot read.

    Args:
        path: the file or folder.
        given: the same path as the configuration will name it.
        reader: the reader of the file.

    Returns:
        Its candidates; none where nothing in it has three dimensions.

    Raises:
        DataError: none of them can be read.
    """
    candidates: list[Candidate] = []
    failures: list[tuple[str | None, DataError]] = []
    for variable, n_days in _variables(path, reader):
        start = _guess_start(path, n_days) if n_days is not None else None
        settings = ModalityConfig(kind="grid", units="1", variable=variable, allow_absent_days=True)
        undated = n_days is not None and start is None
        # Without a first day any will do: the candidate says that its days are unknown.
        request = Request("grid", settings, date(1900, 1, 1) if undated else start)
        try:
            grid = reader.open((path,), request)
            candidates.append(_candidate(grid, given, reader.name, variable, n_days is None, undated))
        except DataError as error:
            failures.append((variable, error))
    if failures and not candidates:
        raise failures[0][1]
    return candidates, [LeftOut(f"{given}: {name}", str(error).removeprefix(f"{path}: ")) for name, error in failures]


def _candidate(
    grid: xr.DataArray, given: str, reader: str, variable: str | None, dated: bool, undated: bool
) -> Candidate:
    days = grid["time"].values.astype("datetime64[D]")
    texts = [str(grid.attrs.get(key, "")) for key in ("standard_name", "long_name")]
    place = PurePosixPath(given)
    units = grid.attrs.get("units")
    return Candidate(
        path=given,
        files=(),
        reader=reader,
        kind="grid",
        variable=variable,
        names=(variable or "", *texts, place.stem, place.parent.name),
        units=None if units is None else str(units),
        first=None if undated else as_date(days[0]),
        last=None if undated else as_date(days[-1]),
        n_days=len(days),
        shape=(grid.shape[1], grid.shape[2]),
        dated=dated,
    )


def _variables(path: Path, reader: Reader) -> list[tuple[str | None, int | None]]:
    """The names of the grids in a file, each with its number of days where the file does not date them."""
    if reader.name == "hdf5_grid":
        with open_hdf5(path) as file:
            sets = data_sets(path, file)
            dated = DATES in sets
            return [
                (name, None if dated else len(item))
                for name, item in sorted(sets.items())
                if item.ndim == 3 and item.dtype.kind in "iuf"
            ]
    if reader.name == "netcdf_grid":
        with open_netcdf(path) as data:
            return _three_dimensional(data)
    if reader.name == "zarr_grid":
        with open_zarr_store(path) as data:
            return _three_dimensional(data)
    return [(None, None)]


def _three_dimensional(data: xr.Dataset) -> list[tuple[str | None, int | None]]:
    return [(name, None) for name in grid_variables(data)]


def _guess_start(path: Path, n_days: int) -> date | None:
    """1 January of the first year in the file's name, if its days fill the years named (the last day may lack)."""
    years = [int(year) for year in _YEARS.findall(path.stem)]
    if not years or len(years) > 2:
        return None
    length = sum(365 + calendar.isleap(year) for year in range(years[0], years[-1] + 1))
    return date(years[0], 1, 1) if n_days in (length, length - 1) else None
