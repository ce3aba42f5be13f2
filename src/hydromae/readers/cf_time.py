"""Time as the CF conventions write it: stamps, calendars, and the hours that a value covers."""

import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.base.stamps import Clocks, clock
from hydromae.readers.guard import MAX_DAYS

_CALENDARS = {"standard", "gregorian", "proleptic_gregorian"}
_SECONDS = {
    **dict.fromkeys(("day", "days", "d"), 86400.0),
    **dict.fromkeys(("hour", "hours", "hr", "hrs", "h"), 3600.0),
    **dict.fromkeys(("minute", "minutes", "min", "mins"), 60.0),
    **dict.fromkeys(("second", "seconds", "sec", "secs", "s"), 1.0),
    **dict.fromkeys(("millisecond", "milliseconds", "msec", "msecs", "ms"), 1e-3),
    **dict.fromkeys(("microsecond", "microseconds", "us"), 1e-6),
    **dict.fromkeys(("nanosecond", "nanoseconds", "ns"), 1e-9),
}
_UNITS = re.compile(r"\s*(\w+)\s+since\s+(.+?)\s*")
_DATE = re.compile(r"(\d{1,4})-(\d{1,2})-(\d{1,2})(?!\d)(.*)")
# The standard calendar is Gregorian from this day on, and Julian before it.
_GREGORIAN = (1582, 10, 15)
_FIRST, _LAST = np.datetime64("1583-01-01", "s"), np.datetime64("9999-12-31", "s")
_EPOCH = np.datetime64("1970-01-01", "s")
_JULIAN_EPOCH = 2440588  # the Julian day number of 1970-01-01
_HOURS = re.compile(r"\b(\d{2}):?(\d{2})\s*(?:UTC|GMT|Z)?\s*(?:-|to)\s*(\d{2}):?(\d{2})\b", re.IGNORECASE)
_DAY_MINUTES = 24 * 60


def is_time(variable: xr.DataArray) -> bool:
    """Whether a variable's units are `... since ...`."""
    return " since " in str(variable.attrs.get("units", ""))


def stamps_of(path: Path, time: xr.DataArray) -> np.ndarray:
    """The moments that an undecoded time [day] stands for, to the second, datetime64[s].

    Raises:
        DataError: its calendar is not the usual one, its units have no fixed length, or it is not a date everywhere.
    """
    calendar = str(time.attrs.get("calendar", "standard")).lower()
    if calendar not in _CALENDARS:
        raise DataError(
            f"{path}: has the calendar {calendar}, whose days are not those of the records; write its {time.name} as "
            f"days since 1970-01-01 in the calendar standard, each the day that its values are of"
        )
    if time.ndim != 1 or time.size > MAX_DAYS:
        raise DataError(f"{path}: its time has {time.size} entries, more than the {MAX_DAYS} that are read; cut it")
    return _decoded(path, time.values, time.attrs)


def _decoded(path: Path, values: np.ndarray, attrs: Mapping[Hashable, Any]) -> np.ndarray:
    units = str(attrs.get("units", ""))
    said = _UNITS.fullmatch(units)
    length = _SECONDS.get(said[1].lower()) if said else None
    if said is None or length is None:
        raise DataError(
            f"{path}: its time is in {units!r}, whose length is not fixed or not known; "
            f"write it in days since 1970-01-01, as CF has it"
        )
    proleptic = str(attrs.get("calendar", "")).lower() == "proleptic_gregorian"
    try:
        since = _reference(said[2], proleptic)
    except (ValueError, OverflowError):
        raise DataError(
            f"{path}: its time is in {units!r}, which does not say a day; "
            f"write it in days since 1970-01-01, as CF has it"
        ) from None
    dated = values.dtype.kind in "iuf"
    with np.errstate(all="ignore"):
        seconds = np.floor(values.astype(np.float64) * length + 0.5) if dated else np.zeros(0)
    # Beyond these there is no date that numpy could hold.
    if not dated or not (np.abs(seconds) < 1e12).all():
        raise DataError(f"{path}: its time is not a date everywhere; write it as CF has it")
    stamps: np.ndarray = since + seconds.astype("timedelta64[s]")
    wrong = (stamps < _FIRST) | (stamps > _LAST)
    if wrong.any():
        raise DataError(f"{path}: its time holds {stamps[wrong][0]}, which is no day of any record; correct it")
    return stamps


