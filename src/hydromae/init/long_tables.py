"""Looks at tables of series or attributes: the first rows say what the columns are, all rows which days and ids."""

import csv
import gzip
import io
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from hydromae.base.csv_text import unguarded
from hydromae.base.errors import DataError
from hydromae.base.stamps import calendar_days
from hydromae.base.station_ids import id_texts, sorted_ids
from hydromae.init.found import CODES, AttributeTable, Candidate, as_date
from hydromae.init.variables import DATE_WORDS, ID_WORDS, roles_of, words_of
from hydromae.readers.dates import day_of
from hydromae.readers.table_columns import column_names
from hydromae.readers.table_layout import station_columns
from hydromae.sources.attributes import table_text

_HEAD = 2**21  # bytes of text by which the columns are known
_HEAD_ROWS = 2**16  # of a parquet file
_ROWS = 2**20  # read at once
_BLANK = ("", "NA", "NaN", "nan", "null", "None")


def look_at_table(path: Path, given: str) -> list[Candidate] | AttributeTable:
    """The variables of a long table, or a table of attributes where it has no dates.

    Raises:
        DataError: it is neither; the message says what it lacks.
    """
    is_parquet = path.suffix in (".parquet", ".pq")
    frame, whole = _parquet_rows(path) if is_parquet else _text_rows(path)
    if frame.empty or not len(frame.columns):
        raise DataError("has no rows")
    date_column = _date_column(frame)
    if date_column is None:
        if is_parquet or not whole:
            raise DataError("has no column of dates as YYYY-MM-DD, and only CSVs of a few MB are tables of attributes")
        if path.suffix == ".gz":
            raise DataError("has no column of dates as YYYY-MM-DD, and a table of attributes is read unpacked")
        names = [str(name).strip() for name in frame.columns]
        columns = (frame[name].fillna("").astype(str) for name in frame.columns)
        return AttributeTable(given, {name: tuple(column) for name, column in zip(names, columns, strict=True)})
    column_names(path)  # a table that the reader refuses, as one without commas, is left out with the reader's reason
    id_column = _id_column(frame, date_column)
    if id_column is None:
        return [_wide(path, given, frame, date_column)]
    distinct = _distinct(path, [date_column, id_column])
    stations = tuple(sorted_ids(set(id_texts(distinct[id_column], given))))
    numbers = {str(name): _numbers(frame[name]) for name in frame.columns if name not in (date_column, id_column)}
    candidates = [
        _candidate(
            given,
            _days(distinct[date_column]),
            stations,
            variable=name,
            names=(name,),
            date_column=date_column,
            id_column=id_column,
            codes=_codes(values),
        )
        for name, values in numbers.items()
        if values is not None
    ]
    if not candidates:
        raise DataError(f"has days in {date_column} and ids in {id_column}, but no column of numbers")
    return candidates


def _candidate(given: str, days: np.ndarray, stations: tuple[str, ...], **details: Any) -> Candidate:
    return Candidate(
        path=given,
        files=(),
        reader="table",
        kind="series",
        units=None,
        first=as_date(days.min()),
        last=as_date(days.max()),
        n_days=int((days.max() - days.min()).astype(int)) + 1,
        stations=stations,
        n_stations=len(stations),
        **details,
    )


def _wide(path: Path, given: str, frame: pd.DataFrame, date_column: str) -> Candidate:
    """A table of one variable with a column for each station."""
    columns = [str(name) for name in frame.columns if name != date_column]
    stations, _, strange = station_columns(columns)
    stations = [name for name in columns if name in stations or name in strange]
    numbers = [_numbers(frame[name]) for name in stations]
    if not stations or any(column is None for column in numbers) or any(roles_of(name) for name in strange):
        raise DataError(
            f"has days in {date_column} but no column of station ids; write it long (date, ID, one column a variable), "
            f"or as one variable with a column a station"
        )
    place = PurePosixPath(given)
    return _candidate(
        given,
        _days(_distinct(path, [date_column])[date_column]),
        tuple(id_texts(stations, given)),
        variable=None,
        names=(place.stem, place.parent.name),
        date_column=date_column,
        layout="wide" if strange else None,
        codes=_codes(np.stack([column for column in numbers if column is not None], axis=1)),
    )


def _codes(numbers: np.ndarray) -> tuple[float, ...]:
    return tuple(code for code in CODES if np.isclose(numbers, code, rtol=1e-6).any())


def _text_rows(path: Path) -> tuple[pd.DataFrame, bool]:
    """The first lines of a CSV as text, and whether they are all."""
    with gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb") as file:
        text = file.read(_HEAD + 1)
    whole = len(text) <= _HEAD
    if not whole:
        text = text.rpartition(b"\n")[0]  # the last line may be cut
    if b"\0" in text:
        raise DataError("is not text")
    try:
        content, separator = table_text(text)
        rows = csv.reader(io.StringIO(content), delimiter=separator, skipinitialspace=separator == " ")
        header = next(rows, [])
        lines = [row for row in rows if len(row) == len(header)]
    except csv.Error as error:
        raise DataError(f"is not a CSV ({error})") from None
    if len(header) < 2 or len(set(header)) < len(header) or sum(not name.strip() for name in header) > 1:
        raise DataError("does not begin with a line of two or more column names")
    frame = pd.DataFrame(lines, columns=header, dtype=object)
    return _without_row_numbers(frame.where(~frame.isin(_BLANK), None)), whole


