"""How many days before an event the first warning of it was given."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from hydromae.evaluation.events import INDEPENDENCE


def first_warnings(
    probabilities: Mapping[str, Float[np.ndarray, "issue lead station"]],
    state: Float[np.ndarray, "day station"],
    on: np.ndarray,
    issued: np.ndarray,
    leads: np.ndarray,
    warn_at: float,
    independence: int = INDEPENDENCE,
) -> xr.Dataset:
    """Share of events that were warned of before they began, and the days from the first warning to the beginning.

    An event is a span of days in the state, those at most `independence` days apart taken together. A warning of it is
    a probability of at least `warn_at` for one of its days, issued before its first day. Events count whose first day
    all forecasts have a probability for, at some lead time; issue times more than a day apart can miss the earliest
    warning.

    Args:
        probabilities: by name, NaN where there is none.
        state: 1 on days in the event, 0 on others, NaN where not known.
        on: consecutive days of `state`, datetime64[D].
        issued: issue days, datetime64[D].
        leads: lead times in days.
        warn_at: probability from which on a forecast is a warning.
        independence: days.

    Returns:
        [model]: `warned`, the share of events with a warning, and `warning_days`, the mean over all events of the days
        from the first warning to the first day of the event, 0 without a warning, NaN where there is no event;
        `warning_events`, their number.
    """
    event, first = _events(state, independence)  # [day, station], [event]
    valid = (issued[:, None] + leads.astype("timedelta64[D]") - on[0]).astype(np.int64)  # [issue, lead]
    inside = (valid >= 0) & (valid < len(on))
    number = np.where(inside[..., None], event[np.clip(valid, 0, len(on) - 1)], -1)  # [issue, lead, station]
    issue_place = (issued - on[0]).astype(np.int64)
    ahead = first[number] - issue_place[:, None, None]  # days to the first day of the event
    there = np.logical_and.reduce([np.isfinite(p) for p in probabilities.values()])
    counted = np.zeros(len(first), bool)
    on_first_day = (number >= 0) & there & (valid[..., None] == first[number])
    counted[number[on_first_day]] = True
    warned, days = [], []
    for p in probabilities.values():
        warning = (number >= 0) & (ahead > 0) & there & (p >= warn_at)
        earliest = np.zeros(len(first), np.int64)
        np.maximum.at(earliest, number[warning], ahead[warning])
        of_events = earliest[counted]
        warned.append(np.mean(of_events > 0) if len(of_events) else np.nan)
        days.append(np.mean(of_events) if len(of_events) else np.nan)
    words = "share of events that were warned of before they began"
    mean = "mean days from the first warning of an event to its beginning, 0 without a warning"
    return xr.Dataset(
        {
            "warned": ("model", np.array(warned), {"long_name": words, "units": "1"}),
            "warning_days": ("model", np.array(days), {"long_name": mean, "units": "days"}),
            "warning_events": ((), int(counted.sum()), {"long_name": "events that could be warned of", "units": "1"}),
        },
        {"model": np.array(list(probabilities), dtype=object)},
    )


def _events(
    state: Float[np.ndarray, "day station"], independence: int
) -> tuple[Int[np.ndarray, "day station"], Int[np.ndarray, "event"]]:
    """Number of the event of each day, -1 for a day in none, and the first day of each event (one more at the end)."""
    within = state == 1
    day = np.arange(len(state))[:, None]
    last = np.maximum.accumulate(np.where(within, day, -independence - 1), 0)  # last day in an event, up to each day
    before = np.concatenate([np.full((1, state.shape[1]), -independence - 1), last[:-1]])
    begins = within & (day - before > independence)
    of_station = np.cumsum(begins, 0)  # [day, station], from 1 on once there was an event
    total = of_station[-1] if len(state) else np.zeros(state.shape[1], np.int64)
    offset = np.cumsum(total) - total
    number = np.where(within, of_station - 1 + offset, -1)
    first = np.zeros(int(total.sum()) + 1, np.int64)
    first[number[begins]] = np.broadcast_to(day, state.shape)[begins]
    return number, first
