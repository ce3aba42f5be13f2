"""Series from several sources as one: side by side where their stations differ, else the source named first wins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from hydromae.base.errors import DataError
from hydromae.base.station_ids import one_spelling
from hydromae.config import ModalityConfig
from hydromae.sources.cleaning import Fault
from hydromae.sources.overlap import Overlap, overlap_of
from hydromae.sources.pieces import Piece
from hydromae.sources.source import OF_STATION, Source, open_source

RULE = "where two hold a station, the first named gives each value that it has, and the next gives what it lacks"


@dataclass(frozen=True)
class JoinedSource(Source):
    """Several sources of one series.

    Attributes:
        parts: the sources, the one whose values win first; `pieces` are those of all of them.
        ids: the stations, those of all parts.
        overlaps: what each part shares with those before it, where they share stations.
    """

    parts: tuple[Source, ...] = ()
    ids: tuple[str, ...] = ()
    overlaps: tuple[Overlap, ...] = ()

    @property
    def first_day(self) -> np.datetime64:
        """First day of all parts."""
        return min(part.first_day for part in self.parts)

    @property
    def last_day(self) -> np.datetime64:
        """Last day of all parts."""
        return max(part.last_day for part in self.parts)

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of stations."""
        return (len(self.ids),)

    @property
    def held(self) -> np.ndarray:
        """The days that one part or more holds, in order; datetime64[D]."""
        return np.unique(np.concatenate([part.held for part in self.parts]))

    @property
    def station_ids(self) -> tuple[str, ...]:
        """The stations of all parts."""
        return self.ids

    @property
    def why(self) -> str:
        """Why the reader of each part was chosen."""
        return "; ".join(f"{_own_name(part)}: {part.why}" for part in self.parts)

    @property
    def where(self) -> str:
        """The files of all parts."""
        return ", ".join(part.where for part in self.parts)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the parts, how many stations each has, and what they share, a sentence each."""
        counted = ", ".join(f"{_own_name(part)} ({len(part.station_ids)} stations)" for part in self.parts)
        excluded = int(np.isin(self.excluded, self.held).sum())
        left_out = f"{excluded} day{'s are' if excluded > 1 else ' is'} missing, as exclude_dates says"
        notes = [f"{self.name}: {left_out}"] if excluded else []
        of_parts = [note for part in self.parts for note in part.notes]
        notes.append(f"{self.name}: {len(self.ids)} stations of {counted} are joined; {RULE}")
        return (*of_parts, *notes, *(f"{self.name}: {overlap.sentence}" for overlap in self.overlaps))

    @property
    def doubts(self) -> tuple[str, ...]:
        """A sentence for each two parts that can hardly have the same stations, days and units."""
        return tuple(f"{self.where}: {self.name}: {doubt}" for overlap in self.overlaps if (doubt := overlap.doubt))

    def spelled_as(self, spellings: Sequence[str]) -> "JoinedSource":
        """The same with ids spelled as in `spellings`; they are alike in all parts already."""
        names = one_spelling(self.ids, spellings, self.where)
        parts = [part.spelled_as(spellings) for part in self.parts]
        return replace(self, ids=tuple(names.values()), parts=tuple(parts), pieces=_pieces(parts))

    def for_stations(self, ids: Sequence[str]) -> "JoinedSource":
        """The series of these stations, in this order; of each part those that it holds."""
        parts = []
        for part in self.parts:
            own = set(part.station_ids)
            parts.append(part.for_stations([station for station in ids if station in own]))
        return replace(self, ids=tuple(ids), parts=tuple(parts), pieces=_pieces(parts))

    @cached_property
    def _columns(self) -> tuple[Int[np.ndarray, "station"], ...]:
        """Where the stations of each part are among all."""
        place = {station: column for column, station in enumerate(self.ids)}
        return tuple(np.array([place[i] for i in part.station_ids], np.int64) for part in self.parts)

    def read(self, first: np.datetime64, count: int) -> Float[np.ndarray, "day station"]:
        """`count` days from `first` as float32; NaN where no part has a value, and on excluded days."""
        block = np.full((count, len(self.ids)), np.nan, np.float32)
        for part, columns in zip(self.parts, self._columns, strict=True):
            before = block[:, columns]
            block[:, columns] = np.where(np.isnan(before), part.read(first, count), before)
        block[np.isin(first + np.arange(count), self.excluded)] = np.nan
        return block

    def path_of(self, day: np.datetime64, station: str | None = None) -> Path:
        """The file that gives a day of a station, or else one that could."""
        return self._giver(day, station).path_of(day, station)

    def error(self, fault: Fault, day: np.datetime64, place: str) -> DataError:
        """What to tell the user about an impossible value, whose part names its file."""
        station = place.removeprefix(OF_STATION) if place.startswith(OF_STATION) else None
        return self._giver(day, station).error(fault, day, place)

    def _giver(self, day: np.datetime64, station: str | None) -> Source:
        holding = [part for part in self.parts if station is None or station in part.station_ids] or list(self.parts)
        for part in holding if station is not None else ():
            if np.isfinite(value := part.for_stations([str(station)]).read(day, 1)).any() or np.isinf(value).any():
                return part
        return next((part for part in holding if day in part.held), holding[0])


def open_modality(
    name: str, settings: ModalityConfig, root: Path, codes: tuple[float, ...], known_ids: Sequence[str] = ()
) -> Source:
    """Open all sources of a modality; see `open_source` for each.

    Raises:
        ConfigError: no file is named.
        DataError: a file is wrong, or two of one source do not go together.
    """
    if not settings.sources:
        return open_source(name, settings, root, codes, known_ids)
    parts = []
    for part, (label, part_settings) in zip(settings.sources.values(), settings.parts(name).items(), strict=True):
        ids = (*known_ids, *(part.id_prefix + station for station in known_ids)) if part.id_prefix else known_ids
        parts.append(_without_prefix(open_source(label, part_settings, root, codes, ids), part.id_prefix))
    alike = tuple(one_spelling([station for part in parts for station in part.station_ids]).values())
    return join(name, settings, [part.spelled_as(alike) for part in parts], codes)


def join(name: str, settings: ModalityConfig, parts: Sequence[Source], codes: tuple[float, ...]) -> JoinedSource:
    """The stations and days of all parts, the first of which wins; what they share is counted."""
    ids = tuple(dict.fromkeys(station for part in parts for station in part.station_ids))
    whole = JoinedSource(name, settings, _pieces(parts), codes, parts=tuple(parts), ids=ids)
    plain = replace(whole, settings=settings.model_copy(update={"exclude_dates": ()}))
    overlaps = []
    for i in range(1, len(parts)):
        own = set(parts[i].station_ids)
        before = tuple(part for part in parts[:i] if own & set(part.station_ids))
        if before:
            earlier = replace(plain, parts=before, ids=tuple(dict.fromkeys(s for p in before for s in p.station_ids)))
            names = tuple(_own_name(part) for part in before)
            overlaps.append(overlap_of(names, earlier, _own_name(parts[i]), parts[i], settings.units))
    return replace(whole, overlaps=tuple(overlaps))


def _pieces(parts: Sequence[Source]) -> tuple[Piece, ...]:
    return tuple(piece for part in parts for piece in part.pieces)


def _own_name(part: Source) -> str:
    """The name of a source without that of its modality."""
    return part.name.rpartition(".")[2]


def _without_prefix(source: Source, prefix: str) -> Source:
    """The same source with ids without the prefix; DataError where an id lacks it, or has nothing else."""
    if not prefix:
        return source
    key = f"data.modalities.{source.name}.id_prefix"
    renamed: Mapping[str, str] = {station: station.removeprefix(prefix) for station in source.station_ids}
    for station, short in renamed.items():
        if not station.startswith(prefix) or not short:
            raise DataError(
                f"{source.where}: station {station} does not begin with {prefix} and more ({key}); correct {key}, or "
                f"leave it out where the ids are those of the other sources"
            )
    return replace(source, pieces=tuple(piece.renamed(renamed) for piece in source.pieces))
