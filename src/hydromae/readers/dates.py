"""Reading a day out of text, and checking that days follow each other as they should."""

from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Shaped

from hydromae.base.errors import DataError
from hydromae.base.stamps import calendar_days, seconds_of, several_a_day, stamp_of, times_of

SET_DAILY: Final = "set the modality's key daily to sum for an amount such as rain, or to mean, max or min"


def day_of(text: str) -> np.datetime64 | None:
    """The calendar day of YYYY-MM-DD, with or without a time of day behind it, or YYYYMMDD; None for anything else."""
    stamp = stamp_of(text)
    return None if stamp is None else stamp.astype("datetime64[D]")


def check_days(
    path: Path,
    stamps: Shaped[np.ndarray, "day"],
    allow_absent_days: bool,
    name: str = "time",
    to_daily: str = SET_DAILY,
    each: str = "maps",
) -> None:
    """Raise DataError, naming the first such day, where days are repeated, unordered or, unless allowed, absent.

    Args:
        path: the file, for messages.
        stamps: the times of its maps, datetime64.
        allow_absent_days: accept days without a map.
        name: what the file calls its times.
        to_daily: what to do with several maps a day.
        each: what there is at each time, for messages.
    """
    days = calendar_days(stamps)
    steps = np.diff(days).astype(np.int64)
    if (wrong := np.flatnonzero(steps < 0)).size:
        i = wrong[0]
        raise DataError(f"{path}: {days[i + 1]} follows {days[i]} in its {name}; sort the {each} by day")
    if (wrong := np.flatnonzero(steps == 0)).size:
        i = wrong[0]
        same = stamps[days == days[i]]
        if often := several_a_day(same):
            raise DataError(
                f"{path}: {days[i]} has {len(same)} {each} in its {name}, at {times_of(same)}: its values are {often}, "
                f"not daily; {to_daily}"
            )
        raise DataError(f"{path}: {days[i]} is twice in its {name} ({each} {i} and {i + 1}); remove one")
    if not allow_absent_days and (wrong := np.flatnonzero(steps > 1)).size:
        raise DataError(
            f"{path}: {days[wrong[0]] + np.timedelta64(1, 'D')} is absent from its {name}; add the day, "
            f"or set the modality's allow_absent_days to true to take it as missing"
        )


def check_moments(path: Path, stamps: Shaped[np.ndarray, "value"], name: str = "time") -> None:
    """Raise DataError, naming the first such moment, where moments are repeated or unordered."""
    steps = np.diff(seconds_of(stamps)).astype(np.int64)
    if (wrong := np.flatnonzero(steps <= 0)).size:
        i = wrong[0]
        said = "is twice" if steps[i] == 0 else f"follows {stamps[i]}"
        raise DataError(f"{path}: {stamps[i + 1]} {said} in its {name}; sort the values by time and keep one of each")
