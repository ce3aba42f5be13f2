"""Weather forecasts in GRIB, as weather services give them: runs of many steps become days after an issue time."""

import logging
from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float

from hydromae.base.errors import DataError
from hydromae.readers.grib import GribVariable, open_grib, read_message
from hydromae.sources.regridding import Cells
from hydromae.tasks.weather_maps import Key, Maps, Terms
from hydromae.tasks.weather_places import MapCells
from hydromae.tasks.weather_steps import Span, instant_terms, mean_terms, sum_terms

_log = logging.getLogger(__name__)

# What runs call a modality, and the short name that ecCodes gives it.
_SHORT_NAMES: Final = {
    **dict.fromkeys(("precip", "precipitation", "rain", "rainfall", "prcp", "pr"), "tp"),
    **dict.fromkeys(("temp", "temperature", "tas", "t2m", "tmean", "tavg"), "2t"),
}
_HOUR, _DAY = np.timedelta64(1, "h"), np.timedelta64(1, "D")
_JOINED: Final = {
    "accum": (sum_terms, "sums over each day of accumulated {} in {}"),
    "avg": (mean_terms, "means over each day of averages of {} in {}"),
    "instant": (instant_terms, "means over each day, linear between the steps, of {} in {}"),
}

# run -> member -> what each message covers -> where it begins in the file
_Index = dict[np.datetime64, dict[int | None, dict[Span, int]]]


def maps_of_grib(path: Path, names: tuple[str, ...], day_start: int) -> tuple[dict[str, Maps], tuple[str, ...]]:
    """The maps of some modalities, by name, and the short names of all that the file has.

    Rain is `tp`, temperature `2t`; others have the short name of ecCodes as their own. A day is the 24 hours from
    `day_start` of its date. An issue day takes the newest run that began before its end, so that its days ahead are all
    whole, and never a later one.

    Args:
        path: the file.
        names: the modalities.
        day_start: the hour, UTC, at which a day of the data begins.

    Raises:
        DataError: the file is damaged; a variable is joined to days in no known way, is there twice, or has both
            members and none.
    """
    wanted = {name: _SHORT_NAMES.get(name.lower(), name) for name in names}
    found, every = open_grib(path, set(wanted.values()))
    variables = {name: found[short] for name, short in wanted.items() if short in found}
    return {name: _maps(path, variable, day_start) for name, variable in variables.items()}, every


def _maps(path: Path, variable: GribVariable, day_start: int) -> Maps:
    """The maps of one variable; errors as `maps_of_grib`."""
    # What is accumulated or averaged has no value at step 0, where some services write a map of zeros.
    joined = any(message.end > message.start for message in variable.messages)
    messages = [message for message in variable.messages if message.end > (message.start if joined else -1)]
    kinds = {message.kind for message in messages}
    if len(kinds) != 1 or not kinds <= set(_JOINED):
        raise DataError(
            f"{path}: {variable.name} has steps of the kinds {', '.join(sorted(kinds)) or 'none'}, which cannot be "
            f"joined to days; keep one of {', '.join(_JOINED)}, as `grib_copy -w stepType=accum` does"
        )
    members = sorted({-1 if message.member is None else message.member for message in messages})
    if members[0] == -1 and len(members) > 1:
        raise DataError(
            f"{path}: {variable.name} has members and a forecast without a member; take one of them out, as "
            f"`grib_copy -w dataType=pf` does"
        )
    index: _Index = defaultdict(lambda: defaultdict(dict))
    for message in messages:
        spans = index[message.run][message.member]
        if (message.start, message.end) in spans:
            raise DataError(
                f"{path}: has {variable.name} of the run of {_moment(message.run)}, hours {message.start:g} to "
                f"{message.end:g}, {'' if message.member is None else f'member {message.member}, '}more than once; "
                f"write each once"
            )
        spans[message.start, message.end] = message.offset
    runs = np.array(sorted(index))
    # The last day that a run may be taken for: the one before the first that it covers wholly.
    begun = -(-(runs - np.timedelta64(day_start, "h").astype("timedelta64[s]")).astype(np.int64) // 86400)
    issues = begun.astype("datetime64[D]") - _DAY
    (kind,) = kinds
    join, words = _JOINED[kind]
    numbers: list[int | None] = [None] if members == [-1] else list(members)

    @lru_cache(maxsize=4096)
    def run_at(issue: np.datetime64) -> np.datetime64:
        place = int(np.searchsorted(issues, issue, side="right")) - 1
        if place < 0:
            raise DataError(
                f"{path}: {variable.name} was first forecast at {_moment(runs[0])}, later than an issue time of "
                f"{issue} could know; add an earlier run, or choose an issue time from {issues[0]} on"
            )
        if issues[place] < issue:
            _log.warning(
                "%s: %s after %s is of the run of %s, %d days older than it could be",
                path,
                variable.name,
                issue,
                _moment(runs[place]),
                (issue - issues[place]).astype(int),
            )
        return runs[place]

    def terms(member: int, issue: np.datetime64, lead: int) -> Terms | None:
        run = run_at(issue)
        begin = ((issue + lead * _DAY).astype("datetime64[h]") + day_start * _HOUR - run) / _HOUR
        spans = index[run].get(numbers[member], {})
        parts = join(spans, float(begin))
        return parts and [(spans[span], factor) for span, factor in parts]

    def read(offset: Key, rows: slice, columns: slice) -> Float[np.ndarray, "row column"]:
        assert isinstance(offset, int)
        return read_message(path, offset, variable.cells)[rows, columns]

    grid = variable.cells
    cells = Cells((len(grid.latitude), len(grid.longitude)), grid.latitude, grid.longitude, True)
    hour = f"{day_start:02d}:00"
    said = f"{words.format(variable.name, variable.units)}, {hour} to {hour} UTC of the next day"
    return Maps(
        path,
        variable.name,
        MapCells(cells, {}, "degrees"),
        variable.units,
        () if numbers == [None] else tuple(map(str, members)),
        terms,
        read,
        daily=False,
        said=said,
    )


def _moment(run: np.datetime64) -> str:
    return f"{str(run)[:16].replace('T', ' ')} UTC"
