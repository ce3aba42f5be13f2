"""Days of a modality against the days that are needed: which are absent or excluded, which a dateless file holds."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Shaped

from hydromae.base.errors import DataError
from hydromae.config import Period
from hydromae.sources.exclusions import days_between
from hydromae.sources.source import Source

_SHOWN = 3  # spans named in one note


def check_days(source: Source, periods: Mapping[str, Period]) -> tuple[str, ...]:
    """A sentence for each period that the files do not cover: those days are missing.

    Raises:
        DataError: the files hold no day of any period, or files without dates end on another day than they must.
    """
    _check_last_day(source, periods)
    if not holds_any(source.held, periods):
        raise DataError(
            f"{source.where}: {source.name} has no day of any period; its files hold {source.first_day} to "
            f"{source.last_day}, the periods are {spans_of_periods(periods)}; add its files or change the periods"
        )
    return absent_notes(source.name, source.held, periods)


def check_training(source: Source, training: Period) -> None:
    """Raise DataError where a source has no day of the training period, so that no scaler can be fitted to it."""
    held = source.held[~np.isin(source.held, source.excluded)]
    if not holds_any(held, {"train": training}):
        raise DataError(
            f"{source.where}: {source.name} has no day of data.train, {training[0]} to {training[1]}; its files hold "
            f"{source.first_day} to {source.last_day}{' less its exclude_dates' if source.excluded.size else ''}: add "
            f"files of that period, change data.train, or leave data.modalities.{source.name} out"
        )


def absent_notes(name: str, held: Shaped[np.ndarray, "day"], periods: Mapping[str, Period]) -> tuple[str, ...]:
    """A sentence for each period in which a modality lacks days, naming the spans.

    Args:
        name: the modality.
        held: the days that its files hold, datetime64[D].
        periods: split -> its first and last day.
    """
    notes = []
    for split, (first, last) in periods.items():
        needed = days_between(first, last)
        absent = needed[~np.isin(needed, held)]
        if not absent.size:
            continue
        spans = _spans(absent)
        named = ", ".join(f"from {begin} to {end}" if begin < end else f"{begin}" for begin, end in spans[:_SHOWN])
        more = f" and {len(spans) - _SHOWN} more spans" if len(spans) > _SHOWN else ""
        count = f"{absent.size} day{'s' if absent.size > 1 else ''} of data.{split}"
        notes.append(f"{name}: has no day {named}{more} ({count}): missing")
    return tuple(notes)


def holds_any(held: Shaped[np.ndarray, "day"], periods: Mapping[str, Period]) -> bool:
    """Whether one of the days lies in one of the periods."""
    return any(bool(np.isin(held, days_between(first, last)).any()) for first, last in periods.values())


def spans_of_periods(periods: Mapping[str, Period]) -> str:
    """The periods in words."""
    return ", ".join(f"data.{split} {first} to {last}" for split, (first, last) in periods.items())


def leap_days(first: np.datetime64, last: np.datetime64) -> int:
    """How many 29 February there are from the first to the last day."""
    days = np.arange(first, last + np.timedelta64(1, "D"))
    months = days.astype("datetime64[M]")
    is_february = months.astype(np.int64) % 12 == 1
    return int((is_february & (days - months.astype("datetime64[D]") == np.timedelta64(28, "D"))).sum())


def _spans(days: Shaped[np.ndarray, "day"]) -> Sequence[tuple[np.datetime64, np.datetime64]]:
    """First and last day of each span of consecutive days."""
    breaks = np.flatnonzero(np.diff(days).astype(np.int64) > 1)
    first = days[np.concatenate([[0], breaks + 1])]
    last = days[np.concatenate([breaks, [len(days) - 1]])]
    return list(zip(first, last, strict=True))


def _check_last_day(source: Source, periods: Mapping[str, Period]) -> None:
    """Raise DataError unless files without dates end where the settings or a period say: else a day was lost."""
    counted = [i for i, piece in enumerate(source.pieces) if not piece.dated]
    if not counted:
        return
    first, last, settings = source.pieces[counted[0]].days[0], source.pieces[counted[-1]].days[-1], source.settings
    key = f"data.modalities.{source.name}"
    if settings.end is not None:
        expected = {np.datetime64(settings.end) + np.timedelta64(settings.shift_days, "D"): f"{key}.end"}
    else:
        expected = {np.datetime64(end): f"data.{split}" for split, (_, end) in periods.items()}
        if counted[-1] + 1 < len(source.pieces):
            following = source.pieces[counted[-1] + 1]
            expected[following.days[0] - np.timedelta64(1, "D")] = f"the day before {following.path}"
    if last in expected:
        return
    ends = " or ".join(f"{day} ({what})" for day, what in expected.items())
    short = min((int((day - last).astype(int)) for day in expected), key=abs)
    leap = leap_days(first, last + np.timedelta64(short, "D")) if short > 0 else 0
    hint = " just as many as there are leap days, so its calendar may have none;" if short == leap > 0 else ""
    count = sum(len(source.pieces[i].days) for i in counted)
    raise DataError(
        f"{source.pieces[counted[-1]].path}: {source.name} has no dates and {count} maps, which from {first} "
        f"({key}.start) go to {last}, but they must end on {ends}: {abs(short)} day{'s' if abs(short) > 1 else ''} "
        f"{'short' if short > 0 else 'too many'};{hint} correct {key}.start or set {key}.end to the day of its last map"
    )