def _without_row_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Without a column that only counts the rows: it has no name, or the one that pandas gives it in parquet."""
    nameless = [name for name in frame.columns if re.fullmatch(r"\s*|__index_level_\d+__", str(name))]
    counts = [name for name in nameless if frame[name].map(lambda value: str(value).strip().isdecimal()).all()]
    return frame.drop(columns=[name for name in counts if not _are_days(frame[name])])


def _parquet_rows(path: Path) -> tuple[pd.DataFrame, bool]:
    """The first rows of a parquet file, and False: they are never taken for all."""
    with pa.parquet.ParquetFile(path) as file:
        kept = [f.name for f in file.schema_arrow if not pa.types.is_nested(f.type)]
        rows = next(file.iter_batches(batch_size=_HEAD_ROWS, columns=kept), None)
        if rows is None:
            raise DataError("has no rows")
        return _without_row_numbers(pa.Table.from_batches([rows]).to_pandas(ignore_metadata=True)), False


def _distinct(path: Path, columns: list[str]) -> dict[str, "pd.Series[Any]"]:
    """The different values of some columns in all rows."""
    seen: dict[str, list[pd.Series[Any]]] = {name: [] for name in columns}
    try:
        for part in _parts(path, columns):
            for name, values in seen.items():
                values.append(part[name].dropna().drop_duplicates())
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise DataError(f"is not a CSV ({error})") from None
    return {name: pd.concat(values).drop_duplicates().map(_without_guard) for name, values in seen.items()}


def _without_guard(value: object) -> object:
    return unguarded(value) if isinstance(value, str) else value


def _parts(path: Path, columns: list[str]) -> Iterator[pd.DataFrame]:
    if path.suffix in (".parquet", ".pq"):
        with pa.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_ROWS, columns=columns):
                yield batch.to_pandas()
        return
    header = pd.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False, encoding="utf-8-sig").iloc[0]
    places = [header.tolist().index(name) for name in columns]
    names = [name for _, name in sorted(zip(places, columns, strict=True))]
    for part in pd.read_csv(path, header=0, usecols=places, dtype=str, chunksize=_ROWS, encoding="utf-8-sig"):
        yield part.set_axis(names, axis=1)


def _date_column(frame: pd.DataFrame) -> str | None:
    ordered = sorted(frame.columns, key=lambda name: str(name).lower() not in DATE_WORDS)
    for name in ordered:
        if _are_days(frame[name]):
            return str(name)
    return None


def _are_days(values: "pd.Series[Any]") -> bool:
    """Whether a column holds days, by its first rows."""
    column = values.dropna().iloc[:50]
    if not len(column) or column.dtype.kind == "M":
        return bool(len(column))
    return column.dtype.kind == "O" and all(day_of(str(value)) is not None for value in column)


def _id_column(frame: pd.DataFrame, date_column: str) -> str | None:
    """The column of ids, by its name; of several, the one with the most different values."""
    counts = {}
    for name in frame.columns:
        column = frame[name].dropna()
        if name == date_column or not words_of(str(name)) & ID_WORDS or not len(column):
            continue
        if column.dtype.kind == "f" and (column % 1 != 0).any():
            continue
        counts[str(name)] = column.nunique()
    return max(counts, key=lambda name: (counts[name], "id" in words_of(name))) if counts else None


def _days(column: "pd.Series[Any]") -> np.ndarray:
    """Days, datetime64[D]."""
    if column.dtype.kind == "M":
        days = calendar_days(column.dt.tz_localize(None).to_numpy())
    else:
        codes, texts = pd.factorize(column.astype(str))
        dates = [day_of(text) for text in texts]
        if None in dates:
            raise DataError(f"has {texts[dates.index(None)]!r} among its dates; write them as YYYY-MM-DD")
        days = np.array(dates, "datetime64[D]")[codes]
    if not len(days) or np.isnat(days).any():
        raise DataError("has rows without a date")
    return days


def _numbers(column: "pd.Series[Any]") -> np.ndarray | None:
    """The values as float64, NaN where blank; None where they are no numbers."""
    if column.dtype.kind in "iuf":
        return column.to_numpy(np.float64)
    numbers = pd.to_numeric(column, errors="coerce") if column.dtype.kind == "O" else None
    if numbers is None or (numbers.isna() & column.notna()).any():
        return None
    if numbers.isna().all() and not roles_of(str(column.name)):  # blank so far, as where a record begins late
        return None
    return numbers.to_numpy(np.float64)
