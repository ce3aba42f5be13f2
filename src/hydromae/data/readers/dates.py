"""Reading a day out of text."""

import re

import numpy as np

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?=$|[T ])")


def day_of(text: str) -> np.datetime64 | None:
    """The calendar day of YYYY-MM-DD, with or without a time of day behind it; None if the text is no such thing."""
    found = _DAY.match(text.strip())
    try:
        return np.datetime64(found[0], "D") if found else None
    except ValueError:
        return None
