"""Probabilities of floods and droughts that need no model: their climatology, and their persistence."""

from typing import Final

import numpy as np
from jaxtyping import Float, Int

from hydromae.baselines.forecast.climatology import calendar_place, window_mean

HALF_WIDTH: Final = 15  # days on either side of the day of the year that count for its climatology


def climatology(
    training: Float[np.ndarray, "day station"], on: np.ndarray, valid: np.ndarray
) -> Float[np.ndarray, "issue lead station"]:
    """The share of days of the training years in the extreme, within 15 days of the day of the year.

    Args:
        training: 1 in the extreme, 0 outside, NaN where not known, on days of the training period.
        on: those days, datetime64[D].
        valid: days that are forecast, datetime64[D] [issue, lead].
    """
    return np.asarray(window_mean(training, calendar_place(on), HALF_WIDTH)[calendar_place(valid)])


def persistence(
    training: Float[np.ndarray, "day station"], now: Float[np.ndarray, "issue station"], leads: Int[np.ndarray, "lead"]
) -> Float[np.ndarray, "issue lead station"]:
    """How often there was an extreme some days after a day that was in one too, or was not, as the issue day is.

    The frequencies are those of the training years, of all stations together. They are a fairer probability than the 1
    or 0 of the issue day itself.

    Args:
        training: 1 in the extreme, 0 outside, NaN where not known, on consecutive days of the training period.
        now: the same on issue days.
        leads: lead times in days.
    """
    result = np.full((len(now), len(leads), now.shape[1]), np.nan)
    inside, outside = training == 1, training == 0
    for position, lead in enumerate(leads):
        for value, before in ((1, inside[:-lead]), (0, outside[:-lead])):
            stayed, left = (np.count_nonzero(before & after[lead:]) for after in (inside, outside))
            result[:, position][now == value] = stayed / (stayed + left) if stayed + left else np.nan
    return result
