"""What callers of the Python API may give: one item where several are asked for, and days in any common form.

A text is one name or one day, not a sequence of letters.
"""

import math
import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import numpy as np

from hydromae.base.errors import ConfigError

Day = date | np.datetime64 | str
Days = Day | Iterable[Any]  # whose entries numpy, pandas and xarray have in forms of their own
Span = Iterable[Any]  # the first and the last day
Names = str | int | Iterable[Any]

_WRITTEN = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?")
_NO_DAYS = ("Y", "M", "W", "generic")  # numpy would take the first day of a year


def as_names(given: Any) -> list[str] | None:
    """One or several names or ids as a list of text; None stays None, which means all.

    A number stands for the id of its digits, also where it was read as 39001.0.
    """
    return None if given is None else [_name(name) for name in _each(given)]


def as_day(given: Any, what: str = "day") -> np.datetime64:
    """A calendar day, datetime64[D], of text (YYYY-MM-DD), a date, or a stamp of numpy, pandas, xarray or cftime.

    Args:
        given: the day, or a stamp, which stands for the day it lies in.
        what: what the day is, for the message.

    Raises:
        ConfigError: it is no day.
    """
    day = given if isinstance(given, date) or not hasattr(given, "__array__") else np.asarray(given)[()]
    try:
        if isinstance(day, date):
            return np.datetime64(day.date() if isinstance(day, datetime) else day, "D")
        if isinstance(day, np.datetime64):
            if np.datetime_data(day.dtype)[0] not in _NO_DAYS and not np.isnat(day):
                return day.astype("datetime64[D]")
        else:
            text = day if isinstance(day, str) else day.isoformat() if hasattr(day, "isoformat") else ""
            if _WRITTEN.fullmatch(text.strip()):
                return np.datetime64(datetime.fromisoformat(text.strip()).date(), "D")
    except (ValueError, TypeError):  # as 2003-02-30, or pandas' NaT
        pass
    raise ConfigError(f"the {what} {given!s} is no day; write it as YYYY-MM-DD, or give a date")


def as_days(given: Any, what: str = "day") -> list[np.datetime64] | None:
    """One or several calendar days; None stays None.

    Raises:
        ConfigError: one of them is no day.
    """
    return None if given is None else [as_day(day, what) for day in _each(given)]


def as_period(given: Any) -> tuple[date, date] | None:
    """First and last day; None stays None.

    Raises:
        ConfigError: they are not two, or one of them is no day.
    """
    if given is None:
        return None
    both = list(_each(given))
    if len(both) != 2:
        raise ConfigError(f"the period {given!s} has no two days; give its first and its last day, as (first, last)")
    first, last = (date.fromisoformat(str(as_day(day, "first or last day"))) for day in both)
    return first, last


def _each(given: Any) -> Iterable[Any]:
    single = isinstance(given, str | bytes) or not isinstance(given, Iterable)
    if single or (hasattr(given, "__array__") and np.ndim(given) == 0):  # xarray's have __iter__ whatever they hold
        return [given]
    return given.values if hasattr(given, "__array__") and hasattr(given, "values") else given


def _name(given: Any) -> str:
    name = np.asarray(given)[()] if hasattr(given, "__array__") else given
    if isinstance(name, bytes):
        return name.decode("utf-8")
    if isinstance(name, float | np.floating) and math.isfinite(name) and name == int(name):
        return str(int(name))
    return str(name)
