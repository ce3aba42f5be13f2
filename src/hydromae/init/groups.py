"""Files that follow each other in time, put together to one source."""

import glob
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath

from hydromae.base.errors import DataError
from hydromae.base.station_ids import id_key
from hydromae.config import Kind, Period
from hydromae.init.found import Candidate
from hydromae.init.guess import Guess, guess
from hydromae.init.station_tables import with_tables_joined
from hydromae.init.words import words_of
from hydromae.readers.files import expand

_FEW = 4  # paths up to which each is listed, rather than a pattern
_MARKS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


@dataclass(frozen=True)
class Group:
    """Files of one variable in order of time, what they are taken for, and other sources with more stations of it."""

    guess: Guess
    pieces: tuple[Candidate, ...]
    more: tuple["Group", ...] = ()

    @property
    def kind(self) -> Kind:
        """Grid or series."""
        return self.pieces[0].kind

    @property
    def variable(self) -> str | None:
        """The name in the files."""
        return self.pieces[0].variable

    @property
    def first(self) -> date:
        """First day."""
        assert self.pieces[0].first is not None
        return self.pieces[0].first

    @property
    def last(self) -> date:
        """Last day."""
        assert self.pieces[-1].last is not None
        return self.pieces[-1].last

    @property
    def n_days(self) -> int:
        """Days that the files hold."""
        return sum(piece.n_days for piece in self.pieces)

    @property
    def has_gaps(self) -> bool:
        """Whether days between the first and the last are absent."""
        return self.n_days < (self.last - self.first).days + 1

    @property
    def shape(self) -> tuple[int, int] | None:
        """Rows and columns of a grid."""
        return self.pieces[0].shape

    @property
    def n_stations(self) -> int:
        """Stations of a series, those of other sources too."""
        own = self.pieces[0]
        return own.n_stations + len(set().union(*(group.keys for group in self.more)) - self.keys)

    @property
    def stations(self) -> tuple[str, ...]:
        """Ids of the stations, as far as they were looked at, those of other sources too."""
        return tuple(i for group in (self, *self.more) for piece in group.pieces for i in piece.stations)

    @property
    def keys(self) -> set[str]:
        """Its own stations, whatever their ids are spelled like."""
        return {id_key(station) for piece in self.pieces for station in piece.stations}

    @property
    def where(self) -> str:
        """Its files in words."""
        first, last = self.pieces[0].path, self.pieces[-1].path
        if self.pieces[0].files:
            first, last = self.pieces[0].files[0], self.pieces[0].files[-1]
        files = "this folder" if first == "." else first if first == last else f"{first} to {last}"
        return files + (f": {self.variable}" if self.variable else "")

    @property
    def extent(self) -> str:
        """Its places and days in words."""
        one = self.pieces[0]
        counted = f"{one.n_stations} stations" if one.all_stations else f"{one.n_stations} stations or more"
        places = f"{self.shape[0]} x {self.shape[1]} cells" if self.shape else counted
        return f"{places}, {'' if one.all_stations else 'at least '}{self.first} to {self.last}"

    def days_in(self, period: Period | None) -> int:
        """Days between the first and the last that lie in a period."""
        if period is None:
            return self.n_days
        return max(0, (min(self.last, period[1]) - max(self.first, period[0])).days + 1)

    def marked(self) -> dict[str, Period]:
        """The days of the files that are named train, val or test; none where a file is not named so."""
        spans: dict[str, Period] = {}
        for piece in self.pieces:
            marks = {_MARKS[word] for word in words_of(PurePosixPath(piece.path).name) if word in _MARKS}
            if len(marks) != 1 or piece.first is None or piece.last is None:
                return {}
            begin, end = spans.get(mark := marks.pop(), (piece.first, piece.last))
            spans[mark] = (min(begin, piece.first), max(end, piece.last))
        return spans

    def paths(self, top: Path) -> tuple[str, ...]:
        """What the configuration is to name: a pattern where one finds these files, in their order, and no other."""
        files = self.pieces[0].files or tuple(piece.path for piece in self.pieces)
        if len(files) <= _FEW:
            return files
        folders = {PurePosixPath(file).parent.as_posix() for file in files}
        if len(folders) > 1:
            return files
        folder = folders.pop()
        names = [PurePosixPath(file).name for file in files]
        suffix = PurePosixPath(names[0]).suffix
        for start in ("", _same_start(names)):
            fixed = (PurePosixPath(folder) / start).as_posix() if start else f"{folder}/"
            pattern = f"{fixed.removeprefix('./')}*{suffix}"
            if not glob.has_magic(fixed) and _matches(top, pattern) == list(files):
                return (pattern,)
        return files


def _same_start(names: list[str]) -> str:
    """The letters with which all names begin."""
    first, last = min(names), max(names)
    same = (i for i, (one, other) in enumerate(zip(first, last, strict=False)) if one != other)
    return first[: next(same, min(len(first), len(last)))]


def _matches(top: Path, pattern: str) -> list[str]:
    try:
        return expand(top, [pattern])
    except DataError:
        return []


def in_groups(candidates: tuple[Candidate, ...]) -> list[Group]:
    """Put together what can be one source: one format, variable, shape and unit, one after the other in time."""
    alike: dict[tuple[object, ...], list[tuple[Candidate, Guess]]] = {}
    for one, found in with_tables_joined([(one, guess(one)) for one in candidates if one.first is not None]):
        key = (found.role, one.kind, one.reader, one.variable, one.shape, one.units, one.dated)
        # Files of unknown content are not put together; tables of one variable and different stations are already.
        alone = (one.path,) if found.role is None or one.kind == "series" else ()
        alike.setdefault(key + alone, []).append((one, found))
    groups: list[Group] = []
    for members in alike.values():
        members.sort(key=lambda member: (member[0].first, -member[0].n_days, member[0].path))
        chains: list[list[tuple[Candidate, Guess]]] = []
        for member in members:
            chain = next((chain for chain in chains if _follows(chain[-1][0], member[0])), None)
            if chain is None:
                chains.append([member])
            else:
                chain.append(member)
        # What one file's sample leaves open, as a dry month's unit, the one with the largest values tells.
        for chain in chains:
            told = max(chain, key=lambda member: member[0].values.high if member[0].values.count else float("-inf"))
            groups.append(Group(told[1], tuple(member[0] for member in chain)))
    return sorted(groups, key=lambda group: (group.pieces[0].path, group.variable or ""))


def _follows(before: Candidate, after: Candidate) -> bool:
    return before.last is not None and after.first is not None and before.last < after.first
