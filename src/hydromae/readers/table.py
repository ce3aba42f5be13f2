"""Tables of station series, parquet or CSV: long (a row a day and station), or wide (a column a station)."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.base.stamps import Clocks, calendar_days, more_than_once, seconds_of
from hydromae.base.station_ids import id_texts, require_distinct, sorted_ids
from hydromae.readers.files import require_file
from hydromae.readers.guard import MAX_A_DAY, check_series, reading
from hydromae.readers.table_columns import (
    batches,
    column_names,
    days_of,
    ids_of,
    numbers_of,
    stamps_of_column,
)
from hydromae.readers.table_layout import Layout, layout_of

_Table = tuple["_Extent", list[str], np.ndarray]  # days, ids, values [day, station]
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


def open_table(
    path: str | Path,
    variable: str,
    date_column: str = "date",
    id_column: str = "ID",
    layout: Literal["long", "wide"] | None = None,
    known: Collection[str] = (),
    sub_daily: bool = False,
) -> xr.DataArray:
    """Read one variable of a table piece by piece, only the columns it needs; peak memory is the result and a piece.

    Args:
        path: .parquet or .csv (also .csv.gz).
        variable: the column of values.
        date_column: the column of days: dates, timestamps or text as YYYY-MM-DD or YYYYMMDD.
        id_column: the column of station ids, numbers or text.
        layout: long, or wide, where each column but `date_column` and row numbers is a station, under its id. None:
            where neither `variable` nor `id_column` is a column, the table is taken as wide if its columns are known
            stations or look like ids; columns as `mean` or `year` beside them are left out.
        known: ids of stations.
        sub_daily: `time` is the moments of the rows, in order, instead of days.

    Returns:
        float32 [time, station] from the first to the last day of the table, NaN where a row is absent or blank, missing
        codes included; station ids are text, sorted as numbers where all are whole numbers.

    Raises:
        DataError: the file or a column is absent or unreadable, a day and station occur twice, two ids differ only in
            zeros, or the days and stations are more than any real record has.
    """
    path = require_file(Path(path))
    with reading(path, advice=_ADVICE):
        columns = layout_of(path, column_names(path), variable, date_column, id_column, layout, known)
        extent, ids, values = (_wide if columns.stations else _long)(path, columns, sub_daily)
    series = xr.DataArray(
        values,  # [time, station]
        dims=("time", "station"),
        coords={"time": extent.time, "station": np.array(ids, object)},
        name=variable,
        attrs={"notes": extent.clocks.notes(), "clocks": extent.clocks.minutes},
    )
    if columns.stations:
        why = "" if layout == "wide" else f"{path.name} has no {id_column} and no {variable}: "
        note = f"{why}each column{'' if why else f' of {path.name}'} is a station"
        beside = ", ".join(name.strip() for name in columns.beside)
        series.attrs["notes"] += (f"{note}, but {beside}, left out" if beside else note,)
    series.encoding["source"] = str(path)
    return series


@dataclass(frozen=True)
class _Extent:
    """The days, or moments, that a first pass over the rows finds, so that the second can place each value.

    `time` is datetime64[D] without gaps, or datetime64[s] in order; `clocks` are the times of day of stamps of days.
    """

    time: np.ndarray
    clocks: Clocks

    def places(self, path: Path, column: pa.Array, name: str) -> np.ndarray:
        """Where each row's stamp is on `time`, int64 [row]."""
        if np.datetime_data(self.time.dtype)[0] == "s":
            return np.searchsorted(self.time, seconds_of(stamps_of_column(path, column, name)))
        return days_of(path, column, name).astype(np.int64) - self.time[0].astype(np.int64)


