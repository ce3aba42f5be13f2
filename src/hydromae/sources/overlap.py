"""What two sources of one series share: how many values, how many of them differ, how many fill a gap."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hydromae.sources.source import Source

_STATIONS = 64  # read at once
_SHOWN = 5
_FAR = 0.1  # of a value, and of the spread of its station: more than any rounding
_MOSTLY = 0.25  # of the shared days of a station that are far apart: hardly the same series


@dataclass(frozen=True)
class Overlap:
    """The stations that a source shares with those named before it.

    Attributes:
        first: the sources named before that hold one of the stations.
        second: the source.
        stations: the stations that both hold.
        both: station-days on which both have a value; the first wins.
        differ: how many of these values are not equal.
        far: how many differ by more than a tenth.
        filled: station-days that only the second has a value on.
        largest: the largest difference in words; "" where there is none.
        unlike: stations that are far apart on many of the days that both hold, with the share of those days.
    """

    first: tuple[str, ...]
    second: str
    stations: tuple[str, ...]
    both: int
    differ: int
    far: int
    filled: int
    largest: str
    unlike: tuple[tuple[str, float], ...]

    @property
    def sentence(self) -> str:
        """All of it in words."""
        first, named = " or ".join(self.first), _listed(self.stations)
        count = len(self.stations)
        text = f"{first} and {self.second} both hold {count} station{'s' if count > 1 else ''} ({named}): "
        apart = "all are equal"
        if self.differ:
            verb = "s" if self.differ == 1 else ""
            apart = f"{self.differ} differ{verb}, {self.far} by more than {_FAR:.0%}, most {self.largest}"
        text += (
            f"of {self.both} values that both have, that of {first} is taken ({apart})"
            if self.both
            else "no value is in both"
        )
        return f"{text}; {self.filled} that {first} lacks come from {self.second}"

    @property
    def doubt(self) -> str:
        """Which stations can hardly be the same in both; "" where none."""
        if not self.unlike:
            return ""
        first = " or ".join(self.first)
        listed = _listed([f"{station} ({share:.0%})" for station, share in self.unlike])
        return (
            f"{first} and {self.second} differ by more than {_FAR:.0%} on many of the days that both hold at {listed}; "
            f"check that the units, the days (shift_days) and the stations are the same, or take one of the sources out"
        )


def overlap_of(names: tuple[str, ...], earlier: Source, name: str, later: Source, units: str) -> Overlap:
    """Compare a source with those named before it, at the stations that both hold; values are read station by station.

    Args:
        names: of the sources named before.
        earlier: these.
        name: of the source.
        later: it.
        units: of both.
    """
    own = set(later.station_ids)
    stations = tuple(station for station in earlier.station_ids if station in own)
    first, count = later.first_day, int((later.last_day - later.first_day).astype(np.int64)) + 1
    total = np.zeros(4, np.int64)  # both, differ, far, filled
    unlike: list[tuple[str, float]] = []
    most, largest = 0.0, ""
    for start in range(0, len(stations), _STATIONS):
        ids = stations[start : start + _STATIONS]
        before, after = (source.for_stations(ids).read(first, count) for source in (earlier, later))  # [day, station]
        both = ~np.isnan(before) & ~np.isnan(after)
        with np.errstate(invalid="ignore", over="ignore"):
            apart = np.where(both & (before != after), np.abs(before - after), 0)
            size = np.where(both, np.maximum(np.abs(before), np.abs(after)), 0)
        spread = np.array([np.ptp(before[held, i]) if held.any() else 0 for i, held in enumerate(both.T)])
        far = both & (apart > _FAR * size) & (apart > _FAR * _FAR * spread)
        total += [both.sum(), (both & (before != after)).sum(), far.sum(), (np.isnan(before) & ~np.isnan(after)).sum()]
        shares = far.sum(axis=0) / np.maximum(both.sum(axis=0), 1)
        unlike += [(ids[i], float(shares[i])) for i in np.flatnonzero(shares > _MOSTLY).tolist()]
        if apart.size and apart.max() > most:
            day, column = np.unravel_index(int(apart.argmax()), apart.shape)
            most = float(apart.max())
            values = f"{before[day, column]:g} and {after[day, column]:g} {units}"
            largest = f"at {ids[column]} on {first + day}: {values}"
    shared, differ, apart_far, filled = (int(number) for number in total)
    return Overlap(names, name, stations, shared, differ, apart_far, filled, largest, tuple(unlike))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
