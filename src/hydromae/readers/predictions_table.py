"""Forecasts or simulations as a table: a row a day and station, or an issue time, lead time and station."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.base.stamps import calendar_days
from hydromae.base.station_ids import id_texts
from hydromae.readers.guard import MAX_SERIES, reading
from hydromae.readers.table_columns import batches, column_names, ids_of, numbers_of, stamps_of_column

_TABLES: Final = (".csv", ".csv.gz", ".parquet", ".pq")
_DAY: Final = ("date", "time", "valid_time")
_STATION: Final = ("station", "ID", "id", "basin", "gauge_id", "station_id")
_ISSUE, _LEAD, _MEMBER = "issue_time", "lead_time", "member"
# Columns of tables of ours that are no prediction.
_BESIDE: Final = ("days_since_observed", "not_trained_for", "station_name", "latitude", "longitude")
_HEADER = re.compile(r"(.*?)\s*[(\[](.*)[)\]]")  # flow [m3/s], or with round brackets
_LEVEL = re.compile(r"_q(0?\.\d+)$")


def is_predictions_table(path: Path) -> bool:
    """Whether a file is a table by its name."""
    return path.name.endswith(_TABLES) and not path.is_dir()


def open_predictions_table(path: Path, variable: str | None, expected: Sequence[str]) -> xr.Dataset:
    """Read the predictions of a CSV or parquet table.

    A simulation has the columns `date`, `station` (or `ID`) and its value; a forecast `issue_time`, `lead_time` (days)
    or `date`, `station` and its value; `member` if there are several. Columns named as the value with `_q0.05` and so
    on are its quantiles. A unit may stand in brackets behind the name, as `flow [m3/s]`, or in the metadata of parquet.

    Args:
        path: the table.
        variable: the column of the value; None is one of `expected`, or the only column of numbers there is.
        expected: what the column may be called.

    Returns:
        `<variable>`, and `<variable>_quantiles` where there are some, float32, NaN where there is no row.

    Raises:
        DataError: a column is absent or holds something else, or two rows are of one value.
    """
    with reading(path, advice="write it as a CSV or parquet table"):
        return _read(path, variable, expected)


def _read(path: Path, variable: str | None, expected: Sequence[str]) -> xr.Dataset:
    headers = column_names(path)
    said = {header: _parts(header) for header in headers}
    header_of = {name: header for header, (name, _) in said.items()}
    station = next((name for name in _STATION if name in header_of), None)
    day = next((name for name in _DAY if name in header_of), None)
    keys = [name for name in (_ISSUE, _LEAD if _ISSUE in header_of else None, station, _MEMBER) if name in header_of]
    if _LEAD not in keys and day is not None:
        keys.append(day)
    if station is None or not {_LEAD, day} & set(keys):
        raise DataError(
            f"{path}: has the columns {', '.join(headers[:20])}; name those of a simulation date, station and the "
            f"value, and those of forecasts issue_time, lead_time, station and the value"
        )
    beside = {*keys, *_DAY, *_STATION, _LEAD, *_BESIDE}
    values = [name for name in header_of if name not in beside and not _LEVEL.search(name)]
    name = variable or next((one for one in expected if one in values), None)
    if name is None:
        if len(values) != 1:
            which = ", ".join(values) if values else "no column of values"
            raise DataError(f"{path}: has {which}; say which is to be scored with --variable NAME (variable=)")
        name = values[0]
    if name not in header_of:
        raise DataError(f"{path}: has no column {name}, only {', '.join(headers[:20])}; name one with --variable")
    levels = {
        float(level[1]): one for one in header_of if one.startswith(f"{name}_q") and (level := _LEVEL.search(one))
    }
    numbers = [name, *(levels[level] for level in sorted(levels))]
    rows = _rows(path, header_of, keys, numbers)
    if not len(rows):
        raise DataError(f"{path}: has no rows; write one for each day")
    if _ISSUE in keys and _LEAD not in keys:
        rows[_LEAD] = (rows.pop(day or "") - rows[_ISSUE]).dt.days
    index = [one for one in (_ISSUE, _LEAD, "time", _MEMBER, "station") if one in rows.columns]
    if (twice := rows.duplicated(index)).any():
        row = rows.loc[twice, index].iloc[0]
        what = ", ".join(f"{key} {_text(value)}" for key, value in row.items())
        raise DataError(f"{path}: has two rows of {what}; keep one of them")
    if np.prod([rows[one].nunique() for one in index], dtype=np.float64) * len(numbers) > MAX_SERIES:
        raise DataError(f"{path}: spans more than the {MAX_SERIES} values that are read; cut it into parts")
    cube = xr.Dataset.from_dataframe(rows.set_index(index))
    units = {"units": _units(path, said, header_of[name])}
    result = xr.Dataset({name: cube[name].assign_attrs(units)})
    if levels:
        places = xr.DataArray(sorted(levels), dims="quantile", name="quantile")
        result[f"{name}_quantiles"] = xr.concat([cube[one] for one in numbers[1:]], places).assign_attrs(units)
    if _LEAD in keys:  # last, since joining variables drops what coordinates say
        said_of_leads = {"units": _units(path, said, header_of[_LEAD]) or "days"}
        result = result.assign_coords({_LEAD: (_LEAD, result[_LEAD].values, said_of_leads)})
    return result


def _rows(path: Path, header_of: dict[str, str], keys: Sequence[str], numbers: Sequence[str]) -> pd.DataFrame:
    """The columns of a table, under our names."""
    texts = [key for key in keys if key != _LEAD]
    floats = [key for key in keys if key == _LEAD] + list(numbers)
    columns: dict[str, list[np.ndarray]] = {name: [] for name in (*texts, *floats)}
    for batch in batches(path, [header_of[one] for one in texts], [header_of[one] for one in floats]):
        for name, column in zip(columns, batch.columns, strict=True):
            header = header_of[name]
            if name in (_ISSUE, *_DAY):
                stamps = calendar_days(stamps_of_column(path, column, header))
                columns[name].append(stamps.astype("datetime64[s]"))
            elif name in (*_STATION, _MEMBER):
                distinct, place = ids_of(path, column, header)
                columns[name].append(np.array(id_texts(distinct, f"{path}: column {header}"), dtype=object)[place])
            else:
                columns[name].append(numbers_of(path, column, header))
    rows = pd.DataFrame({name: np.concatenate(parts) if parts else [] for name, parts in columns.items()})
    if _LEAD in rows and rows[_LEAD].isna().any():
        raise DataError(f"{path}: {_LEAD} is blank in row {1 + int(rows[_LEAD].isna().to_numpy().argmax())}; give it")
    own = dict.fromkeys(_DAY, "time") if _ISSUE not in keys else {}
    return rows.rename(columns=own | dict.fromkeys(_STATION, "station"))


def _units(path: Path, said: dict[str, tuple[str, str]], header: str) -> str:
    if not said[header][1] and path.suffix in (".parquet", ".pq"):
        return ((pq.read_schema(path).field(header).metadata or {}).get(b"units") or b"").decode()
    return said[header][1]


def _parts(header: str) -> tuple[str, str]:
    """Name and unit of a column."""
    plain = header.strip().strip("\ufeff")
    found = _HEADER.fullmatch(plain)
    return (found[1], found[2].strip()) if found else (plain, "")


def _text(value: object) -> str:
    return (
        str(value.date())
        if isinstance(value, pd.Timestamp)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )
