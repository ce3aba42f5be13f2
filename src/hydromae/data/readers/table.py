"""Tables of station series, parquet or CSV: long (a row a day and station), or wide (a column a station)."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import xarray as xr

from hydromae.data.readers.files import require_file
from hydromae.data.readers.guard import check_series, reading
from hydromae.data.readers.stamps import Clocks, calendar_days, more_than_once
from hydromae.data.readers.table_columns import (
    batches,
    column_names,
    days_of,
    id_texts,
    numbers_of,
    stamps_of_column,
)
from hydromae.errors import DataError

_Table = tuple["_Extent", list[str], np.ndarray]  # days, ids, values [day, station]
_INDEX = re.compile(r"(__index_level_\d+__)?")  # the row numbers that pandas adds to parquet, or to CSV without a name
_ADVICE = "write it as a parquet or CSV table"


def is_table(path: Path) -> str:
    """What makes a file a table: its suffix, and the columns it names."""
    if not path.is_file() or not path.name.endswith((".parquet", ".pq", ".csv", ".csv.gz")):
        return ""
    try:
        with reading(path):
            names = column_names(path)
    except DataError:
        return f"named {path.suffix}, though it cannot be opened"
    return f"a table with the columns {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"


def open_table(path: str | Path, variable: str, date_column: str = "date", id_column: str = "ID") -> xr.DataArray:
    """Read one variable of a table, in pieces and only the columns it needs; peak memory is the result and a piece.

    Args:
        path: .parquet or .csv (also .csv.gz).
        variable: the column of values. Where neither it nor `id_column` is a column, the table is taken as wide: every
            column but `date_column` is a station, under its id.
        date_column: the column of days: dates, timestamps or text as YYYY-MM-DD or YYYYMMDD.
        id_column: the column of station ids, numbers or text.

    Returns:
        float32 [time, station] from the first to the last day of the table, NaN where a row is absent or blank, missing
        codes included; station ids are text, sorted as numbers where all are whole numbers.

    Raises:
        DataError: the file or a column is absent or unreadable, a day and station occur twice, or the days and
            stations are more than any real record has.
    """
    path = require_file(Path(path))
    with reading(path, advice=_ADVICE):
        names = column_names(path)
        wide = date_column in names and not {id_column, variable} & set(names) and len(names) > 1
        if not wide:
            check_columns(path, names, (date_column,), "date_column")
            check_columns(path, names, (id_column,), "id_column")
            check_columns(path, names, (variable,), "variable")
        if wide:
            extent, ids, values = _wide(
                path, date_column, [n for n in names if n != date_column and not _INDEX.fullmatch(n)]
            )
        else:
            extent, ids, values = _long(path, date_column, id_column, variable)
    series = xr.DataArray(
        values,  # [time, station]
        dims=("time", "station"),
        coords={"time": extent.time, "station": np.array(ids, object)},
        name=variable,
        attrs={"notes": extent.clocks.notes(), "clocks": extent.clocks.minutes},
    )
    if wide:
        series.attrs["notes"] += (f"{path.name} has no {id_column} and no {variable}: each column is a station",)
    series.encoding["source"] = str(path)
    return series


@dataclass(frozen=True)
class _Extent:
    """The days that a first pass over the rows finds, so that the second can write each value in its place."""

    first: int
    last: int
    clocks: Clocks

    @property
    def time(self) -> np.ndarray:
        return np.datetime64(self.first, "D") + np.arange(self.last - self.first + 1)


def _long(path: Path, date: str, station: str, variable: str) -> _Table:
    codes: dict[str, int] = {}
    extent = _extent(path, date, station, codes)
    ids = sorted_ids(codes)
    rank = np.empty(len(ids), np.int64)
    rank[[codes[i] for i in ids]] = np.arange(len(ids))
    table = np.full(len(extent.time) * len(ids), np.nan, np.float32)
    seen = np.zeros(len(table), bool)
    for batch in batches(path, (date, station), (variable,)):
        day, who = days_of(path, batch.column(0), date), _codes(path, batch.column(1), station, codes)
        position = (day.astype(np.int64) - extent.first) * len(ids) + rank[who]
        if (twice := _see(seen, position)) is not None:
            place = divmod(twice, len(ids))
            raise _twice(path, extent.time[place[0]], date, (station, ids[place[1]]))
        table[position] = numbers_of(path, batch.column(2), variable)
    return extent, ids, table.reshape(-1, len(ids))  # [time, station]


def _extent(path: Path, date: str, station: str | None, codes: dict[str, int]) -> _Extent:
    """The days, stations and rows; `codes` grows by each station met."""
    first, last = np.iinfo(np.int64).max, np.iinfo(np.int64).min
    clocks = Clocks()
    for batch in batches(path, (date, station) if station else (date,)):
        if not batch.num_rows:
            continue
        day = clocks.days_of(stamps_of_column(path, batch.column(0), date)).astype(np.int64)
        if station:
            _codes(path, batch.column(1), station, codes)
        first, last = min(first, int(day.min())), max(last, int(day.max()))
        check_series(path, last - first + 1, max(len(codes), 1))
    if last < first:
        raise DataError(f"{path}: has no rows; give a table with {', '.join(filter(None, (date, station)))} and values")
    clocks.check(path, date)
    return _Extent(first, last, clocks)


def _wide(path: Path, date: str, stations: Iterable[str]) -> _Table:
    extent = _extent(path, date, None, {})
    ids = sorted_ids(stations)
    check_series(path, len(extent.time), len(ids))
    table = np.full((len(extent.time), len(ids)), np.nan, np.float32)  # [time, station]
    seen = np.zeros(len(table), bool)
    for batch in batches(path, (date,), ids):
        row = days_of(path, batch.column(0), date).astype(np.int64) - extent.first
        if (twice := _see(seen, row)) is not None:
            raise _twice(path, extent.time[twice], date)
        for column, name in enumerate(ids):
            table[row, column] = numbers_of(path, batch.column(column + 1), name)
    return extent, [name.strip() for name in ids], table


def _see(seen: np.ndarray, position: np.ndarray) -> int | None:
    """Mark the places (days x ids, or days); one that is filled before, or twice, or None."""
    again = position[seen[position]]
    before = np.count_nonzero(seen)
    seen[position] = True
    if not again.size and np.count_nonzero(seen) - before == len(position):
        return None
    if not again.size:
        ordered = np.sort(position)
        again = ordered[:-1][np.diff(ordered) == 0]
    return int(again[0])


def _twice(path: Path, day: np.datetime64, date: str, of: tuple[str, str] | None = None) -> DataError:
    """The error of a day that is there twice, of a station where `of` gives the column of ids and its id."""
    found = []
    for batch in batches(path, (date, of[0]) if of else (date,)):
        stamps = stamps_of_column(path, batch.column(0), date)
        same = calendar_days(stamps) == day
        if of:
            ids, index = id_texts(path, batch.column(1), of[0])
            same &= np.array([known == of[1] for known in ids], bool)[index]
        found.append(stamps[same])
    return more_than_once(path, f"station {of[1]} on {day}" if of else str(day), np.concatenate(found))


def _codes(path: Path, column: pa.Array, name: str, codes: dict[str, int]) -> np.ndarray:
    """Integer codes of the ids; `codes` grows by those not seen before."""
    distinct, index = id_texts(path, column, name)
    return np.take(np.array([codes.setdefault(i, len(codes)) for i in distinct], np.int32), index)


def check_columns(path: Path, names: Sequence[str], columns: Iterable[str], key: str = "variable") -> None:
    """Raise DataError, suggesting the near one, where a column, which the modality's `key` names, is not there."""
    for column in columns:
        if column not in names:
            near = difflib.get_close_matches(column, names, n=1)
            hint = f"did you mean {near[0]}? Name it" if near else "name another"
            hint += f" with the modality's key {key}"
            listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
            raise DataError(f"{path}: has no column {column}, only {listed}; {hint}")


def sorted_ids(ids: Iterable[str]) -> list[str]:
    """Station ids in order: as numbers where all are whole numbers, else as text."""
    ids = list(ids)
    return sorted(ids, key=int) if all(i.isdecimal() for i in ids) else sorted(ids)
