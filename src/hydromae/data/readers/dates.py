"""Reading a day out of text."""

import re

import numpy as np

_DAY = re.compile(r"(\d{4})(?:-(\d{2})-(\d{2})(?=$|[T ])|(\d{2})(\d{2})$)")


def day_of(text: str) -> np.datetime64 | None:
    """The calendar day of YYYY-MM-DD, with or without a time of day behind it, or YYYYMMDD; None for anything else."""
    found = _DAY.match(text.strip())
    try:
        return np.datetime64("-".join(part for part in found.groups() if part), "D") if found else None
    except ValueError:
        return None
