"""Daily series of the CAMELS family, by the table of `camels_layouts`."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.base.stamps import stamps_of_texts
from hydromae.base.station_ids import id_texts, require_distinct
from hydromae.readers.camels_layouts import LAYOUTS, Layout
from hydromae.readers.files import require_file
from hydromae.readers.guard import check_series, reading
from hydromae.readers.station_files import StationFile, join_stations

_BLANK: Final = ("", " ", "NA", "NaN", "nan", "null")
_NO_STATION: Final = ("year", "month", "day", "date", "gauge_id")  # columns beside those of the stations
_HEADER: Final = 2**20  # characters of a header of a thousand stations, and to spare


def layout_named(name: str) -> Layout | None:
    """The layout of a reader; None where it is another's."""
    return next((layout for layout in LAYOUTS if layout.name == name), None)


def is_camels(path: Path, layout: Layout) -> str:
    """What makes a file one of a data set: its name and how it begins; "" where it is none."""
    named = layout.file.fullmatch(path.name)
    if not named or not path.is_file() or not layout.begins.match(_header_line(path, layout)):
        return ""
    part = f"{named['variable']} of all stations" if layout.wide else f"station {named['station']}"
    return f"a {layout.title} file of {part}, by its name and header"


def variables_in(path: Path, layout: Layout) -> list[str]:
    """The variables of a file of one station that the layout has units of, with the means it has none of."""
    held = set(_columns(path, layout))
    whole = [name for name, parts in layout.means.items() if name not in held and held.issuperset(parts)]
    return [name for name in layout.units if name in held or name in whole]


def open_camels(paths: Sequence[Path], variable: str, layout: Layout) -> xr.DataArray:
    """Read one variable.

    Args:
        paths: files of one station each; of a layout that is `wide` only one, of all stations.
        variable: the column, with or without the unit in brackets behind it; a file of all stations has only one.
        layout: of the data set.

    Returns:
        float32 [time, station] from the first to the last day, NaN where missing or absent; `units` is an attribute.

    Raises:
        DataError: a file is absent or unreadable, its name is not that of the data set, it lacks the variable, a row
            has no date or no number, a day is twice in it, or two files hold the same station.
    """
    if layout.wide:
        return _open_wide(require_file(paths[0]), layout)
    name = _plain(variable, layout)
    series = join_stations([_station(require_file(path), name, layout) for path in paths], name)
    series.attrs["units"] = layout.units[name]
    return series


def _station(path: Path, name: str, layout: Layout) -> StationFile:
    named = layout.file.fullmatch(path.name)
    if named is None:
        raise DataError(
            f"{path}: its name is not that of a file of {layout.title}, which holds the id; name it as it was"
        )
    held = variables_in(path, layout)
    if name not in held:
        near = difflib.get_close_matches(name, held, n=1)
        hint = f"did you mean {near[0]}?" if near else "name another with the modality's key variable"
        raise DataError(f"{path}: has no {name}, only {', '.join(held) or 'columns of other meaning'}; {hint}")
    columns = _columns(path, layout)
    parts = [name] if name in columns else list(layout.means[name])
    frame = _read(path, layout, [*layout.dates, *parts], columns)
    numbers = np.stack([_numbers(path, frame[part], part, layout) for part in parts])  # [part, day]
    with np.errstate(over="ignore"):  # beyond float32 becomes inf, which is found and named later
        return StationFile(path, named["station"], _stamps(path, frame, layout), numbers.mean(0).astype(np.float32))


