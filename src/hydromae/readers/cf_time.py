"""Time as the CF conventions write it: stamps, calendars, and the hours that a value covers."""

import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.base.stamps import Clocks, clock, seconds_of
from hydromae.readers.calendars import DAYS_OF_YEAR, day_number, real_days
from hydromae.readers.guard import MAX_A_DAY, MAX_DAYS
from hydromae.readers.time_rules import TimeRules

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
_AS_FILES_SAY = TimeRules()


def is_time(variable: xr.DataArray) -> bool:
    """Whether a variable's units are `... since ...`, or an engine of xarray has decoded it."""
    return " since " in str(variable.attrs.get("units", "")) or variable.dtype.kind == "M"


def calendar_of(time: xr.DataArray, rules: TimeRules = _AS_FILES_SAY) -> str:
    """The calendar in which a time is counted, in lower case."""
    return rules.calendar or str(time.attrs.get("calendar", "standard")).lower()


def stamps_of(path: Path, time: xr.DataArray, rules: TimeRules = _AS_FILES_SAY) -> np.ndarray:
    """The moments that an undecoded time [day] stands for, to the second, datetime64[s].

    Of a calendar that lacks real days they are those of `align_on`, NaT where there is none.

    Raises:
        DataError: its calendar is not the usual one and there is no rule for it, its units have no fixed length, or it
            is not a date everywhere.
    """
    calendar = calendar_of(time, rules)
    if calendar not in _CALENDARS and (calendar not in DAYS_OF_YEAR or rules.align_on is None):
        known = calendar in DAYS_OF_YEAR
        key = "align_on to date or year" if known else "calendar to standard where it is named by mistake"
        raise DataError(
            f"{path}: has the calendar {calendar}, whose days are not those of the records; write its {time.name} as "
            f"days since 1970-01-01 in the calendar standard, each the day that its values are of, or, for data of a "
            f"configuration, set the modality's key {key}"
        )
    most = MAX_DAYS * (MAX_A_DAY if rules.sub_daily else 1)
    if time.ndim != 1 or time.size > most:
        raise DataError(f"{path}: its time has {time.size} entries, more than the {most} that are read; cut it")
    if time.dtype.kind == "M":  # an engine of xarray may have decoded it
        return seconds_of(time.values)
    return _decoded(path, time.values, {**time.attrs, "calendar": calendar}, rules.align_on)


def source_days(path: Path, time: xr.DataArray, rules: TimeRules) -> np.ndarray | None:
    """Days of a calendar that lacks real ones, counted in it; None in the usual calendars."""
    calendar = calendar_of(time, rules)
    if calendar not in DAYS_OF_YEAR:
        return None
    length, since = _units_of(path, time.attrs)
    return _numbers(calendar, since, np.floor(time.values.astype(np.float64) * length + 0.5))[0]


def note_on_calendar(time: xr.DataArray, rules: TimeRules) -> tuple[str, ...]:
    """A sentence where it is not certain which days a time stands for, or where a rule has chosen them."""
    calendar, since = calendar_of(time, rules), str(time.attrs.get("units", "")).partition(" since ")[2]
    if calendar in DAYS_OF_YEAR:
        kept = "keep their dates" if rules.align_on == "date" else "keep their places in the year"
        return (f"days of the calendar {calendar} {kept}, as align_on says; days that it lacks are missing",)
    early = _DATE.fullmatch(since.strip())
    if rules.calendar is None and "calendar" not in time.attrs and early and int(early[1]) <= _GREGORIAN[0]:
        return (
            f"time is counted from {since} and no calendar is named, so it is taken as standard, as CF says; if its "
            f"days are two days early, set calendar: proleptic_gregorian",
        )
    return ()


def _numbers(calendar: str, since: str, seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Days of a calendar by `day_number`, and seconds of each day, from seconds since a date of it."""
    parts = _DATE.fullmatch(since)
    if parts is None:
        raise ValueError(since)
    days, of_day = np.divmod(seconds.astype(np.int64) + _time_of_day(parts[4]).astype(np.int64), 86400)
    return day_number(calendar, int(parts[1]), int(parts[2]), int(parts[3])) + days, of_day


def _units_of(path: Path, attrs: Mapping[Hashable, Any]) -> tuple[float, str]:
    """Seconds of a unit of time, and the date that it is counted from."""
    units = str(attrs.get("units", ""))
    said = _UNITS.fullmatch(units)
    length = _SECONDS.get(said[1].lower()) if said else None
    if said is None or length is None:
        raise DataError(
            f"{path}: its time is in {units!r}, whose length is not fixed or not known; "
            f"write it in days since 1970-01-01, as CF has it"
        )
    return length, said[2]


def _decoded(
    path: Path, values: np.ndarray, attrs: Mapping[Hashable, Any], align_on: Literal["date", "year"] | None = None
) -> np.ndarray:
    length, reference = _units_of(path, attrs)
    calendar = str(attrs.get("calendar", "")).lower()
    dated = values.dtype.kind in "iuf"
    with np.errstate(all="ignore"):
        seconds = np.floor(values.astype(np.float64) * length + 0.5) if dated else np.zeros(0)
    # Beyond these there is no date that numpy could hold.
    if not dated or not (np.abs(seconds) < 1e12).all():
        raise DataError(f"{path}: its time is not a date everywhere; write it as CF has it")
    try:
        if align_on is not None and calendar in DAYS_OF_YEAR:
            numbers, of_day = _numbers(calendar, reference, seconds)
            stamps: np.ndarray = real_days(calendar, numbers, align_on) + of_day.astype("timedelta64[s]")
        else:
            stamps = _reference(reference, calendar == "proleptic_gregorian") + seconds.astype("timedelta64[s]")
    except (ValueError, OverflowError):
        raise DataError(
            f"{path}: its time is in {str(attrs.get('units'))!r}, which does not say a day; "
            f"write it in days since 1970-01-01, as CF has it"
        ) from None
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
    if proleptic or (year, month, day) >= _GREGORIAN:
        date = np.datetime64(f"{year:04d}-{month:02d}-{day:02d}", "s")
    else:
        date = _EPOCH + np.timedelta64(_julian_day(year, month, day) - _JULIAN_EPOCH, "D")
    return date + _time_of_day(parts[4])


def _time_of_day(behind: str) -> np.timedelta64:
    """The time of day and the offset from UTC that stand behind a date, on a day that pandas knows."""
    moment = _to_utc(pd.Timestamp(f"2000-01-01 {behind.strip().lstrip('Tt')}"))
    since_midnight: np.timedelta64 = moment - np.datetime64("2000-01-01", "s")
    return since_midnight


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


def begins_of(path: Path, data: xr.Dataset, time: Hashable, stamps: np.ndarray) -> np.ndarray | None:
    """When what each value covers begins, where the time has bounds [value, 2] in the calendar of its stamps."""
    bounds = str(data[time].attrs.get("bounds", ""))
    if bounds not in data.variables or data[bounds].shape != (len(stamps), 2):
        return None
    if data[bounds].dtype.kind == "M":
        return seconds_of(data[bounds].values[:, 0])
    return _decoded(path, data[bounds].values[:, 0], {**data[time].attrs, **data[bounds].attrs})


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
