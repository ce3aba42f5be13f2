"""Looks at folders with a file for each station. Reads samples only, never every file."""

import csv
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.config import ModalityConfig
from hydromae.init.found import Candidate, as_date
from hydromae.init.variables import DATE_WORDS, ID_WORDS, words_of
from hydromae.readers.camels import layout_named, variables_in
from hydromae.readers.caravan import DATE
from hydromae.readers.files import first_line
from hydromae.readers.netcdf_file import open_netcdf
from hydromae.readers.reader import Reader, Request

_COUNTED_FILES = 64
_LARGEST_STATION_FILE = 2**26
_LARGEST_FILE = 2**30  # of all stations


def look_at_stations(paths: Sequence[Path], given: Sequence[str], folder: str, reader: Reader) -> list[Candidate]:
    """The variables of files of one station each.

    Args:
        paths: the files.
        given: the same paths as the configuration will name them.
        folder: the folder to name in place of its files, or "" where the reader would take other files from it too.
        reader: the reader of the files.

    Raises:
        DataError: a file is unreadable.
    """
    largest = _LARGEST_STATION_FILE if reader.joins_stations else _LARGEST_FILE
    usable = [path for path in paths if path.stat().st_size <= largest]
    if not usable:
        what = "one station" if reader.joins_stations else "one variable"
        raise DataError(f"its files are larger than {largest >> 20} MiB, too large for {what}")
    counted = [usable[i] for i in np.unique(np.linspace(0, len(usable) - 1, _COUNTED_FILES).round().astype(int))]
    candidates: list[Candidate] = []
    extent: xr.DataArray | None = None
    for variable in _station_variables(usable[0], reader):
        settings = ModalityConfig(kind="series", units="1", variable=variable)
        request = Request(variable or "series", settings, None)
        if extent is None:
            extent = reader.open(counted, request)
        series = reader.open(usable[:1], request)
        days = extent["time"].values
        units = series.attrs.get("units")
        stations = tuple(str(station) for station in extent["station"].values)
        texts = [str(series.attrs.get(key, "")) for key in ("standard_name", "long_name")]
        candidates.append(
            Candidate(
                path=folder or given[0],
                files=() if folder else tuple(given),
                reader=reader.name,
                kind="series",
                variable=variable,
                names=(variable or str(series.name), *texts, PurePosixPath(given[0]).stem),
                units=None if units is None else str(units),
                first=as_date(days[0]),
                last=as_date(days[-1]),
                n_days=len(days),
                stations=stations,
                all_stations=len(counted) == len(paths),
                n_stations=len(stations) if len(counted) == len(paths) else len(paths),
            )
        )
    return candidates


def _station_variables(path: Path, reader: Reader) -> list[str | None]:
    layout = layout_named(reader.name)
    if layout is not None and not layout.wide:
        return [*variables_in(path, layout)]
    if reader.name == "camels_gb":
        header = next(csv.reader([first_line(path)]), [])
        return [name for name in header if name.lower() not in DATE_WORDS and not words_of(name) & ID_WORDS]
    if reader.name == "caravan":
        with open_netcdf(path) as data:
            series = ((name, item) for name, item in data.data_vars.items() if item.dims == (DATE,))
            return [str(name) for name, item in series if item.dtype.kind in "iuf"]
    return [None]