def _open_wide(path: Path, layout: Layout) -> xr.DataArray:
    named = layout.file.fullmatch(path.name)
    if named is None:
        raise DataError(
            f"{path}: its name is not that of a file of {layout.title}, which says the variable; name it as it was"
        )
    columns = _columns(path, layout)
    stations = [column for column in columns if column.lower() not in _NO_STATION]
    ids = id_texts(stations, f"{path}: header")
    require_distinct(ids, f"{path}: header")
    frame = _read(path, layout, [*layout.dates, *stations], columns)
    if frame.empty or not ids:
        raise DataError(f"{path}: has no rows of stations; download it again")
    days = _stamps(path, frame, layout).astype("datetime64[D]")
    ordered = np.sort(days)
    if (twice := ordered[1:][ordered[1:] == ordered[:-1]]).size:
        raise DataError(f"{path}: holds {twice[0]} more than once; keep one row for each day")
    first, last = days.min(), days.max()
    length = int((last - first).astype(np.int64)) + 1
    check_series(path, length, len(ids))
    values = np.full((length, len(ids)), np.nan, np.float32)  # [time, station]
    rows = (days - first).astype(np.int64)
    for place, station in enumerate(stations):
        with np.errstate(over="ignore"):
            values[rows, place] = _numbers(path, frame[station], station, layout).astype(np.float32)
    time = np.arange(first, last + np.timedelta64(1, "D"))
    name = named["variable"]
    coordinates = {"time": time, "station": np.array(ids, object)}
    series = xr.DataArray(values, coordinates, ("time", "station"), name, {"units": layout.units[name]})
    series.encoding["source"] = str(path)
    return series


def _header_line(path: Path, layout: Layout) -> str:
    with path.open(encoding="utf-8-sig", errors="replace") as content:
        for _ in range(layout.skip):
            content.readline(_HEADER)
        return content.readline(_HEADER).rstrip("\r\n")


def _columns(path: Path, layout: Layout) -> list[str]:
    """The columns without brackets behind their names."""
    if layout.columns:
        return list(layout.columns)
    header, separator = _header_line(path, layout), _separator(path, layout)
    parts = header.split() if separator == r"\s+" else header.split(separator)
    return [_plain(part.strip().strip('"'), layout) for part in parts]


def _separator(path: Path, layout: Layout) -> str:
    if layout.separator:
        return r"\s+" if layout.separator == " " else layout.separator
    return max((",", ";", "\t"), key=_header_line(path, layout).count)


def _plain(column: str, layout: Layout) -> str:
    name = column.partition("(")[0].strip()
    return name.lower() if layout.small_letters else name


def _read(path: Path, layout: Layout, wanted: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
    """Some columns as text, None where blank."""
    with reading(path, advice="correct it or download it again"):
        return pd.read_csv(
            path,
            sep=_separator(path, layout),
            header=None,
            names=list(columns),
            usecols=list(dict.fromkeys(wanted)),
            skiprows=layout.skip + (0 if layout.columns else 1),
            dtype=str,
            na_values=list(_BLANK),
            keep_default_na=False,
            encoding="utf-8",
            encoding_errors="replace",
            index_col=False,
        )


def _stamps(path: Path, frame: pd.DataFrame, layout: Layout) -> np.ndarray:
    """The days of the rows, datetime64."""
    if len(layout.dates) == 1:
        texts = frame[layout.dates[0]].fillna("").str.strip().tolist()
    else:
        year, month, day = (frame[name].fillna("").str.strip() for name in layout.dates)
        texts = (year + "-" + month.str.zfill(2) + "-" + day.str.zfill(2)).tolist()
    stamps = stamps_of_texts(texts)
    if (wrong := np.flatnonzero(np.isnat(stamps))).size:
        text = texts[wrong[0]][:64]
        raise DataError(
            f"{path}: row {wrong[0] + 1} of the values is of {text!r}, no date; correct it or download it again"
        )
    return stamps


def _numbers(path: Path, texts: "pd.Series[str]", name: str, layout: Layout) -> np.ndarray:
    """A column as float64, NaN where it is blank or a code that means missing."""
    values = pd.to_numeric(texts, errors="coerce")
    wrong = np.flatnonzero((values.isna() & texts.notna()).to_numpy())
    if wrong.size:
        text = str(texts.iloc[wrong[0]])[:64]
        raise DataError(
            f"{path}: {name} is {text!r} in row {wrong[0] + 1} of the values; write a number or leave it blank"
        )
    numbers = values.to_numpy(np.float64, copy=True)
    numbers[np.isin(numbers, layout.missing)] = np.nan
    return numbers
