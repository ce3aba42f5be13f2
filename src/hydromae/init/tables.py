"""Which table holds the attributes of the stations, and which of its columns."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from hydromae.base.coordinate_columns import coordinate_columns
from hydromae.base.errors import DataError
from hydromae.base.station_ids import id_key, id_texts
from hydromae.config import ATTRIBUTES, AttributesConfig
from hydromae.init.found import CODES, AttributeTable
from hydromae.init.variables import words_of

_BLANK = {"", "na", "nan", "null", "none"}
_SHARES = {"fraction", "frac", "perc", "pct"}
# Coordinates of a map projection and numbers that are only names say nothing about a catchment.
_NO_ATTRIBUTE = {"easting", "northing", "id", "code", "number", "year", "date", "row", "index", "fid", "objectid"}


@dataclass(frozen=True)
class StationTable:
    """A table of attributes and the columns to take.

    Attributes:
        id: column of the station ids.
        columns: attributes for the model, latitude and longitude first where there are any.
        left: columns not taken, each with the reason.
        area: column of the catchment area in km2, None without one.
        located: whether it has latitude and longitude.
        held: share of the stations that the table has.
        absent: the stations that it lacks.
        blanks: column -> rows without a value.
        codes: numbers seen that mean missing.
    """

    path: str
    id: str
    columns: tuple[str, ...]
    left: dict[str, str]
    area: str | None
    located: bool
    held: float
    absent: tuple[str, ...]
    blanks: dict[str, int]
    codes: tuple[float, ...]


def station_table(tables: Iterable[AttributeTable], stations: Iterable[str]) -> StationTable | None:
    """The table with the most stations, of several the one with the most attributes; None if none has half."""
    station_ids = tuple(dict.fromkeys(stations))
    descriptions = [describe(table, station_ids) for table in tables]
    described = [description for description in descriptions if description is not None and description.held >= 0.5]
    if not described:
        return None

    def worth(table: StationTable) -> tuple[object, ...]:
        standard = len(set(table.columns) & set(ATTRIBUTES))
        return table.held, table.located + (table.area is not None), standard, len(table.columns)

    return max(described, key=worth)


def describe(table: AttributeTable, stations: tuple[str, ...]) -> StationTable | None:
    """What a table says of the stations; None if no column holds their ids, or none holds numbers."""
    keys = {id_key(station) for station in stations}
    held = {name: len(ids & keys) for name, ids in _id_columns(table).items()}
    if not stations or not held or not max(held.values()):
        return None
    id_column = max(held, key=lambda name: (held[name], "id" in words_of(name), name))
    ids = {id_key(text) for text in id_texts(table.columns[id_column], table.path)}
    numeric: dict[str, np.ndarray] = {}
    left: dict[str, str] = {}
    for name, texts in table.columns.items():
        numbers = _numbers(texts)
        if name == id_column:
            continue
        if numbers is None:
            left[name] = "not numbers"
        elif words_of(name) & _NO_ATTRIBUTE or not name:
            left[name] = "no property of the catchment"
        elif np.unique(numbers[np.isfinite(numbers)]).size < min(2, len(ids)):
            left[name] = "blank or the same everywhere"
        else:
            numeric[name] = numbers
    degrees = [name for name, values in numeric.items() if _within(values, 360.0)]
    places = {coordinate: degrees[place] for coordinate, place in coordinate_columns(degrees).items()}
    latitude, longitude = places.get("latitude"), places.get("longitude")
    located = latitude is not None and longitude is not None and _within(numeric[latitude], 90.0)
    standard = [name for name in ATTRIBUTES if name in numeric]
    if len(standard) > 2:
        left |= {name: "not one of those the model is made for" for name in numeric if name not in standard}
        columns = standard
    else:
        columns = sorted(numeric, key=lambda name: (latitude, longitude, name).index(name))
    if not columns:
        return None
    coded = {code for numbers in numeric.values() for code in CODES if (numbers == code).any()}
    return StationTable(
        path=table.path,
        id=id_column,
        columns=tuple(columns),
        left=left,
        area=_area(numeric),
        located=located and {latitude, longitude} <= set(columns),
        held=len(ids & keys) / len(keys),
        absent=tuple(station for station in stations if id_key(station) not in ids),
        blanks={name: count for name in columns if (count := int(np.isnan(numeric[name]).sum()))},
        codes=tuple(sorted(coded)),
    )


def _id_columns(table: AttributeTable) -> dict[str, set[str]]:
    """The columns without blanks whose values differ in every row, as sets of ids."""
    columns = {}
    for name, texts in table.columns.items():
        with suppress(DataError):  # a blank
            values = {id_key(text) for text in id_texts(texts, table.path)}
            if len(values) == len(texts):
                columns[name] = values
    return columns


def _numbers(texts: tuple[str, ...]) -> np.ndarray | None:
    """float64, NaN where blank; None where a text is no finite number."""
    try:
        numbers = [float("nan") if text.strip().lower() in _BLANK else float(text) for text in texts]
    except ValueError:
        return None
    values = np.array(numbers, np.float64)
    return None if np.isinf(values).any() else values


def _within(values: np.ndarray, most: float) -> bool:
    held = values[np.isfinite(values) & ~np.isin(values, CODES)]
    return bool(held.size and np.abs(held).max() <= most)


def _area(numeric: dict[str, np.ndarray]) -> str | None:
    """The column of areas: the configuration's default, else a column named area with values above 0."""
    ordered = sorted(numeric, key=lambda name: name != AttributesConfig().area)
    for name in ordered:
        values = numeric[name][np.isfinite(numeric[name]) & ~np.isin(numeric[name], CODES)]
        words = words_of(name)
        if "area" in words and not words & _SHARES and values.size and (values > 0).all():
            return name
    return None
