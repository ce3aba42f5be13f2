"""The table of static attributes: one row a station."""

import csv
import difflib
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from hydromae.base.coordinate_columns import coordinate_columns, projected_columns
from hydromae.base.csv_text import unguarded
from hydromae.base.errors import DataError
from hydromae.base.station_ids import id_texts, require_distinct
from hydromae.config import AttributesConfig
from hydromae.readers.cf_series import attributes_of_stations
from hydromae.readers.files import require_file
from hydromae.readers.guard import reading
from hydromae.readers.netcdf_file import NETCDF, open_netcdf
from hydromae.sources.station_places import computed_places

_SEPARATORS = (",", ";", "\t")
_BLANK = ("", "na", "nan", "null", "none")
_MAX_BYTES = 2**26
_NAMES = ("name", "station_name", "gauge_name")


@dataclass(frozen=True)
class Attributes:
    """Attributes of some stations.

    Attributes:
        ids: the stations, as text.
        names: the attributes.
        values: float64 [stations, attributes]; NaN is missing.
        areas: catchment areas in km2, float64 [stations], NaN where missing; None if the table has no such column.
        station_names: what stations are called, by id, where the table has a column of names.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    values: Float[np.ndarray, "station attribute"]
    areas: Float[np.ndarray, "station"] | None
    station_names: dict[str, str] = field(default_factory=dict)

    def of(self, ids: Sequence[str]) -> "Attributes":
        """The rows of some of the stations, in their order."""
        rows = {station: row for row, station in enumerate(self.ids)}
        index = [rows[station] for station in ids]
        areas = None if self.areas is None else self.areas[index]
        return replace(self, ids=tuple(ids), values=self.values[index], areas=areas)


def read_attributes(path: Path, settings: AttributesConfig, missing_values: Sequence[float]) -> Attributes:
    """Read a table of attributes: netCDF, or CSV whose header line says whether `,`, `;`, tabs or blanks part columns.

    Lines before the header that begin with `#` are left out, as CAMELS-CH has them. Of netCDF the variables over the
    dimension of the stations are columns.

    Args:
        path: the file, with a header line, or netCDF (.nc, .nc4, .cdf).
        settings: which columns are the ids, the attributes and the area.
        missing_values: numbers that mean missing, beside blank and NaN.

    Raises:
        DataError: the file or a column is absent or of text, an id is blank or repeated, or a value is not a number.
    """
    header, rows = _labelled(path, settings.id) if path.suffix in NETCDF else _table(path)
    computable = _computable(settings) if settings.crs is not None else set()
    for column in (settings.id, *settings.columns):
        if column not in header and column not in computable:
            raise DataError(f"{path}: has no column {column}; {_remedy(column, header, settings)}")
        if header.count(column) > 1:
            raise DataError(f"{path}: has two columns {column}; rename one of them")
    ids = _ids(path, [row[settings.id] for row in rows])

    def column_values(column: str) -> Float[np.ndarray, "station"]:
        values = _numbers(path, column, [row[column] for row in rows], ids)
        return np.where(np.isin(values, missing_values), np.nan, values)

    computed = {}
    if settings.crs is not None:
        computed = computed_places(path, settings.columns, header, column_values, ids, settings.crs)
    by_column = [computed[name] if name in computed else column_values(name) for name in settings.columns]
    values = np.stack(by_column, axis=1)  # [station, attribute]
    areas = column_values(settings.area) if settings.area in header else None
    if areas is not None and (areas <= 0).any():
        station = ids[int(np.flatnonzero(areas <= 0)[0])]
        raise DataError(f"{path}: {settings.area} of station {station} is not above 0; correct it or leave it blank")
    named = next((c for c in header if re.sub(r"\W", "_", c).lower() in _NAMES and c != settings.id), None)
    called = dict(zip(ids, [unguarded((row[named] or "").strip()) for row in rows], strict=True)) if named else {}
    return Attributes(ids, settings.columns, values, areas, {station: name for station, name in called.items() if name})


def _computable(settings: AttributesConfig) -> set[str]:
    """The columns that need not be in the table, since easting and northing say them."""
    return {settings.columns[place] for place in coordinate_columns(settings.columns).values()}


def _remedy(column: str, header: Sequence[str], settings: AttributesConfig) -> str:
    if column in _computable(settings) and len(places := projected_columns(header)) == 2:
        named = " and ".join(header[place] for place in places.values())
        return f"it has {named}, from which it is computed: set data.attributes.crs, as EPSG:27700 for Great Britain"
    near = difflib.get_close_matches(column, header, n=1)
    hint = f"did you mean {near[0]}" if near else f"it has {', '.join(header[:30])}"
    return f"{hint}; set data.attributes.id or .columns"


def _ids(path: Path, column: Sequence[str | None]) -> tuple[str, ...]:
    if not column:
        raise DataError(f"{path}: has no stations; give one row a station")
    for line, text in enumerate(column, start=2):
        if not (text or "").strip():
            raise DataError(f"{path}: has a row without an id (line {line}); keep one row a station")
    ids = id_texts([unguarded(text or "") for text in column], str(path))
    require_distinct(ids, str(path), "keep one row a station", first_line=2)
    return tuple(ids)


def table_text(content: bytes) -> tuple[str, str]:
    """A table as text from its header line on, and the sign that parts its columns.

    It is that of `,`, `;` and tabs which is most often in the header, or else a blank. Lines before the header that
    begin with `#` are about the file. What is not UTF-8 is taken for Latin-1.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    while text.startswith("#"):
        text = text.partition("\n")[2]
    header = text.partition("\n")[0]
    return text, max(_SEPARATORS, key=header.count) if any(sign in header for sign in _SEPARATORS) else " "