def _reference(text: str, proleptic: bool) -> np.datetime64:
    """The moment, in UTC, that time is counted from; ValueError where it is none.

    Years before those that pandas knows occur, as `days since 1-1-1`; in the standard calendar their days are Julian.
    """
    parts = _DATE.fullmatch(text)
    if parts is None:
        return _to_utc(pd.Timestamp(text))
    year, month, day = (int(parts[i]) for i in (1, 2, 3))
    if not (1 <= month <= 12 and 1 <= day <= 31):
        raise ValueError(text)
    # The time of day and the offset from UTC behind it, on a day that pandas knows.
    behind = parts[4].strip()
    time_of_day = _to_utc(pd.Timestamp(f"2000-01-01 {behind.lstrip('Tt')}")) - np.datetime64("2000-01-01", "s")
    if proleptic or (year, month, day) >= _GREGORIAN:
        date = np.datetime64(f"{year:04d}-{month:02d}-{day:02d}", "s")
    else:
        date = _EPOCH + np.timedelta64(_julian_day(year, month, day) - _JULIAN_EPOCH, "D")
    return date + time_of_day


def _to_utc(stamp: pd.Timestamp) -> np.datetime64:
    if pd.isna(stamp):
        raise ValueError("no date")
    moment: np.datetime64 = (stamp if stamp.tz is None else stamp.tz_convert(None)).to_datetime64()
    return moment.astype("datetime64[s]")


def _julian_day(year: int, month: int, day: int) -> int:
    """The Julian day number of a date of the Julian calendar."""
    before = (14 - month) // 12  # January and February are counted to the year before
    years, months = year + 4800 - before, month + 12 * before - 3
    return day + (153 * months + 2) // 5 + 365 * years + years // 4 - 32083


def notes_on_time(
    path: Path, data: xr.Dataset, time: Hashable, days: np.ndarray, clocks: Clocks, methods: str
) -> list[str]:
    """Notes on the days: the hour of their stamps, and the hours that a value covers where those are not 0 to 24.

    Args:
        path: the file, for messages.
        data: holds the time and, where `time` names them, its bounds [day, 2].
        time: name of the time coordinate.
        days: the days that its stamps stand for [day].
        clocks: the times of day of its stamps.
        methods: the values' cell_methods and comments, asked where there are no bounds.
    """
    notes = list(clocks.notes())
    bounds = str(data[time].attrs.get("bounds", ""))
    if bounds in data.variables and data[bounds].shape == (len(days), 2):
        ends = _decoded(path, data[bounds].values, {**data[time].attrs, **data[bounds].attrs})
        minutes = np.unique((ends - days[:, None]).astype("timedelta64[m]").astype(np.int64), axis=0)  # [kind, 2]
        if len(minutes) > 1:
            notes.append("the hours that a value covers differ from day to day")
        elif minutes[0].tolist() != [0, _DAY_MINUTES]:
            notes.append(f"a value covers {_when(int(minutes[0, 0]))} to {_when(int(minutes[0, 1]))}")
    elif said := _HOURS.search(methods):
        first, last = (int(said[i]) * 60 + int(said[i + 1]) for i in (1, 3))
        if first % _DAY_MINUTES or last % _DAY_MINUTES:
            until = f"{clock(last)} of the next day" if last <= first else clock(last)
            notes.append(f"a value covers {clock(first)} to {until}")
    return notes


def _when(minutes: int) -> str:
    """A time of day in words, from the minutes since the beginning of the day that a value is dated by."""
    days, of_day = divmod(minutes, _DAY_MINUTES)
    named = {-1: " of the day before", 0: "", 1: " of the next day"}
    return clock(of_day) + named.get(days, f" of day {days:+d}")
