"""Stamps: the moments that files give for days, and the one rule by which they become days.

A stamp is rounded to the second and stands for its calendar day. So one just before midnight, as days in floating
point or text with milliseconds can have it, is not of the day before.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from hydromae.base.errors import DataError

_DAY_MINUTES = 24 * 60
_NOON = 12 * 60
# Midnights of clocks that are 14 hours ahead of UTC are at 10:00 of the day before.
_EARLIEST_MIDNIGHT = 10 * 60
# Midnights of a clock that is UTC in winter and one or two hours ahead in summer, written in UTC.
_SUMMER_MIDNIGHTS = {0, 22 * 60, 23 * 60}
_COARSE = ("Y", "M", "W", "D", "h", "m", "s")
_TEXT = re.compile(
    r"(\d{4})(?:-(\d{2})-(\d{2})(?:$|[T ]+(?:(\d{1,2}):(\d{2})(?::(\d{2}(?:[.,]\d+)?))?)?)|(\d{2})(\d{2})$)"
)


def seconds_of(moments: np.ndarray) -> np.ndarray:
    """Moments of any precision, datetime64, rounded to the second, datetime64[s]."""
    if np.datetime_data(moments.dtype)[0] not in _COARSE:
        moments = moments + np.timedelta64(500, "ms")
    return moments.astype("datetime64[s]")


def calendar_days(moments: np.ndarray) -> np.ndarray:
    """The days that stamps of any precision, datetime64, stand for, datetime64[D]."""
    return seconds_of(moments).astype("datetime64[D]")


def stamp_of(text: str) -> np.datetime64 | None:
    """The moment of YYYY-MM-DD, with or without a time of day behind it, or YYYYMMDD; None for anything else.

    It is local to the text: an offset from UTC behind it changes nothing.
    """
    parts = _TEXT.match(text.strip())
    if parts is None:
        return None
    year, month, day, hour, minute, second, short_month, short_day = parts.groups()
    try:
        date = np.datetime64(f"{year}-{month or short_month}-{day or short_day}", "D")
    except ValueError:
        return None
    # 24:00, and what is no time of day, add nothing: the stamp is of the day that is written.
    if hour is None or int(hour) > 23 or int(minute) > 59:
        return date.astype("datetime64[s]")
    seconds = int(hour) * 3600 + int(minute) * 60 + float((second or "0").replace(",", "."))
    return date.astype("datetime64[s]") + np.timedelta64(int(seconds + 0.5), "s")


def stamps_of_texts(texts: Sequence[str]) -> np.ndarray:
    """`stamp_of` for many texts, datetime64[s], NaT where a text is no date."""
    plain = np.array(texts, np.str_)
    if plain.dtype.itemsize == 40 and all(text[4:5] == text[7:8] == "-" and len(text) == 10 for text in texts):
        try:
            return plain.astype("datetime64[D]").astype("datetime64[s]")
        except ValueError:
            pass  # one of them is no date
    stamps = [stamp_of(text) for text in texts]
    return np.array([np.datetime64("NaT", "s") if stamp is None else stamp for stamp in stamps], "datetime64[s]")


class Clocks:
    """The times of day of the stamps of one source, gathered while they become days."""

    def __init__(self, minutes: Iterable[int] = ()) -> None:
        self._seen = np.zeros(_DAY_MINUTES, bool)
        self._seen[list(minutes)] = True

    def days_of(self, moments: np.ndarray) -> np.ndarray:
        """The `calendar_days` of stamps, whose times of day are remembered."""
        seconds = seconds_of(moments)
        days = seconds.astype("datetime64[D]")
        self._seen[(seconds - days).astype(np.int64) // 60] = True
        return days

    def add(self, other: "Clocks") -> None:
        """Remember the times of day of another source too."""
        self._seen |= other._seen

    @property
    def minutes(self) -> tuple[int, ...]:
        """The times of day, in minutes from midnight, in order."""
        return tuple(np.flatnonzero(self._seen).tolist())

    def notes(self, remedy: str = "set shift_days: 1") -> tuple[str, ...]:
        """Notes on stamps that are not at midnight, a sentence each.

        Args:
            remedy: what to do where they are midnights of a clock ahead of UTC.
        """
        minutes = self.minutes
        if not any(minutes):
            return ()
        times = [clock(minute) for minute in minutes]
        at = f"at {' and '.join(times)}" if len(times) < 4 else f"from {times[0]} to {times[-1]}"
        ahead = any(minute >= _EARLIEST_MIDNIGHT and minute != _NOON for minute in minutes)
        stated = f"stamps {at} stand for their calendar day"
        return (stated, f"if they are local midnights written in UTC, {remedy}") if ahead else (stated,)

    def check(self, where: object, name: str = "time") -> None:
        """Raise DataError where the stamps are midnights of a clock with summer time, written in UTC.

        They lie on both sides of UTC's midnight: some days would be right and others a day early, and no shift corrects
        both.
        """
        minutes = set(self.minutes)
        if 0 in minutes and len(minutes) > 1 and minutes <= _SUMMER_MIDNIGHTS:
            late = " or ".join(clock(minute) for minute in sorted(minutes - {0}))
            raise DataError(
                f"{where}: its {name} is at 00:00 on some days and at {late} on others, as midnights of a clock with "
                f"summer time are when they are written in UTC; write the local days, as YYYY-MM-DD, instead"
            )


def several_a_day(moments: np.ndarray) -> str:
    """How often values come, from their stamps on one day, as `hourly`; "" where all stamps are the same."""
    seconds = np.unique(seconds_of(moments)).astype(np.int64)
    if len(seconds) < 2:
        return ""
    step = int(np.diff(seconds).min())
    if step == 3600:
        return "hourly"
    unit, size = ("hours", 3600) if step % 3600 == 0 else ("minutes", 60) if step % 60 == 0 else ("seconds", 1)
    return f"of every {step // size} {unit}"


def times_of(moments: np.ndarray) -> str:
    """The first times of day of some stamps, in words."""
    seconds = np.unique(seconds_of(moments))
    minutes = ((seconds - seconds.astype("datetime64[D]")).astype(np.int64) // 60).tolist()
    return ", ".join(clock(minute) for minute in minutes[:3]) + (", ..." if len(minutes) > 3 else "")


def more_than_once(path: Path, what: str, moments: np.ndarray) -> DataError:
    """The error of a series that has a day twice.

    Args:
        path: the file.
        what: the day, and the station where there are several.
        moments: the stamps of that day.
    """
    if often := several_a_day(moments):
        return DataError(
            f"{path}: has {what} more than once, at {times_of(moments)}: its values are {often}, not daily; of a table "
            f"set the modality's key daily to sum for an amount such as rain, or to mean, max or min; else write one "
            f"row a day and station"
        )
    return DataError(f"{path}: has {what} more than once; keep one row")


def clock(minutes: int) -> str:
    """Minutes from midnight as HH:MM."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
