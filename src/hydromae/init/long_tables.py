"""Looking at tables of series or of attributes. Large files are sampled."""

import csv
import gzip
import io
import re
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from hydromae.base.errors import DataError
from hydromae.base.stamps import calendar_days
from hydromae.base.station_ids import id_texts, sorted_ids
from hydromae.init.found import AttributeTable, Candidate, as_date, summarise
from hydromae.init.words import DATE_WORDS, ID_WORDS, roles_of, words_of
from hydromae.readers.dates import day_of
from hydromae.readers.table_columns import column_names
from hydromae.readers.table_layout import station_columns
from hydromae.sources.attributes import separator_of

_WHOLE = 2**21  # bytes of text up to which a file is looked at as a whole
_PIECE = 2**18
_PIECES = 8
_SAMPLED_ROWS = 2**16  # of each group of rows of a parquet file
_COUNTED_ROWS = 20_000_000  # up to which all station ids of a parquet file are seen
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
    column_names(path)  # what the reader refuses, as other separators than commas, is left out with its words
    id_column = _id_column(frame, date_column)
    if id_column is None:
        return [_wide(given, frame, date_column, whole)]
    if is_parquet:
        ids, days = _parquet_extent(path, date_column, id_column)
    else:
        ids, days = frame[id_column], frame[date_column]
    stations = tuple(sorted_ids(set(id_texts(pd.unique(ids.dropna()), given))))
    whole = whole or (is_parquet and len(ids) < _COUNTED_ROWS)
    dates = _days(days)
    n_days = int((dates.max() - dates.min()).astype(int)) + 1
    rows = pa.parquet.read_metadata(path).num_rows if is_parquet else len(frame)
    absent = max(0.0, 1 - rows / (n_days * len(stations))) if whole else 0.0
    sampled = _days(frame[date_column])
    found = []
    for column in frame.columns:
        numbers = _numbers(frame[column]) if column not in (date_column, id_column) else None
        if numbers is None:
            continue
        held = sampled[np.isfinite(numbers)]
        found.append(
            Candidate(
                path=given,
                files=(),
                reader="table",
                kind="series",
                variable=str(column),
                names=(str(column),),
                units=None,
                first=as_date(dates.min()),
                last=as_date(dates.max()),
                n_days=n_days,
                values=summarise(numbers),
                absent=absent,
                stations=stations,
                all_stations=whole,
                n_stations=len(stations),
                seen=(as_date(held.min()), as_date(held.max())) if held.size else None,
                date_column=date_column,
                id_column=id_column,
            )
        )
    if not found:
        raise DataError(f"has days in {date_column} and ids in {id_column}, but no column of numbers")
    return found


def _wide(given: str, frame: pd.DataFrame, date_column: str, whole: bool) -> Candidate:
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
    dates, values = _days(frame[date_column]), np.stack([c for c in numbers if c is not None], axis=1)
    held = dates[np.isfinite(values).any(axis=1)]
    place = PurePosixPath(given)
    return Candidate(
        path=given,
        files=(),
        reader="table",
        kind="series",
        variable=None,
        names=(place.stem, place.parent.name),
        units=None,
        first=as_date(dates.min()),
        last=as_date(dates.max()),
        n_days=int((dates.max() - dates.min()).astype(int)) + 1,
        values=summarise(values),
        stations=tuple(id_texts(stations, given)),
        n_stations=len(stations),
        seen=(as_date(held.min()), as_date(held.max())) if held.size else None,
        date_column=date_column,
        layout="wide" if strange else None,
    )


