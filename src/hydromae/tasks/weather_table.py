"""Weather after an issue time as a table: a row a day, station and member, a column for each variable."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq
import xarray as xr
from jaxtyping import Float, Int

from hydromae.base.errors import DataError
from hydromae.base.stamps import Clocks, more_than_once
from hydromae.base.station_ids import id_texts, require_distinct, sorted_ids
from hydromae.readers.guard import MAX_SERIES, reading
from hydromae.readers.table_columns import batches, column_names, ids_of, numbers_of, stamps_of_column

_log = logging.getLogger(__name__)

_TABLES: Final = (".csv", ".csv.gz", ".parquet", ".pq")
_DATE, _ISSUE, _LEAD, _STATION, _MEMBER = "date", "issue_time", "lead_time", "station", "member"
_ID = "ID"  # what tables of observations call the station
_HEADER = re.compile(r"(.*?)\s*[(\[](.*)[)\]]")  # precip [mm/d], or with round brackets


def is_weather_table(path: Path) -> bool:
    """Whether a file is a table by its name."""
    return path.name.endswith(_TABLES) and not path.is_dir()


def open_weather_table(path: Path, units: Mapping[str, str]) -> xr.Dataset:
    """Read the weather of a CSV or parquet table.

    Its columns are `date`, the day that the weather is of, or `issue_time` with `lead_time` (days) or `date`; `station`
    (or `ID`), which a table of one station does not need; `member`, if there are several; and one for each variable. A
    header may say a unit in brackets, as `precip [mm/d]`, and a column of parquet in its metadata, as `units`.

    Args:
        path: the table.
        units: variables that are taken where they are there, and the unit of each where the table says none.

    Returns:
        Each variable float32 over (time) or (issue_time, lead_time), then member and station where they have a column;
        NaN where there is no row. `units` is an attribute.

    Raises:
        DataError: the table or a column is unreadable or absent, or a day of a station and member has two rows.
    """
    with reading(path, advice="write it as a parquet or CSV table"):
        return _Table(path, units).cube()


@dataclass(frozen=True)
class _Axis:
    """One dimension: its distinct values in order, and the place of each row among them."""

    values: np.ndarray
    place: Int[np.ndarray, "row"]


class _Table:
    """A table whose columns have been found."""

    def __init__(self, path: Path, units: Mapping[str, str]) -> None:
        self.path, self.usual = path, units
        headers = column_names(path)
        self.said = {header: _parts(header) for header in headers}  # header -> name and unit
        self.header_of: dict[str, str] = {}
        for header, (name, _) in self.said.items():
            if (other := self.header_of.setdefault(name, header)) != header:
                raise DataError(f"{path}: has two columns of {name}, {other} and {header}; take one out")
        self.variables = [name for name in units if name in self.header_of]
        self.station = next((name for name in (_STATION, _ID) if name in self.header_of), None)
        self.by_issue = _ISSUE in self.header_of
        if not self.by_issue and _DATE not in self.header_of:
            raise DataError(
                f"{path}: has no column {_DATE}, only {', '.join(headers[:20])}; write the day of the weather in a "
                f"column {_DATE}, or {_ISSUE} and {_LEAD} (days)"
            )
        if self.by_issue and not {_DATE, _LEAD} & set(self.header_of):
            raise DataError(f"{path}: has {_ISSUE}, but neither {_LEAD} (days) nor {_DATE}; add one of them")

    def cube(self) -> xr.Dataset:
        if not self.variables:  # which `open_weather` says, with what there is
            return xr.Dataset({name: ((), np.nan) for name in self.header_of})
        texts = [name for name in (_DATE, _ISSUE, self.station, _MEMBER) if name is not None and name in self.header_of]
        leads = [_LEAD] if self.by_issue and _LEAD in self.header_of else []
        columns: dict[str, list[np.ndarray]] = {name: [] for name in (*texts, *leads, *self.variables)}
        ids: dict[str, dict[object, int]] = {name: {} for name in (self.station, _MEMBER) if name in texts and name}
        for batch in batches(self.path, [self.header_of[name] for name in texts],
                             [self.header_of[name] for name in (*leads, *self.variables)]):  # fmt: skip
            for name, column in zip(columns, batch.columns, strict=True):
                header = self.header_of[name]
                if name in ids:
                    distinct, index = ids_of(self.path, column, header)
                    codes = [ids[name].setdefault(one, len(ids[name])) for one in distinct]
                    columns[name].append(np.array(codes, np.int64)[index])
                elif name in (_DATE, _ISSUE):
                    columns[name].append(stamps_of_column(self.path, column, header).astype("datetime64[ns]"))
                else:
                    columns[name].append(numbers_of(self.path, column, header))
        rows = {name: np.concatenate(parts) for name, parts in columns.items() if parts}
        if not rows or not len(next(iter(rows.values()))):
            raise DataError(f"{self.path}: has no rows; write one for each day")
        axes = self._days(rows)
        if _MEMBER in ids:
            axes[_MEMBER] = self._ids(_MEMBER, list(ids[_MEMBER]), rows[_MEMBER])
        if self.station is not None:
            axes[_STATION] = self._ids(self.station, list(ids[self.station]), rows[self.station])
        position = self._positions(axes, rows)
        shape = [len(axis.values) for axis in axes.values()]
        units = self._units()
        variables = {}
        for name in self.variables:
            values = np.full(int(np.prod(shape)), np.nan, np.float32)
            values[position] = rows[name]
            variables[name] = (tuple(axes), values.reshape(shape), {"units": units.get(name, self.usual[name])})
        said = {_LEAD: {"units": units.get(_LEAD, "days")}}
        return xr.Dataset(variables, {name: (name, axis.values, said.get(name, {})) for name, axis in axes.items()})

    def _days(self, rows: dict[str, np.ndarray]) -> dict[str, _Axis]:
        """The dimensions of time: of the days, or of issue times and lead times."""
        days = {}
        for name in (_DATE, _ISSUE):
            if name in rows:
                clocks = Clocks()
                days[name] = clocks.days_of(rows[name])
                clocks.check(self.path, self.header_of[name])
                for note in clocks.notes("write the local days, as YYYY-MM-DD"):
                    _log.warning("%s: column %s: %s", self.path, self.header_of[name], note)
        if not self.by_issue:
            return {"time": _axis(days[_DATE].astype("datetime64[ns]"))}
        between = (days[_DATE] - days[_ISSUE]).astype(np.float64) if _DATE in days else None
        leads = rows[_LEAD].astype(np.float64) if _LEAD in rows else between
        assert leads is not None  # one of them is there
        if np.isnan(leads).any():
            raise DataError(f"{self.path}: {_LEAD} is blank in row {1 + int(np.isnan(leads).argmax())}; give it")
        in_days = leads if self._units().get(_LEAD, "days").startswith("d") else leads / 24
        if between is not None and (apart := in_days != between).any():
            row = int(apart.argmax())
            raise DataError(
                f"{self.path}: row {1 + row} is of {days[_DATE][row]}, but its {_LEAD} after {days[_ISSUE][row]} is "
                f"{leads[row]:g}; correct one, or leave {_LEAD} out"
            )
        return {_ISSUE: _axis(days[_ISSUE].astype("datetime64[ns]")), _LEAD: _axis(leads)}

    def _ids(self, name: str, distinct: list[object], codes: np.ndarray) -> _Axis:
        texts = id_texts(distinct, f"{self.path}: column {self.header_of[name]}")
        ordered = sorted_ids(set(texts))
        require_distinct(ordered, f"{self.path}: column {self.header_of[name]}")
        place = {text: i for i, text in enumerate(ordered)}
        return _Axis(np.array(ordered, object), np.array([place[text] for text in texts])[codes])

    def _positions(self, axes: dict[str, _Axis], rows: dict[str, np.ndarray]) -> Int[np.ndarray, "row"]:
        """The place of each row in an array of all dimensions."""
        shape = [len(axis.values) for axis in axes.values()]
        sizes = " x ".join(f"{size} ({name})" for name, size in zip(axes, shape, strict=True))
        if np.prod(shape, dtype=np.float64) > MAX_SERIES:
            raise DataError(f"{self.path}: spans {sizes}, more than the {MAX_SERIES} values that are read; cut it")
        position = np.ravel_multi_index([axis.place for axis in axes.values()], shape)
        order = np.argsort(position, kind="stable")
        again = np.flatnonzero(np.diff(position[order]) == 0)
        if len(again):
            same = np.sort(order[position[order] == position[order][again[0]]])
            said = {name: axis.values[axis.place[same[0]]] for name, axis in axes.items()}
            what = ", ".join(f"{'day' if name == 'time' else name} {_text(value)}" for name, value in said.items())
            numbers = " and ".join(str(1 + row) for row in same[:3])
            stamps = rows[_DATE if _DATE in rows else _ISSUE][same]
            raise more_than_once(self.path, f"{what} (rows {numbers})", stamps)
        return position

    def _units(self) -> dict[str, str]:
        """What the table says of units, by column."""
        units = {name: unit for name, unit in self.said.values() if unit}
        if self.path.suffix in (".parquet", ".pq"):
            for field in pq.read_schema(self.path):
                said = (field.metadata or {}).get(b"units")
                if said:
                    units.setdefault(self.said[field.name][0], said.decode())
        return units


def _parts(header: str) -> tuple[str, str]:
    """Name and unit of a column."""
    found = _HEADER.fullmatch(header.strip().strip("\ufeff"))
    return (found[1], found[2].strip()) if found else (header.strip().strip("\ufeff"), "")


def _axis(values: Float[np.ndarray, "row"] | np.ndarray) -> _Axis:
    distinct, place = np.unique(values, return_inverse=True)
    return _Axis(distinct, place)


def _text(value: object) -> str:
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[D]"))
    return f"{value:g}" if isinstance(value, float) else str(value)
