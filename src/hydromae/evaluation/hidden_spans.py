"""The infilling experiment: observed spans of days are hidden, filled and compared with the observations."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Bool, Int

from hydromae.base.csv_text import write_frame
from hydromae.base.errors import DataError
from hydromae.base.replacing import replacing

# Days in a span -> spans at each station. Each length hides 90 days; the longest has two spans, since one would lie
# in a single season.
SPANS: Final[Mapping[int, int]] = {1: 90, 5: 18, 15: 6, 30: 3, 90: 2}
_ATTEMPTS = 50


@dataclass(frozen=True)
class HiddenSpans:
    """Which observed values are hidden.

    Attributes:
        mask: bool [time, station], True where hidden.
        table: one row for each span, ordered by station and time: `station` (text), `length` in days, `first` and
            `last` day.
        left_out: stations that cannot hold all of their spans, and so get none.
    """

    mask: xr.DataArray
    table: pd.DataFrame
    left_out: tuple[str, ...] = field(default=())

    def hide(self, observed: xr.DataArray) -> xr.DataArray:
        """The series with the hidden values missing; all other values are unchanged."""
        return observed.where(~self.mask.reindex_like(observed, fill_value=False))

    def of_length(self, days: int) -> xr.DataArray:
        """The mask of only the spans of that many days, bool [time, station]."""
        dates = self.mask["time"].to_index()
        rows = self.table[self.table["length"] == days]
        first, last = (pd.DatetimeIndex(rows[column]) for column in ("first", "last"))
        hidden = np.zeros(self.mask.shape, np.int8)  # +1 where a span begins, -1 after its end
        columns = pd.Index(self.mask["station"].values).get_indexer(pd.Index(rows["station"]))
        np.add.at(hidden, (dates.get_indexer(first), columns), 1)
        np.add.at(hidden, (dates.get_indexer(last) + 1, columns), -1)
        return self.mask.copy(data=hidden.cumsum(axis=0) > 0)

    def write(self, path: Path) -> None:
        """Write the table as CSV."""
        with replacing(path) as temporary:
            write_frame(self.table, temporary, date_format="%Y-%m-%d")


def hide_spans(
    observed: xr.DataArray, *, period: slice, spans: Mapping[int, int] = SPANS, seed: int = 0
) -> HiddenSpans:
    """Draw spans to hide, at random among spans that are observed on every day.

    A station has the exact number of spans of each length or, where that many do not fit, none at all. The day before
    and the day after each span are observed and stay visible, so spans neither overlap nor touch and each gap has the
    length it is counted under. The draw of a station depends on the seed and its id, not on other stations.

    Args:
        observed: [time, station], NaN where missing, one value for every day.
        period: first and last day in which spans lie, both included.
        spans: days in a span -> number of such spans at each station. All lengths are hidden together; draw one length
            at a time where donors should mostly stay visible.
        seed: of the draw.

    Raises:
        DataError: the days are not consecutive, or no station can hold the spans.
    """
    observed = observed.transpose("time", "station")
    dates = observed["time"].to_index()
    if len(dates) < 2 or (np.diff(dates.values) != np.timedelta64(1, "D")).any():
        raise DataError("spans can be hidden in consecutive days only; give the series a value, or NaN, for every day")
    inside = np.zeros(len(dates), bool)
    inside[dates.slice_indexer(period.start, period.stop)] = True
    observed_days = np.isfinite(observed.values)
    hidden = np.zeros(observed_days.shape, bool)
    rows, left_out = [], []
    for column, station in enumerate(str(station) for station in observed["station"].values):
        generator = np.random.default_rng([seed, zlib.crc32(station.encode())])
        drawn = _draw(observed_days[:, column], inside, spans, generator)
        if drawn is None:
            left_out.append(station)
            continue
        for start, length in drawn:
            hidden[start : start + length, column] = True
            rows.append((station, length, dates[start], dates[start + length - 1]))
    if not rows:
        raise DataError(
            f"no station has observed days for {dict(spans)} spans between {period.start} and {period.stop}; "
            f"hide fewer or shorter spans, or give a longer period"
        )
    table = pd.DataFrame(rows, columns=["station", "length", "first", "last"])
    mask = observed.copy(data=hidden).rename("hidden")
    mask.attrs = {"long_name": "observed but hidden"}
    return HiddenSpans(mask, table, tuple(left_out))


def _draw(
    observed_days: Bool[np.ndarray, "time"],
    inside: Bool[np.ndarray, "time"],
    spans: Mapping[int, int],
    generator: np.random.Generator,
) -> list[tuple[int, int]] | None:
    """First day and length of each span of one station, in time; None if they do not fit after some attempts."""
    lengths = [length for length in sorted(spans, reverse=True) for _ in range(spans[length])]
    if sum(lengths) + len(lengths) + 1 > observed_days.sum():
        return None
    for _ in range(_ATTEMPTS):
        visible = observed_days.copy()
        drawn: list[tuple[int, int]] = []
        for length in lengths:  # the longest first, while there is most room
            starts = _starts(visible, inside, length)
            if not len(starts):
                break
            start = int(generator.choice(starts))
            visible[start : start + length] = False
            drawn.append((start, length))
        if len(drawn) == len(lengths):
            return sorted(drawn)
    return None


def _starts(
    visible: Bool[np.ndarray, "time"], inside: Bool[np.ndarray, "time"], length: int
) -> Int[np.ndarray, "start"]:
    """First days of the spans that lie inside and are visible with the day before and the day after."""
    if len(visible) < length + 2:
        return np.empty(0, np.int64)
    seen = np.concatenate([[0], np.cumsum(visible)])
    within = np.concatenate([[0], np.cumsum(inside)])
    whole = seen[length + 2 :] - seen[: -length - 2] == length + 2  # by the day before the span
    return np.flatnonzero(whole & (within[length + 1 : -1] - within[1 : -length - 1] == length)) + 1
