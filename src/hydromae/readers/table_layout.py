"""Whether a table of series is long or wide, and which columns of a wide one are stations."""

import difflib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hydromae.base.errors import DataError
from hydromae.base.station_ids import id_key

# The row numbers that pandas and R add, which are no values.
_INDEX = re.compile(r"(__index_level_\d+__)?")
_ROW_NUMBERS = re.compile(r"unnamed: \d+|index|level_\d+|\.\.\.1|row_?(names?|id|number)")
# What people add beside the stations of a wide table.
_BESIDE = {
    "mean", "median", "min", "max", "std", "sum", "total", "average", "avg", "count",
    "year", "month", "day", "hour", "week", "weekday", "season", "quarter", "doy", "dayofyear", "day_of_year", "jday",
}  # fmt: skip
_VARIABLES = {
    "precip", "precipitation", "prcp", "prec", "rain", "rainfall", "ppt", "tp", "pr", "snow", "swe", "snowmelt",
    "temp", "temperature", "tas", "tmax", "tmin", "tmean", "tavg", "flow", "q", "qobs", "discharge", "streamflow",
    "stage", "level", "runoff", "evap", "evaporation", "pet", "aet", "et", "soil", "sm", "moisture", "radiation",
    "srad", "wind", "pressure", "vp", "humidity", "dayl", "flag", "quality", "qc", "hpa",
}  # fmt: skip
_IDS = {"id", "ids", "station", "gauge", "site", "catchment", "basin", "code", "stn", "stationid", "gaugeid", "gage"}
_DIGITS = 4  # the fewest digits of an id of letters and digits; t2m and swvl1 have fewer


@dataclass(frozen=True)
class Layout:
    """Columns of a table, as the file has them.

    Attributes:
        date: the column of the days.
        id: the column of the ids; "" in a wide table.
        variable: the column of the values; "" in a wide table.
        stations: the columns of a wide table that are stations.
        beside: its columns that are no stations and are left out; row numbers without a name are not among them.
    """

    date: str
    id: str = ""
    variable: str = ""
    stations: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


def layout_of(
    path: Path,
    names: Sequence[str],
    variable: str,
    date_column: str,
    id_column: str,
    layout: str | None,
    known_ids: Collection[str],
) -> Layout:
    """Find which column holds what; blanks around their names do not count.

    Args:
        path: the table, for messages.
        names: its columns.
        variable: column of the values, in a long table.
        date_column: column of the days.
        id_column: column of the ids, in a long table.
        layout: long, wide, or None: wide where neither the variable nor the ids have a column, and the others are
            stations by their names.
        known_ids: ids that are known to be stations, whatever they look like.

    Raises:
        DataError: a column is absent, or one of a wide table looks like no station; the message asks for the key that
            says what it is.
    """
    date = named(names, date_column)
    ids, values = named(names, id_column), named(names, variable)
    if layout == "long" or date is None or (layout is None and (ids, values) != (None, None)):
        for column, key in ((date_column, "date_column"), (id_column, "id_column"), (variable, "variable")):
            check_columns(path, names, (column,), key)
        assert date is not None and ids is not None and values is not None
        return Layout(date, ids, values)
    others = [name for name in names if name != date and not _INDEX.fullmatch(name.strip())]
    if layout == "wide":
        beside = [name for name in others if _ROW_NUMBERS.fullmatch(name.strip().lower())]
        if len(beside) == len(others):
            raise DataError(f"{path}: has no column of a station beside {date}; give one, or take layout: wide out")
        return Layout(date, stations=tuple(name for name in others if name not in beside), beside=tuple(beside))
    stations, beside, strange = station_columns(others, known_ids)
    if strange or not stations:
        raise _no_stations(path, stations, strange or beside, variable, id_column)
    return Layout(date, stations=tuple(stations), beside=tuple(beside))


def station_columns(names: Sequence[str], known_ids: Collection[str] = ()) -> tuple[list[str], list[str], list[str]]:
    """Sort the columns of a wide table but that of the days: stations, what often stands beside them, and the rest.

    Stations are the `known_ids` and those that look like ids, unless they only count the columns (0, 1, 2).
    """
    keys = {id_key(station) for station in known_ids}
    sure = {name for name in names if id_key(name.strip()) in keys}
    beside = [name for name in names if name not in sure and _is_beside(name)]
    unproven = [name for name in names if name not in sure and name not in beside]
    counted = {name.strip() for name in unproven} == {str(i) for i in range(len(unproven))}
    strange = [name for name in unproven if counted or not looks_like_id(name)]
    return [name for name in names if name not in beside and name not in strange], beside, strange


def named(names: Sequence[str], column: str) -> str | None:
    """The column of this name, else the one with blanks around the name; None where there is none."""
    if column in names:
        return column
    return next((name for name in names if name.strip() == column.strip()), None)


def looks_like_id(name: str) -> bool:
    """Whether a column could be a station by its name: a whole number, or letters and four digits or more.

    A number with a fraction is no station: pandas calls a second column 39001 39001.1.
    """
    text = name.strip()
    if re.fullmatch(r"[0-9]+(\.0*)?", text):
        return True
    letters = {re.sub(r"[0-9]", "", part): part for part in re.split(r"[^a-z0-9]+", text.lower())}
    words = {word for word, part in letters.items() if len(word) > 1 or word == part}
    plain = re.fullmatch(r"[A-Za-z0-9]+([ _:/-][A-Za-z0-9]+)*", text) and not re.fullmatch(r"[A-Za-z][0-9]{,4}", text)
    return bool(plain) and sum(sign.isdigit() for sign in text) >= _DIGITS and not words & _VARIABLES


def _is_beside(name: str) -> bool:
    plain = name.strip().lower()
    return plain in _BESIDE or _ROW_NUMBERS.fullmatch(plain) is not None


def _no_stations(
    path: Path, stations: Sequence[str], strange: Sequence[str], variable: str, id_column: str
) -> DataError:
    what = f"{path}: has no column {id_column} and no column {variable}, and {_listed(strange)}"
    verb, is_one, it = ("look", "is", "each of them") if len(strange) > 1 else ("looks", "is", "it")
    if stations:
        return DataError(
            f"{what} {verb} like no station id as {stations[0].strip()} does; set the modality's key layout to wide if "
            f"{it} {is_one} a station, else take the columns that are no stations out of the table"
        )
    return DataError(
        f"{what} {verb} like no station id; name the column of the ids with the modality's key id_column and that of "
        f"the values with variable (add a column of ids where the table is of one station), or set layout to wide if "
        f"{it} {is_one} a station"
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(name.strip() for name in names[:8]) + (", ..." if len(names) > 8 else "")


def check_columns(path: Path, names: Sequence[str], columns: Iterable[str], key: str = "variable") -> None:
    """Raise DataError, suggesting the nearest one, where a column is absent; the modality's `key` names the column."""
    for column in columns:
        if named(names, column) is not None:
            continue
        plain = {name.strip().lower(): name.strip() for name in reversed(names)}
        near = [plain[plain_name] for plain_name in difflib.get_close_matches(column.strip().lower(), plain, n=1)]
        if key == "id_column" and not near:
            near = [name for plain_name, name in plain.items() if _IDS & set(re.split(r"[^a-z0-9]+", plain_name))][:1]
        hint = f"did you mean {near[0]}? Name it" if near else "name another"
        hint += f" with the modality's key {key}"
        if key == "id_column" and not near:
            hint += ", or add a column of ids where the table is of one station"
        listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
        raise DataError(f"{path}: has no column {column}, only {listed}; {hint}")
