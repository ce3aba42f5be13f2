"""Whether any station can be scored at all, and what to set where none can."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import xarray as xr
from jaxtyping import Bool, Int

from hydromae.base.errors import ConfigError
from hydromae.evaluation.compare import common_pairs
from hydromae.metrics.pairs import MIN_PAIRS


def require_issue_times(
    observed: Bool[np.ndarray, "day station"], period: slice, every: int, horizon: int, min_pairs: int, what: str
) -> None:
    """Refuse, before any work, issue times for which no station has enough observed days.

    Args:
        observed: where the target has a value on a day that is not declared wrong.
        period: positions of the days that are forecast, the first issue time among them.
        every: days between issue times.
        horizon: longest lead time.
        min_pairs: days that a station needs to be scored at a lead time.
        what: the period in words.

    Raises:
        ConfigError: no station has that many at any lead time; the message says what to set.
    """
    now = _pairs(observed, period, every, horizon)
    if now.max(initial=0) >= min_pairs:
        return
    most = _scored_at_every_lead(now)
    if most == 0:
        raise ConfigError(f"{what}: what is to be forecast was never observed then; score other days (--split, --data)")
    issues = len(range(period.start, period.stop - horizon, every))
    closer = next(
        (
            e
            for e in range(every - 1, 0, -1)
            if _scored_at_every_lead(_pairs(observed, period, e, horizon)) >= min_pairs
        ),
        None,
    )
    ways = [f"--min-pairs {most}"] if closer is None else [f"--every {closer}", f"--min-pairs {most}"]
    raise ConfigError(
        f"{what}: has {issues} issue times every {every} days, and of these no station has the {min_pairs} observed "
        f"days that it needs to be scored (--min-pairs): set {' or '.join(ways)}"
    )


def days_between_issues(period: tuple[date, date], horizon: int) -> int:
    """Days between issue times: 5, or fewer where the period would not hold the 100 that a score needs."""
    return max(1, min(5, ((period[1] - period[0]).days - horizon) // MIN_PAIRS))


def unscored(
    forecasts: Mapping[str, xr.DataArray], observed: xr.DataArray, min_pairs: int, optional: Sequence[str] = ()
) -> str:
    """Why no station is scored, at all or at some lead times, and what to set; empty if each lead time has one.

    Args:
        forecasts: as `compare` takes them.
        observed: [time, station].
        min_pairs: days that a station needs to be scored.
        optional: forecasts that may be left out (--baselines).
    """
    most = common_pairs(forecasts, observed).max("station")  # [lead_time] or a number
    if int(most.min()) >= min_pairs:
        return ""
    where, pairs = "", int(most.max())
    if pairs >= min_pairs:  # only at some lead times
        where = f" at lead times {', '.join(map(str, most['lead_time'].values[most.values < min_pairs].tolist()))}"
        pairs = int(most.min())
    way = f"set --min-pairs {pairs} (min_pairs={pairs})" if pairs else "score other days (--split, --data)"
    lacking = {name: forecasts[name].isnull().mean().item() for name in optional}
    worst = max(lacking, key=lambda name: lacking[name], default="")
    without = f", or leave out {worst}, which lacks most (--baselines)" if lacking.get(worst) else ""
    return (
        f"no station is scored{where}: it needs {min_pairs} observed days (--min-pairs) that "
        f"{', '.join(forecasts)} all have, and the most are {pairs}; {way}{without}"
    )


def _pairs(
    observed: Bool[np.ndarray, "day station"], period: slice, every: int, horizon: int
) -> Int[np.ndarray, "lead station"]:
    """Observed days of each station and lead time."""
    issues = np.arange(period.start, period.stop - horizon, every)
    return np.stack([np.count_nonzero(observed[issues + lead], axis=0) for lead in range(1, horizon + 1)])


def _scored_at_every_lead(pairs: Int[np.ndarray, "lead station"]) -> int:
    """The most days that some station has at each of the lead times."""
    return int(pairs.min(axis=0).max(initial=0))
