"""Daily series of the UK National River Flow Archive: a CSV a station, a header block, then a row a day."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.base.stamps import stamps_of_texts
from hydromae.base.station_ids import id_text
from hydromae.base.units import same_units
from hydromae.readers.files import first_line, require_file
from hydromae.readers.guard import reading
from hydromae.readers.station_files import STATION_NAME, StationFile, join_stations

_DAILY = "P1D"


def is_nrfa_gdf(path: Path) -> str:
    """What makes a file one of the archive's downloads: that it begins with `file,timestamp,...`."""
    return "an NRFA file, by its first line" if path.is_file() and first_line(path).startswith("file,timestamp") else ""


def open_nrfa_gdf(paths: Sequence[Path]) -> xr.DataArray:
    """Read the gauged daily flow (or another daily type) of several stations.

    Args:
        paths: files as downloaded, one a station: a header with `station,id`, `dataType,units` and, last, `data,last`,
            then date, value and, in some, a flag.

    Returns:
        float32 [time, station] from the first to the last day of all files, NaN where blank or absent; its name is the
        data type (`gdf`), its attribute `units` that of the header, and its coordinate `station_name`, where headers
        have one, theirs.

    Raises:
        DataError: a file is absent, lacks a line of the header, holds no daily values, has a row that is no date and
            number, a day twice, or other units or another type than the file before; or two files hold one station.
    """
    files, headers = [], []
    for path in paths:
        with (
            reading(require_file(path), advice="download the file from the NRFA again"),
            path.open(encoding="utf-8-sig", errors="replace", newline="") as content,
        ):
            header = _header(path, content)
            files.append(_read(path, content, header))
        headers.append(header)
    first = headers[0]
    for path, header in zip(paths, headers, strict=True):
        if header.type != first.type or not same_units(header.units, first.units):
            raise DataError(
                f"{path}: holds {header.type} in {header.units}, but {paths[0]} {first.type} in {first.units}; "
                f"make them two modalities"
            )
    series = join_stations(files, first.type)
    series.attrs["units"] = first.units
    names = {id_text(header.station, str(path)): header.name for path, header in zip(paths, headers, strict=True)}
    if any(names.values()):
        called = np.array([names[station] for station in series["station"].values], object)
        series = series.assign_coords({STATION_NAME: ("station", called)})
    return series


@dataclass(frozen=True)
class _Header:
    station: str
    name: str
    type: str
    units: str
    lines: int


def _header(path: Path, content: TextIO) -> _Header:
    """Read the header, whose quoted texts may run over several lines, and leave `content` at the first value."""
    fields: dict[tuple[str, str], str] = {}
    rows = csv.reader(content)
    for row in rows:
        if len(row) > 2:
            fields[row[0], row[1]] = row[2].strip()
        if row[:2] == ["data", "last"]:
            break
    for key in (("station", "id"), ("dataType", "id"), ("dataType", "units"), ("data", "last")):
        if key not in fields:
            raise DataError(f"{path}: its header has no line {','.join(key)}; download the file from the NRFA again")
    period = fields.get(("dataType", "period"), _DAILY)
    if _DAILY not in period:
        raise DataError(f"{path}: holds values of one {period}, not of a day; download the daily series")
    name = fields.get(("station", "name"), "")
    return _Header(fields["station", "id"], name, fields["dataType", "id"], fields["dataType", "units"], rows.line_num)


def _read(path: Path, content: TextIO, header: _Header) -> StationFile:
    try:
        table = pd.read_csv(
            content,
            header=None,
            names=["day", "value", "flag"],
            index_col=False,
            dtype=str,
            keep_default_na=False,
        )
    except pd.errors.EmptyDataError:
        table = pd.DataFrame({"day": [], "value": []}, dtype=str)
    texts = table["value"].fillna("").str.strip()
    stamps = stamps_of_texts(table["day"].fillna("").str.strip().tolist())
    values = pd.to_numeric(texts.where(texts != ""), errors="coerce")
    wrong = np.flatnonzero(np.isnat(stamps) | (values.isna() & (texts != "")).to_numpy())
    if wrong.size:
        day, value = table["day"].iloc[wrong[0]], texts.iloc[wrong[0]]
        raise DataError(
            f"{path}: line {header.lines + wrong[0] + 1} holds {day!r} and {value!r}, not a date as YYYY-MM-DD and "
            f"a number; correct it, or leave the value blank where it is missing"
        )
    with np.errstate(over="ignore"):  # beyond float32 becomes inf, which is found and named later
        numbers = values.to_numpy(np.float64).astype(np.float32)
    return StationFile(path, header.station, stamps, numbers)