def _table(path: Path) -> tuple[list[str], list[dict[str, str | None]]]:
    """The header and the rows; the separator is the sign that is most often in the header."""
    require_file(path)
    if path.stat().st_size > _MAX_BYTES:
        raise DataError(f"{path}: has {path.stat().st_size} bytes, too many for one row a station; name another file")
    with reading(path, advice="write it as a CSV in UTF-8"):
        text, separator = table_text(path.read_bytes())
        blanks = separator == " "
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=blanks)
        rows = list(reader)
        header = [name.strip() for name in reader.fieldnames or ()]
    if blanks and (uneven := [place for place, row in enumerate(rows) if None in row or None in row.values()]):
        raise DataError(
            f"{path}: its columns are separated by blanks, but row {uneven[0] + 1} has not the {len(header)} of the "
            f"header; write texts with blanks in quotes"
        )
    return header, [_stripped(row) for row in rows]


def _labelled(path: Path, id_column: str) -> tuple[list[str], list[dict[str, str | None]]]:
    """The variables over the stations of a netCDF file, as the columns of a table."""
    require_file(path)
    with reading(path), open_netcdf(path) as data:
        columns = attributes_of_stations(path, data, id_column)
    return list(columns), [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _stripped(row: dict[str | None, str | None]) -> dict[str, str | None]:
    """The row without the values beyond the header, which are under None."""
    return {name.strip(): value for name, value in row.items() if name is not None}


def _numbers(path: Path, column: str, texts: Sequence[str | None], ids: Sequence[str]) -> Float[np.ndarray, "station"]:
    """A column as numbers, NaN where blank."""
    given = [(text or "").strip() for text in texts]
    values = [float("nan") if text.lower() in _BLANK else _number(text) for text in given]
    filled = [i for i, text in enumerate(given) if text.lower() not in _BLANK]
    wrong = [i for i in filled if values[i] is None]
    if wrong:
        text, station = given[wrong[0]][:64], ids[wrong[0]]
        if len(wrong) == len(filled) > 1:
            raise DataError(
                f"{path}: {column} is a column of text ({text!r} for station {station}); "
                f"name columns of numbers in data.attributes.columns"
            )
        advice = "write it with a decimal point" if _number(text.replace(",", ".")) is not None else "write a number"
        raise DataError(f"{path}: {column} of station {station} is {text!r}; {advice} or leave it blank")
    return np.array(values, np.float64)


def _number(text: str) -> float | None:
    """None for what is no finite number."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
