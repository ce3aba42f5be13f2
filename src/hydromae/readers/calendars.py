"""Calendars of climate models, whose years lack real days or have others: which real day each of their days is.

Both rules are those of `xarray.Dataset.convert_calendar`: `date` keeps the date, and a day without one, as 30 February,
is left out; `year` keeps the place in the year, so that the days that a year lacks are spread over it.
"""

from typing import Final, Literal

import numpy as np

DAYS_OF_YEAR: Final = {"noleap": 365, "365_day": 365, "360_day": 360}
_MONTHS: Final = {
    365: np.cumsum([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30]),  # days before each month
    360: 30 * np.arange(12),
}
_DAY = np.timedelta64(1, "D")


def day_number(calendar: str, year: int, month: int, day: int) -> int:
    """Days of the calendar from the beginning of its year 0."""
    length = DAYS_OF_YEAR[calendar]
    return year * length + int(_MONTHS[length][month - 1]) + day - 1


def real_days(calendar: str, numbers: np.ndarray, align_on: Literal["date", "year"]) -> np.ndarray:
    """The real days, datetime64[D], of days of the calendar by `day_number`; NaT where there is none."""
    length = DAYS_OF_YEAR[calendar]
    years, of_year = np.divmod(numbers, length)
    first = (years - 1970).astype("datetime64[Y]").astype("datetime64[D]")
    if align_on == "year":
        real_length = ((years - 1969).astype("datetime64[Y]").astype("datetime64[D]") - first).astype(np.int64)
        return first + (np.rint(real_length * (of_year + 1) / length).astype(np.int64) - 1)
    month = np.searchsorted(_MONTHS[length], of_year, side="right") - 1
    begin = (12 * (years - 1970) + month).astype("datetime64[M]")
    days = begin.astype("datetime64[D]") + (of_year - _MONTHS[length][month])
    days[days.astype("datetime64[M]") != begin] = np.datetime64("NaT")
    return days
