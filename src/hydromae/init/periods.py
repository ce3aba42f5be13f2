"""Days in common, and their split into training, validation and test."""

from dataclasses import dataclass
from datetime import date, timedelta

from hydromae.config import Period

_SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Split:
    """The periods of training, validation and, where there is time enough, test; and why they are cut so."""

    periods: dict[str, Period]
    reason: str


def split(first: date, last: date, marked: dict[str, Period]) -> Split:
    """Split the days from `first` to `last` in order of time; none is left out.

    Args:
        first: first day in common.
        last: last day in common.
        marked: the days of the files that are named train, val or test; used where there are train and val, apart.
    """
    named = {key: (max(marked[key][0], first), min(marked[key][1], last)) for key in _SPLITS if key in marked}
    spans = list(named.values())
    apart = all(span[1] < other[0] or other[1] < span[0] for i, span in enumerate(spans) for other in spans[i + 1 :])
    if {"train", "val"} <= named.keys() and apart and all(begin <= end for begin, end in spans):
        return Split(named, "the files are named so")
    years = max(_whole_years(first, last, 1), _whole_years(first, last, 10), key=len)
    if len(years) < 2:
        return _by_days(first, last)
    n_test = max(1, round(0.15 * len(years))) if len(years) >= 4 else 0
    n_val = max(1, round(0.15 * len(years)))
    n_train = len(years) - n_val - n_test
    cuts = [0, n_train, n_train + n_val, len(years)]
    periods = {
        key: (years[begin][0], years[end - 1][1])
        for key, begin, end in zip(_SPLITS, cuts, cuts[1:], strict=False)
        if end > begin
    }
    kind = "calendar years" if years[0][0].month == 1 else "hydrological years (from 1 October)"
    counts = zip(_SPLITS, cuts, cuts[1:], strict=False)
    shares = ", ".join(f"{end - begin} {key}" for key, begin, end in counts if end > begin)
    reason = f"{len(years)} whole {kind} in order of time, {shares}, as near to 70, 15 and 15 % as they allow"
    if first < years[0][0]:
        periods["train"] = (first, periods["train"][1])
        reason += f"; the days before {years[0][0]} are trained on too"
    if last > years[-1][1]:
        # The newest days are those that forecasts are issued from.
        newest = list(periods)[-1]
        periods[newest] = (periods[newest][0], last)
        reason += f"; the days after {years[-1][1]} are in the last of them too"
    return Split(periods, reason)


def _whole_years(first: date, last: date, month: int) -> list[Period]:
    """The years that begin on the first of `month` and lie within."""
    years = []
    for year in range(first.year, last.year + 1):
        begin, end = date(year, month, 1), date(year + 1, month, 1) - timedelta(days=1)
        if first <= begin and end <= last:
            years.append((begin, end))
    return years


def _by_days(first: date, last: date) -> Split:
    n_days = (last - first).days + 1
    n_train, n_val = max(1, round(0.7 * n_days)), max(1, round(0.15 * n_days))
    bounds = (0, n_train, min(n_train + n_val, n_days), n_days)
    periods = {
        key: (first + timedelta(days=begin), first + timedelta(days=end - 1))
        for key, begin, end in zip(_SPLITS, bounds, bounds[1:], strict=False)
        if end > begin
    }
    return Split(periods, f"{n_days} days are less than two whole years, so they are cut by days: 70, 15 and 15 %")
