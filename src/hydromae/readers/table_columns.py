"""Columns of parquet and CSV files, a batch of rows at a time: days, ids and numbers."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from hydromae.base.csv_text import unguarded
from hydromae.base.errors import DataError
from hydromae.base.stamps import calendar_days, stamps_of_texts

_ROWS = 1 << 18
_NULLS = ["", "NA", "NaN", "nan", "null", "None"]


def column_names(path: Path) -> list[str]:
    """The columns of a table, each once.

    Raises:
        DataError: the suffix is not that of a table, or two columns have one name.
    """
    if path.suffix in (".parquet", ".pq"):
        names = list(pa.parquet.read_schema(path).names)
    elif path.name.endswith((".csv", ".csv.gz")):
        with pa.csv.open_csv(path, convert_options=pa.csv.ConvertOptions(check_utf8=False)) as header:
            names = list(header.schema.names)
    else:
        raise DataError(f"{path}: tables are read from .parquet and .csv files; write it as one of them")
    if len(names) == 1 and (sign := next((sign for sign in (";", "\t") if sign in names[0]), None)):
        named = {";": "semicolons", "\t": "tabs"}[sign]
        raise DataError(f"{path}: its columns are separated by {named}; write it with commas and decimal points")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{path}: has two columns {twice}; rename one of them")
    return names


def batches(path: Path, texts: Sequence[str], numbers: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
    """The columns in this order, some rows at a time; those of a CSV are read as texts and numbers as asked for."""
    columns = [*texts, *numbers]
    if path.suffix in (".parquet", ".pq"):
        with pa.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_ROWS, columns=list(dict.fromkeys(columns)), use_threads=False):
                yield batch.select(columns)
        return
    options = pa.csv.ConvertOptions(
        column_types={**dict.fromkeys(texts, pa.string()), **dict.fromkeys(numbers, pa.float64())},
        include_columns=columns,
        strings_can_be_null=True,
        null_values=_NULLS,
    )
    try:
        with pa.csv.open_csv(path, convert_options=options) as reader:
            yield from reader
    except pa.ArrowInvalid:
        _refuse_text(path, texts, numbers)
        raise


def _refuse_text(path: Path, texts: Sequence[str], numbers: Sequence[str]) -> None:
    """Raise DataError naming the first row, by its texts, that has no number where there should be one."""
    columns = [*texts, *numbers]
    options = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(columns, pa.string()),
        include_columns=columns,
        strings_can_be_null=True,
        null_values=_NULLS,
    )
    with pa.csv.open_csv(path, convert_options=options) as reader:
        for batch in reader:
            for name in numbers:
                for row, text in enumerate(batch.column(columns.index(name)).to_pylist()):
                    if text is not None and not _is_number(text):
                        where = ", ".join(f"{key} {batch.column(i)[row].as_py()}" for i, key in enumerate(texts))
                        raise DataError(
                            f"{path}: column {name} holds {text[:64]!r} ({where}); write a number, or leave it blank"
                        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def days_of(path: Path, column: pa.Array, name: str) -> np.ndarray:
    """Days since 1970-01-01, int32 [row]."""
    days = calendar_days(stamps_of_column(path, column, name))
    return days.astype(np.int64).astype(np.int32)


def stamps_of_column(path: Path, column: pa.Array, name: str) -> np.ndarray:
    """The moments of a column, datetime64 [row], by the clock of its own time zone where it has one."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        encoded = column.dictionary_encode()
        distinct = _stamps_of_texts(path, encoded.dictionary.to_pylist(), name)
        if encoded.null_count == 0:
            return np.take(distinct, encoded.indices.to_numpy(zero_copy_only=False))
    elif not (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)):
        raise DataError(f"{path}: column {name} holds {column.type}; write dates as YYYY-MM-DD")
    if column.null_count:
        raise DataError(f"{path}: column {name} is blank in {column.null_count} rows; give every row its date")
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        column = pc.local_timestamp(column)
    stamps: np.ndarray = column.to_numpy(zero_copy_only=False)
    return stamps


def _stamps_of_texts(path: Path, texts: Sequence[str | None], name: str) -> np.ndarray:
    spelled = [str(text) for text in texts]
    stamps = stamps_of_texts(spelled)
    if (wrong := np.flatnonzero(np.isnat(stamps))).size:
        raise DataError(f"{path}: column {name} holds {spelled[wrong[0]][:64]!r}; write dates as YYYY-MM-DD")
    return stamps


def ids_of(path: Path, column: pa.Array, name: str) -> tuple[list[object], np.ndarray]:
    """The distinct ids as the file has them, and each row's place among them [row]."""
    encoded: pa.DictionaryArray = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    if encoded.indices.null_count:
        raise DataError(f"{path}: column {name} is blank in {encoded.indices.null_count} rows; give every row its id")
    ids = encoded.dictionary
    # A narrow float must stay one: it says which digits are lost.
    distinct = list(ids.to_numpy(zero_copy_only=False)) if pa.types.is_floating(ids.type) else ids.to_pylist()
    if path.suffix not in (".parquet", ".pq"):
        distinct = [unguarded(text) for text in distinct]
    return distinct, encoded.indices.to_numpy(zero_copy_only=False)


def numbers_of(path: Path, column: pa.Array, name: str) -> np.ndarray:
    """Values as float32 [row], NaN where blank."""
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_null(column.type)):
        raise DataError(f"{path}: column {name} holds {column.type}, not numbers; write blanks where it is missing")
    with np.errstate(over="ignore"):  # beyond float32 becomes inf, which is found and named later
        return column.to_numpy(zero_copy_only=False).astype(np.float32)