def _long(path: Path, columns: Layout, sub_daily: bool) -> _Table:
    codes: dict[object, int] = {}
    extent = _extent(path, columns.date, columns.id, codes, sub_daily)
    texts = id_texts(codes, f"{path}: column {columns.id}")  # of each code; two may be one station
    ids = sorted_ids(set(texts))
    require_distinct(ids, str(path))
    place = {station: column for column, station in enumerate(ids)}
    rank = np.array([place[text] for text in texts], np.int64)
    table = np.full(len(extent.time) * len(ids), np.nan, np.float32)
    seen = np.zeros(len(table), bool)
    for batch in batches(path, (columns.date, columns.id), (columns.variable,)):
        who = _codes(path, batch.column(1), columns.id, codes)
        position = extent.places(path, batch.column(0), columns.date) * len(ids) + rank[who]
        if (twice := _see(seen, position)) is not None:
            row, who_twice = divmod(twice, len(ids))
            raise _twice(path, extent.time[row], columns.date, (columns.id, ids[who_twice]))
        table[position] = numbers_of(path, batch.column(2), columns.variable)
    return extent, ids, table.reshape(-1, len(ids))  # [time, station]


def _extent(path: Path, date: str, station: str, codes: dict[object, int], sub_daily: bool) -> _Extent:
    """The days from the first to the last, or all moments; each new spelling of an id is added to `codes`."""
    first, last = np.iinfo(np.int64).max, np.iinfo(np.int64).min
    clocks, moments = Clocks(), np.zeros(0, "datetime64[s]")
    for batch in batches(path, (date, station) if station else (date,)):
        if not batch.num_rows:
            continue
        stamps = stamps_of_column(path, batch.column(0), date)
        day = clocks.days_of(stamps).astype(np.int64)
        if sub_daily:
            moments = np.union1d(moments, seconds_of(stamps))
            check_series(path, len(moments) // MAX_A_DAY, MAX_A_DAY * max(len(codes), 1))
        if station:
            _codes(path, batch.column(1), station, codes)
        first, last = min(first, int(day.min())), max(last, int(day.max()))
        check_series(path, last - first + 1, max(len(codes), 1))
    if last < first:
        raise DataError(f"{path}: has no rows; give a table with {', '.join(filter(None, (date, station)))} and values")
    if sub_daily:
        return _Extent(moments, Clocks())
    clocks.check(path, date)
    return _Extent(np.datetime64(first, "D") + np.arange(last - first + 1), clocks)


def _wide(path: Path, columns: Layout, sub_daily: bool) -> _Table:
    extent = _extent(path, columns.date, "", {}, sub_daily)
    texts = id_texts(columns.stations, str(path))
    ids = sorted_ids(texts)
    require_distinct(ids, str(path))
    names = [columns.stations[texts.index(station)] for station in ids]
    if not sub_daily:
        check_series(path, len(extent.time), len(ids))
    table = np.full((len(extent.time), len(ids)), np.nan, np.float32)  # [time, station]
    seen = np.zeros(len(table), bool)
    for batch in batches(path, (columns.date,), names):
        row = extent.places(path, batch.column(0), columns.date)
        if (twice := _see(seen, row)) is not None:
            raise _twice(path, extent.time[twice], columns.date)
        for column, name in enumerate(names):
            table[row, column] = numbers_of(path, batch.column(column + 1), name)
    return extent, ids, table


def _see(seen: np.ndarray, position: np.ndarray) -> int | None:
    """Mark the places (days x ids, or days) as filled; return one that was filled before or comes twice, or None."""
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
    """The error of a day that occurs twice; `of` gives the column of ids and the id where the day is of a station."""
    stamps_of_day = []
    for batch in batches(path, (date, of[0]) if of else (date,)):
        stamps = stamps_of_column(path, batch.column(0), date)
        same = (calendar_days if day.dtype == "M8[D]" else seconds_of)(stamps) == day
        if of:
            distinct, index = ids_of(path, batch.column(1), of[0])
            same &= np.array([text == of[1] for text in id_texts(distinct, str(path))], bool)[index]
        stamps_of_day.append(stamps[same])
    return more_than_once(path, f"station {of[1]} on {day}" if of else str(day), np.concatenate(stamps_of_day))


def _codes(path: Path, column: pa.Array, name: str, codes: dict[object, int]) -> np.ndarray:
    """Integer codes of the ids as they are spelled; those not seen before are added to `codes`."""
    distinct, index = ids_of(path, column, name)
    return np.take(np.array([codes.setdefault(i, len(codes)) for i in distinct], np.int32), index)
