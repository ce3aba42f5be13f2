"""Long tables of station series, parquet or CSV: a row a day and station, a column a variable."""

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
import xarray as xr

from hydromae.data.readers.dates import day_of
from hydromae.data.readers.files import require_file
from hydromae.errors import DataError

_ROWS = 1 << 20


def open_table(path: str | Path, variable: str, date_column: str = "date", id_column: str = "ID") -> xr.DataArray:
    """Read one variable of a long table, in pieces and only the columns it needs.

    Args:
        path: .parquet or .csv (also .csv.gz).
        variable: the column of values.
        date_column: the column of days: dates, timestamps or text as YYYY-MM-DD.
        id_column: the column of station ids, numbers or text.

    Returns:
        float32 [time, station] from the first to the last day of the table, NaN where a row is absent or blank, missing
        codes included; station ids are text, sorted as numbers where all are whole numbers.

    Raises:
        DataError: the file or a column is absent or unreadable, or a day and station occur twice.
    """
    path = require_file(Path(path))
    columns = (date_column, id_column, variable)
    codes: dict[str, int] = {}
    days, stations, values = [], [], []
    try:
        for batch in _batches(path, columns):
            days.append(_days(path, batch.column(0), date_column))
            stations.append(_station_codes(path, batch.column(1), id_column, codes))
            values.append(_numbers(path, batch.column(2), variable))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: cannot be read ({_first_line(error)}); write it as a parquet or CSV table") from None
    if not codes:
        raise DataError(f"{path}: has no rows; give a table with {', '.join(columns)}")
    day, station, value = (np.concatenate(parts) for parts in (days, stations, values))
    ids = sorted_ids(codes)
    rank = np.empty(len(ids), np.int64)
    rank[[codes[i] for i in ids]] = np.arange(len(ids))
    first, last = int(day.min()), int(day.max())
    time = np.datetime64(first, "D") + np.arange(last - first + 1)
    position = (day.astype(np.int64) - first) * len(ids) + rank[station]
    _check_unique(path, position, time, ids)
    table = np.full(len(time) * len(ids), np.nan, np.float32)
    table[position] = value
    series = xr.DataArray(
        table.reshape(len(time), len(ids)),  # [time, station]
        dims=("time", "station"),
        coords={"time": time, "station": np.array(ids, object)},
        name=variable,
    )
    series.encoding["source"] = str(path)
    return series


def _batches(path: Path, columns: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    if path.suffix in (".parquet", ".pq"):
        with pa.parquet.ParquetFile(path) as file:
            _check_columns(path, file.schema_arrow.names, columns)
            for batch in file.iter_batches(batch_size=_ROWS, columns=list(dict.fromkeys(columns))):
                yield batch.select(list(columns))
    elif path.name.endswith((".csv", ".csv.gz")):
        with pa.csv.open_csv(path) as header:
            _check_columns(path, header.schema.names, columns)
        types = {columns[0]: pa.string(), columns[1]: pa.string(), columns[2]: pa.float64()}
        options = pa.csv.ConvertOptions(
            column_types=types,
            include_columns=list(columns),
            strings_can_be_null=True,
            null_values=["", "NA", "NaN", "nan", "null", "None"],
        )
        with pa.csv.open_csv(path, convert_options=options) as reader:
            yield from reader
    else:
        raise DataError(f"{path}: tables are read from .parquet and .csv files; write it as one of them")


def _check_columns(path: Path, names: list[str], columns: tuple[str, ...]) -> None:
    for column in columns:
        if column not in names:
            near = difflib.get_close_matches(column, names, n=1)
            hint = f"did you mean {near[0]}?" if near else "name another with the modality's key variable"
            raise DataError(f"{path}: has no column {column}, only {', '.join(names)}; {hint}")


def _days(path: Path, column: pa.Array, name: str) -> np.ndarray:
    """Days since 1970-01-01, int32."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        encoded = column.dictionary_encode()
        distinct = np.array([_day_of_text(path, text, name) for text in encoded.dictionary.to_pylist()], "int32")
        if encoded.null_count == 0:
            return np.take(distinct, encoded.indices.to_numpy(zero_copy_only=False))
    elif not pa.types.is_temporal(column.type):
        raise DataError(f"{path}: column {name} holds {column.type}; write dates as YYYY-MM-DD")
    if column.null_count:
        raise DataError(f"{path}: column {name} is blank in {column.null_count} rows; give every row its date")
    floored = pc.floor_temporal(column, unit="day") if pa.types.is_timestamp(column.type) else column
    return floored.cast(pa.date32()).cast(pa.int32()).to_numpy()


def _day_of_text(path: Path, text: str | None, name: str) -> int:
    day = day_of(str(text))
    if day is None:
        raise DataError(f"{path}: column {name} holds {text!r}; write dates as YYYY-MM-DD")
    return int(day.astype(np.int64))


def _station_codes(path: Path, column: pa.Array, name: str, codes: dict[str, int]) -> np.ndarray:
    """Integer codes of the ids; `codes` grows by those not seen before."""
    encoded: pa.DictionaryArray = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    if encoded.indices.null_count:
        raise DataError(f"{path}: column {name} is blank in {encoded.indices.null_count} rows; give every row its id")
    ids = [_id_text(value) for value in encoded.dictionary.to_pylist()]
    known = np.array([codes.setdefault(i, len(codes)) for i in ids], np.int32)
    return np.take(known, encoded.indices.to_numpy(zero_copy_only=False))


def _id_text(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _numbers(path: Path, column: pa.Array, name: str) -> np.ndarray:
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_null(column.type)):
        raise DataError(f"{path}: column {name} holds {column.type}, not numbers; write blanks where it is missing")
    with np.errstate(over="ignore"):  # beyond float32 becomes inf, which is found and named later
        return column.to_numpy(zero_copy_only=False).astype(np.float32)


def sorted_ids(ids: Iterable[str]) -> list[str]:
    """Station ids in order: as numbers where all are whole numbers, else as text."""
    ids = list(ids)
    return sorted(ids, key=int) if all(i.isdecimal() for i in ids) else sorted(ids)


def _check_unique(path: Path, position: np.ndarray, time: np.ndarray, ids: list[str]) -> None:
    seen = np.zeros(len(time) * len(ids), bool)
    seen[position] = True
    if seen.sum() == len(position):
        return
    ordered = np.sort(position)
    day, station = divmod(int(ordered[:-1][np.diff(ordered) == 0][0]), len(ids))
    raise DataError(f"{path}: has station {ids[station]} on {time[day]} more than once; keep one row")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
