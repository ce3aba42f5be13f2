"""Tables of one variable and different stations, a station each or some of them, put together to one source."""

from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from hydromae.base.station_ids import id_key
from hydromae.init.found import Candidate, Values
from hydromae.init.guess import Guess


@dataclass
class _Joined:
    """Tables that the reader takes as one: none holds a day of a station that another holds too."""

    members: list[tuple[Candidate, Guess]] = field(default_factory=list)
    last: dict[str, date] = field(default_factory=dict)

    def takes(self, one: Candidate) -> bool:
        assert one.first is not None
        return all(self.last.get(id_key(station), date.min) < one.first for station in one.stations)

    def add(self, one: Candidate, found: Guess) -> None:
        assert one.last is not None
        self.members.append((one, found))
        self.last |= {id_key(station): one.last for station in one.stations}


def with_tables_joined(found: list[tuple[Candidate, Guess]]) -> list[tuple[Candidate, Guess]]:
    """The same with the tables that have one variable in columns of the same names joined where their stations differ.

    Tables that are not known as a whole stay as they are, and so do those of which it is not known what they hold.
    """
    alike: dict[tuple[object, ...], list[_Joined]] = {}
    others = []
    for one, guessed in sorted(found, key=lambda member: (str(member[0].first), member[0].path)):
        if one.reader != "table" or guessed.role is None or not one.all_stations or not one.stations:
            others.append((one, guessed))
            continue
        key = (guessed.role, one.variable, one.units, one.date_column, one.id_column, one.layout)
        lanes = alike.setdefault(key, [])
        lane = next((lane for lane in lanes if lane.takes(one)), None)
        if lane is None:
            lanes.append(lane := _Joined())
        lane.add(one, guessed)
    return [*others, *(_as_one(lane) for lanes in alike.values() for lane in lanes)]


def _as_one(joined: _Joined) -> tuple[Candidate, Guess]:
    if len(joined.members) == 1:
        return joined.members[0]
    # What one file's sample leaves open, as a dry month's unit, the one with the largest values tells.
    tables = [one for one, _ in joined.members]
    told = max(joined.members, key=lambda one: one[0].values.high if one[0].values.count else float("-inf"))[1]
    stations = tuple(dict.fromkeys(station for one in tables for station in one.stations))
    if sum(len(one.stations) for one in tables) == len(stations):  # else their order in time matters
        tables.sort(key=lambda one: one.path)
    firsts, lasts = [one.first for one in tables if one.first], [one.last for one in tables if one.last]
    seen = [one.seen for one in tables if one.seen is not None]
    first, last = min(firsts), max(lasts)
    n_days = (last - first).days + 1
    held = sum((1 - one.absent) * one.n_days * one.n_stations for one in tables)
    one = replace(
        tables[0],
        files=tuple(one.path for one in tables),
        first=first,
        last=last,
        n_days=n_days,
        values=_summary([one.values for one in tables]),
        stations=stations,
        n_stations=len(stations),
        seen=(min(day for day, _ in seen), max(day for _, day in seen)) if seen else None,
        absent=max(0.0, 1 - held / (n_days * len(stations))),
    )
    return one, told


def _summary(values: list[Values]) -> Values:
    """Of several samples; quartile and median are the medians of theirs."""
    sizes = [one.count / max(1 - one.missing, 1e-9) if one.count else 0.0 for one in values]
    held = [one for one in values if one.count] or values[:1]
    count = sum(one.count for one in values)
    return Values(
        count=count,
        missing=1 - count / max(sum(sizes), 1.0) if count else 1.0,
        low=min(one.low for one in held),
        quarter=float(np.median([one.quarter for one in held])),
        middle=float(np.median([one.middle for one in held])),
        high=max(one.high for one in held),
        zeros=sum(one.zeros * one.count for one in held) / max(count, 1),
        codes=tuple(dict.fromkeys(code for one in values for code in one.codes)),
    )
