"""What callers of the Python API may give: one thing where several are asked for, and days in whatever form.

A text is one name or one day, not the row of its letters.
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
    """Names or ids as a list of text, of one or several; None stays None, which is all.

    A number stands for the id of its digits, whole as it was read (39001.0).
    """
    return None if given is None else [_name(one) for one in _each(given)]


def as_day(given: Any, what: str = "day") -> np.datetime64:
    """A calendar day, datetime64[D], of text (YYYY-MM-DD), a date, or a stamp of numpy, pandas, xarray or cftime.

    Args:
        given: the day; of a stamp, the one it lies in.
        what: it is, for the message.

    Raises:
        ConfigError: it is none.
    """
    one = given if isinstance(given, date) or not hasattr(given, "__array__") else np.asarray(given)[()]
    try:
        if isinstance(one, date):
            return np.datetime64(one.date() if isinstance(one, datetime) else one, "D")
        if isinstance(one, np.datetime64):
            if np.datetime_data(one.dtype)[0] not in _NO_DAYS and not np.isnat(one):
                return one.astype("datetime64[D]")
        else:
            text = one if isinstance(one, str) else one.isoformat() if hasattr(one, "isoformat") else ""
            if _WRITTEN.fullmatch(text.strip()):
                return np.datetime64(datetime.fromisoformat(text.strip()).date(), "D")
    except (ValueError, TypeError):  # as 2003-02-30, or pandas' NaT
        pass
    raise ConfigError(f"the {what} {given!s} is no day; write it as YYYY-MM-DD, or give a date")


def as_days(given: Any, what: str = "day") -> list[np.datetime64] | None:
    """Calendar days, of one or several; None stays None.

    Raises:
        ConfigError: one is none.
    """
    return None if given is None else [as_day(one, what) for one in _each(given)]


def as_period(given: Any) -> tuple[date, date] | None:
    """First and last day; None stays None.

    Raises:
        ConfigError: they are not two, or one is no day.
    """
    if given is None:
        return None
    both = list(_each(given))
    if len(both) != 2:
        raise ConfigError(f"the period {given!s} has no two days; give its first and its last day, as (first, last)")
    first, last = (date.fromisoformat(str(as_day(one, "first or last day"))) for one in both)
    return first, last


def _each(given: Any) -> Iterable[Any]:
    single = isinstance(given, str | bytes) or not isinstance(given, Iterable)
    if single or (hasattr(given, "__array__") and np.ndim(given) == 0):  # xarray's have __iter__ whatever they hold
        return [given]
    return given.values if hasattr(given, "__array__") and hasattr(given, "values") else given


def _name(given: Any) -> str:
    one = np.asarray(given)[()] if hasattr(given, "__array__") else given
    if isinstance(one, bytes):
        return one.decode("utf-8")
    if isinstance(one, float | np.floating) and math.isfinite(one) and one == int(one):
        return str(int(one))
    return str(one)