def _text_rows(path: Path) -> tuple[pd.DataFrame, bool]:
    """Lines of a CSV as text: all of a small one, else some from its beginning to its end; and whether it was all."""
    if path.name.endswith(".gz"):
        with gzip.open(path, "rb") as packed:
            text = packed.read(_WHOLE + 1)
        whole, parts = len(text) <= _WHOLE, [text[:_WHOLE]]
    else:
        size = path.stat().st_size
        whole = size <= _WHOLE
        with path.open("rb") as plain:
            parts = [plain.read(_WHOLE if whole else _PIECE)]
            for start in np.linspace(_PIECE, size - _PIECE, _PIECES).astype(int).tolist() if not whole else ():
                plain.seek(start)
                parts.append(plain.read(_PIECE).partition(b"\n")[2])  # the first line is cut
    if not whole:
        parts = [part.rpartition(b"\n")[0] for part in parts]  # so may the last one be
    text = b"\n".join(parts)
    if b"\0" in text:
        raise DataError("is not text")
    try:
        content = text.decode("utf-8-sig", errors="replace")
        rows = csv.reader(io.StringIO(content), delimiter=separator_of(content.partition("\n")[0]))
        header = next(rows, [])
        lines = [row for row in rows if len(row) == len(header)]
    except csv.Error as error:
        raise DataError(f"is not a CSV ({error})") from None
    if len(header) < 2 or len(set(header)) < len(header) or sum(not name.strip() for name in header) > 1:
        raise DataError("does not begin with a line of two or more column names")
    frame = pd.DataFrame(lines, columns=header, dtype=object)
    return _without_row_numbers(frame.where(~frame.isin(_BLANK), None)), whole


def _without_row_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Without the column that has no name, or that which pandas gives it in parquet, where it counts the rows."""
    nameless = [name for name in frame.columns if re.fullmatch(r"\s*|__index_level_\d+__", str(name))]
    counts = [name for name in nameless if frame[name].map(lambda value: str(value).strip().isdecimal()).all()]
    return frame.drop(columns=[name for name in counts if not _are_days(frame[name])])


def _parquet_rows(path: Path) -> tuple[pd.DataFrame, bool]:
    with pa.parquet.ParquetFile(path) as file:
        kept = [f.name for f in file.schema_arrow if not pa.types.is_nested(f.type)]
        groups = np.unique(np.linspace(0, file.num_row_groups - 1, _PIECES).round().astype(int)).tolist()
        parts = []
        for group in groups if file.num_row_groups else ():
            rows = file.iter_batches(batch_size=_SAMPLED_ROWS, row_groups=[group], columns=kept)
            parts += [next(rows)]
        if not parts:
            raise DataError("has no rows")
        return _without_row_numbers(pa.Table.from_batches(parts).to_pandas(ignore_metadata=True)), False


def _parquet_extent(path: Path, date_column: str, id_column: str) -> tuple["pd.Series[Any]", "pd.Series[Any]"]:
    """Ids and days of the first rows, a column of each; all of them up to `_COUNTED_ROWS`."""
    seen, rows = [], 0
    with pa.parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=2**20, columns=[date_column, id_column]):
            frame = batch.to_pandas()
            seen += [frame[[id_column]].drop_duplicates(), frame[[date_column]].drop_duplicates()]
            rows += len(batch)
            if rows >= _COUNTED_ROWS:
                break
    parts = pd.concat(seen)
    return parts[id_column].dropna(), parts[date_column].dropna()


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
    """The column named as ids are that repeats its values, of several the one with the most."""
    found = {}
    for name in frame.columns:
        column = frame[name].dropna()
        if name == date_column or not words_of(str(name)) & ID_WORDS or not len(column):
            continue
        if column.dtype.kind == "f" and (column % 1 != 0).any():
            continue
        found[str(name)] = column.nunique()
    return max(found, key=lambda name: (found[name], "id" in words_of(name))) if found else None


def _days(column: "pd.Series[Any]") -> np.ndarray:
    """Days, datetime64[D]."""
    if column.dtype.kind == "M":
        days = calendar_days(column.dt.tz_localize(None).to_numpy())
    else:
        codes, texts = pd.factorize(column.astype(str))
        known = [day_of(text) for text in texts]
        if None in known:
            raise DataError(f"has {texts[known.index(None)]!r} among its dates; write them as YYYY-MM-DD")
        days = np.array(known, "datetime64[D]")[codes]
    if not len(days) or np.isnat(days).any():
        raise DataError("has rows without a date")
    return days


def _numbers(column: "pd.Series[Any]") -> np.ndarray | None:
    """The values as float64, NaN where blank; None where they are no numbers."""
    if column.dtype.kind in "iuf":
        return column.to_numpy(np.float64)
    numbers = pd.to_numeric(column, errors="coerce") if column.dtype.kind == "O" else None
    if numbers is None or (numbers.isna() & column.notna()).any() or numbers.isna().all():
        return None
    return numbers.to_numpy(np.float64)
