"""Groups files of one variable into one source: they follow each other in time or have different stations."""

import glob
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePosixPath

from hydromae.base.errors import DataError
from hydromae.base.station_ids import id_key
from hydromae.config import Kind, Period
from hydromae.init.found import Candidate
from hydromae.init.variables import Variable, variable_of, words_of
from hydromae.readers.files import expand

_OF_STATIONS = {"table", "netcdf_series", "zarr_series"}  # readers of files with many stations
_FEW = 4  # paths up to which each is listed, rather than a pattern
_MARKS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


@dataclass(frozen=True)
class Group:
    """Files of one variable, what they are taken for, and other sources that add stations."""

    variable: Variable
    pieces: tuple[Candidate, ...]
    more: tuple["Group", ...] = ()

    @property
    def kind(self) -> Kind:
        """Grid or series."""
        return self.pieces[0].kind

    @property
    def first(self) -> date:
        """First day."""
        return min(piece.first for piece in self.pieces if piece.first is not None)

    @property
    def last(self) -> date:
        """Last day."""
        return max(piece.last for piece in self.pieces if piece.last is not None)

    @property
    def span(self) -> Period:
        """First and last day."""
        return self.first, self.last

    @property
    def has_gaps(self) -> bool:
        """Whether a grid lacks days between the first and the last."""
        held = sum(piece.n_days for piece in self.pieces)
        return self.kind == "grid" and held < (self.last - self.first).days + 1

    @property
    def shape(self) -> tuple[int, int] | None:
        """Rows and columns of a grid."""
        return self.pieces[0].shape

    @property
    def keys(self) -> set[str]:
        """Its own stations, however their ids are spelled."""
        return {id_key(station) for piece in self.pieces for station in piece.stations}

    @property
    def n_stations(self) -> int:
        """Its own stations; 0 for a grid."""
        return max(len(self.keys), self.pieces[0].n_stations)

    @property
    def stations(self) -> tuple[str, ...]:
        """Ids of the stations that were looked at, with those of the sources joined to it."""
        return tuple(i for group in (self, *self.more) for piece in group.pieces for i in piece.stations)

    @property
    def where(self) -> str:
        """Its files in words."""
        files = self.pieces[0].files or tuple(piece.path for piece in self.pieces)
        named = "this folder" if files[0] == "." else files[0] if len(files) == 1 else f"{files[0]} to {files[-1]}"
        return named + self.column

    @property
    def column(self) -> str:
        """The variable's name in the files, for messages."""
        return f": {self.pieces[0].variable}" if self.pieces[0].variable else ""

    @property
    def extent(self) -> str:
        """Its places and days in words."""
        whole = all(piece.all_stations for piece in self.pieces)
        counted = f"{self.n_stations} stations" if whole else f"{self.n_stations} stations or more"
        places = f"{self.shape[0]} x {self.shape[1]} cells" if self.shape else counted
        return f"{places}, {'' if whole else 'at least '}{self.first} to {self.last}"

    def amount(self, period: Period | None = None) -> int:
        """Its days, as far as they lie in a period, times its stations."""
        begin, end = period or self.span
        days = max(0, (min(self.last, end) - max(self.first, begin)).days + 1)
        return days * (self.n_stations or 1)

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
        """What the configuration names: a pattern if it matches exactly these files in their order, else the files."""
        files = self.pieces[0].files or tuple(piece.path for piece in self.pieces)
        folder = PurePosixPath(files[0]).parent.as_posix()
        if len(files) <= _FEW or any(PurePosixPath(file).parent.as_posix() != folder for file in files):
            return files
        names = [PurePosixPath(file).name for file in files]
        for start in ("", _same_start(names)):
            fixed = (PurePosixPath(folder) / start).as_posix() if start else f"{folder}/"
            pattern = f"{fixed.removeprefix('./')}*{PurePosixPath(names[0]).suffix}"
            if not glob.has_magic(fixed) and _matches(top, pattern) == list(files):
                return (pattern,)
        return files


def _same_start(names: list[str]) -> str:
    """The letters with which all names begin."""
    first, last = min(names), max(names)
    same = (i for i, (letter, other) in enumerate(zip(first, last, strict=False)) if letter != other)
    return first[: next(same, min(len(first), len(last)))]


def _matches(top: Path, pattern: str) -> list[str]:
    try:
        return expand(top, [pattern])
    except DataError:
        return []


@dataclass
class _Lane:
    """Files that a reader takes as one source: no two hold the same day of the same place."""

    members: list[Candidate] = field(default_factory=list)
    last: dict[str, date] = field(default_factory=dict)

    def takes(self, candidate: Candidate) -> bool:
        assert candidate.first is not None
        return all(self.last.get(place, date.min) < candidate.first for place in _places(candidate))

    def add(self, candidate: Candidate) -> None:
        assert candidate.last is not None
        self.members.append(candidate)
        self.last |= dict.fromkeys(_places(candidate), candidate.last)

    @property
    def pieces(self) -> tuple[Candidate, ...]:
        # If no place occurs twice, their order in time does not matter, and a pattern can name them.
        apart = len(self.last) == sum(len(_places(candidate)) for candidate in self.members)
        return tuple(sorted(self.members, key=lambda candidate: candidate.path) if apart else self.members)


def _places(candidate: Candidate) -> list[str]:
    return [id_key(station) for station in candidate.stations] or [""]


def in_groups(candidates: tuple[Candidate, ...]) -> list[Group]:
    """Group the candidates that can be one source: of one format, variable, shape and unit."""
    alike: dict[tuple[object, ...], list[_Lane]] = {}
    variables: dict[tuple[object, ...], Variable] = {}
    dated = [candidate for candidate in candidates if candidate.first is not None]
    for candidate in sorted(dated, key=lambda candidate: (str(candidate.first), -candidate.n_days, candidate.path)):
        variable = variable_of(candidate)
        columns = (candidate.date_column, candidate.id_column, candidate.layout)
        key: tuple[object, ...] = (
            variable.role, candidate.kind, candidate.reader, candidate.variable, candidate.shape, candidate.units,
            candidate.dated,
        )  # fmt: skip
        # Only grids, and series whose stations are all known, are joined, and only if their modality is known.
        whole = candidate.kind == "grid" or (candidate.reader in _OF_STATIONS and candidate.all_stations)
        joined = variable.role is not None and whole
        key += columns if joined else (candidate.path,)
        variables.setdefault(key, variable)
        lanes = alike.setdefault(key, [])
        lane = next((lane for lane in lanes if lane.takes(candidate)), None)
        if lane is None:
            lanes.append(lane := _Lane())
        lane.add(candidate)
    groups = [Group(variables[key], lane.pieces) for key, lanes in alike.items() for lane in lanes]
    return sorted(groups, key=lambda group: (group.pieces[0].path, group.pieces[0].variable or ""))
