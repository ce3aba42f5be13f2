"""The table of static attributes: one row a station."""

import csv
import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from hydromae.config import AttributesConfig
from hydromae.data.readers.files import require_file
from hydromae.errors import DataError


@dataclass(frozen=True)
class Attributes:
    """Attributes of some stations.

    Attributes:
        ids: the stations, as text.
        names: the attributes.
        values: float64 [stations, attributes]; NaN is missing.
        areas: catchment areas in km2, float64 [stations], NaN where missing; None if the table has no such column.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    values: Float[np.ndarray, "station attribute"]
    areas: Float[np.ndarray, "station"] | None

    def of(self, ids: Sequence[str]) -> "Attributes":
        """The rows of some of the stations, in their order."""
        rows = {station: row for row, station in enumerate(self.ids)}
        index = [rows[station] for station in ids]
        return Attributes(tuple(ids), self.names, self.values[index], None if self.areas is None else self.areas[index])


def read_attributes(path: Path, settings: AttributesConfig, missing_values: Sequence[float]) -> Attributes:
    """Read a CSV of attributes.

    Args:
        path: the file, with a header line.
        settings: which columns are the ids, the attributes and the area.
        missing_values: numbers that mean missing, beside blank and NaN.

    Raises:
        DataError: the file or a column is absent, an id is blank or repeated, or a value is not a number.
    """
    require_file(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as content:
            reader = csv.DictReader(content)
            rows, header = list(reader), list(reader.fieldnames or ())
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise DataError(f"{path}: cannot be read ({error}); write it as a CSV in UTF-8") from None
    for column in (settings.id, *settings.columns):
        if column not in header:
            near = difflib.get_close_matches(column, header, n=1)
            hint = f"did you mean {near[0]}" if near else f"it has {', '.join(header)}"
            raise DataError(f"{path}: has no column {column}; {hint}; set data.attributes.id or .columns")
    ids = tuple((row[settings.id] or "").strip() for row in rows)
    if not ids:
        raise DataError(f"{path}: has no stations; give one row a station")
    seen: set[str] = set()
    for line, station in enumerate(ids, start=2):
        if not station or station in seen:
            problem = f"has station {station} more than once" if station else "has a row without an id"
            raise DataError(f"{path}: {problem} (line {line}); keep one row a station")
        seen.add(station)

    def column_values(column: str) -> Float[np.ndarray, "station"]:
        values = np.array([_number(path, row[column], column, i) for row, i in zip(rows, ids, strict=True)])
        return np.where(np.isin(values, missing_values), np.nan, values)

    values = np.stack([column_values(column) for column in settings.columns], axis=1)  # [station, attribute]
    areas = column_values(settings.area) if settings.area in header else None
    if areas is not None and (areas <= 0).any():
        station = ids[int(np.flatnonzero(areas <= 0)[0])]
        raise DataError(f"{path}: {settings.area} of station {station} is not above 0; correct it or leave it blank")
    return Attributes(ids, settings.columns, values, areas)


def _number(path: Path, text: str | None, column: str, station: str) -> float:
    if text is None or not text.strip() or text.strip().lower() in ("na", "nan", "null", "none"):
        return float("nan")
    try:
        value = float(text)
    except ValueError:
        value = float("inf")
    if np.isinf(value):
        raise DataError(f"{path}: {column} of station {station} is {text!r}; write a number or leave it blank")
    return value
