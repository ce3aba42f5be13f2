"""Reading a day out of text, and days that follow each other as they should."""

import re
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from hydromae.errors import DataError

_DAY = re.compile(r"(\d{4})(?:-(\d{2})-(\d{2})(?=$|[T ])|(\d{2})(\d{2})$)")


def day_of(text: str) -> np.datetime64 | None:
    """The calendar day of YYYY-MM-DD, with or without a time of day behind it, or YYYYMMDD; None for anything else."""
    found = _DAY.match(text.strip())
    try:
        return np.datetime64("-".join(part for part in found.groups() if part), "D") if found else None
    except ValueError:
        return None


def check_days(path: Path, days: Shaped[np.ndarray, "day"], allow_absent_days: bool, name: str = "time") -> None:
    """Raise DataError, naming the first, where days are repeated, unordered or, unless allowed, absent.

    Args:
        path: the file, for messages.
        days: of its maps, datetime64[D].
        allow_absent_days: accept days that no map is of.
        name: of what says the days.
    """
    steps = np.diff(days).astype(np.int64)
    if (wrong := np.flatnonzero(steps < 0)).size:
        i = wrong[0]
        raise DataError(f"{path}: {days[i + 1]} follows {days[i]} in its {name}; sort the maps by day")
    if (wrong := np.flatnonzero(steps == 0)).size:
        i = wrong[0]
        raise DataError(f"{path}: {days[i]} is twice in its {name} (maps {i} and {i + 1}); remove one")
    if not allow_absent_days and (wrong := np.flatnonzero(steps > 1)).size:
        raise DataError(
            f"{path}: {days[wrong[0]] + 1} is absent from its {name}; add the day, "
            f"or set the modality's allow_absent_days to true to take it as missing"
        )
