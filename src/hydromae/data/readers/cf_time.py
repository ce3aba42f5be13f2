"""Time as the CF conventions write it: stamps, calendars, and the hours that a value covers."""

import re
from collections.abc import Hashable
from pathlib import Path

import numpy as np
import xarray as xr

from hydromae.data.readers.guard import MAX_DAYS, reading
from hydromae.errors import DataError

_CALENDARS = {"standard", "gregorian", "proleptic_gregorian"}
_HOURS = re.compile(r"\b(\d{2}):?(\d{2})\s*(?:UTC|GMT|Z)?\s*(?:-|to)\s*(\d{2}):?(\d{2})\b", re.IGNORECASE)
_DAY_MINUTES = 24 * 60


def is_time(variable: xr.DataArray) -> bool:
    """Whether a variable's units are `... since ...`."""
    return " since " in str(variable.attrs.get("units", ""))


def stamps_of(path: Path, time: xr.DataArray) -> np.ndarray:
    """The moments that an undecoded time [day] stands for, datetime64[ns or coarser].

    Raises:
        DataError: its calendar is not the usual one, or it is not a date everywhere.
    """
    calendar = str(time.attrs.get("calendar", "standard")).lower()
    if calendar not in _CALENDARS:
        raise DataError(
            f"{path}: has the calendar {calendar}, whose days are not those of the records; convert it to standard"
        )
    if time.ndim != 1 or time.size > MAX_DAYS:
        raise DataError(f"{path}: its time has {time.size} entries, more than the {MAX_DAYS} that are read; cut it")
    return _decoded(path, time.values, time.attrs)


def _decoded(path: Path, values: np.ndarray, attrs: dict[Hashable, object]) -> np.ndarray:
    encoded = {key: attrs[key] for key in ("units", "calendar") if key in attrs}
    named = f"its time in {attrs.get('units')!r} cannot be read"
    with reading(path, named, "write it as CF has it"), np.errstate(all="ignore"):
        decoded = xr.decode_cf(xr.Dataset({"stamps": (("stamp", "bound")[: values.ndim], values, encoded)}))
        stamps = decoded["stamps"].values
    if stamps.dtype.kind != "M" or np.isnat(stamps).any():
        raise DataError(f"{path}: its time is not a date everywhere; write it as CF has it")
    return np.asarray(stamps)


def notes_on_time(path: Path, data: xr.Dataset, time: Hashable, stamps: np.ndarray, methods: str) -> list[str]:
    """What is to be known of days: the hour of their stamps, and the hours a value covers where those are not 0 to 24.

    Args:
        path: the file, for messages.
        data: holds the time and, where `time` names them, its bounds [day, 2].
        time: name of the time coordinate.
        stamps: its moments [day].
        methods: the values' cell_methods and comments, asked where there are no bounds.
    """
    days = stamps.astype("datetime64[D]")
    notes = []
    hours = np.unique((stamps - days).astype("timedelta64[m]"))
    if hours.any():
        notes.append(f"stamps at {_clock(int(hours[-1].astype(int)))} stand for their calendar day")
    bounds = str(data[time].attrs.get("bounds", ""))
    if bounds in data.variables and data[bounds].shape == (len(stamps), 2):
        ends = _decoded(path, data[bounds].values, {**data[time].attrs, **data[bounds].attrs})
        minutes = np.unique((ends - days[:, None]).astype("timedelta64[m]").astype(np.int64), axis=0)  # [kind, 2]
        if len(minutes) > 1:
            notes.append("the hours that a value covers differ from day to day")
        elif minutes[0].tolist() != [0, _DAY_MINUTES]:
            notes.append(f"a value covers {_when(int(minutes[0, 0]))} to {_when(int(minutes[0, 1]))}")
    elif said := _HOURS.search(methods):
        first, last = (int(said[i]) * 60 + int(said[i + 1]) for i in (1, 3))
        if first % _DAY_MINUTES or last % _DAY_MINUTES:
            until = f"{_clock(last)} of the next day" if last <= first else _clock(last)
            notes.append(f"a value covers {_clock(first)} to {until}")
    return notes


def _when(minutes: int) -> str:
    """Minutes from the beginning of the day that a value is dated by."""
    days, clock = divmod(minutes, _DAY_MINUTES)
    named = {-1: " of the day before", 0: "", 1: " of the next day"}
    return _clock(clock) + named.get(days, f" of day {days:+d}")


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
