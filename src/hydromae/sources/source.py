"""The files of one modality, joined in time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import xarray as xr
from jaxtyping import Float

from hydromae.base.errors import ConfigError, DataError
from hydromae.base.stamps import Clocks, calendar_days, seconds_of
from hydromae.base.station_ids import id_texts, one_spelling, require_distinct
from hydromae.base.units import conversion, convertible, same_units
from hydromae.config import ModalityConfig
from hydromae.readers.detect import Request, locate
from hydromae.sources.cells import Regrid, cells_of, north_first, same_cells
from hydromae.sources.cleaning import Fault, first_fault, missing_to_nan, number_text, within_limits
from hydromae.sources.daily import to_days
from hydromae.sources.exclusions import days_in
from hydromae.sources.pieces import BEGINS, Piece, check_follows, read_values, side_by_side
from hydromae.sources.regridding import Cells

__all__ = ["OF_STATION", "Piece", "Source", "check_shapes", "open_source"]

OF_STATION = "of station "  # how a message says that a place is a station


@dataclass(frozen=True)
class Source:
    """One modality's files in order of time.

    Attributes:
        codes: the numbers that mean missing.
        regrid: how its maps are brought to other cells; None where its own cells are those of the store.
    """

    name: str
    settings: ModalityConfig
    pieces: tuple[Piece, ...]
    codes: tuple[float, ...]
    regrid: Regrid | None = None

    @property
    def first_day(self) -> np.datetime64:
        """First day of the first file."""
        return self.pieces[0].days[0]

    @property
    def last_day(self) -> np.datetime64:
        """Last day of the last file."""
        return self.pieces[-1].days[-1]

    @cached_property
    def cells(self) -> Cells:
        """The cells of a grid as it is read, placed where one of its files says."""
        if self.regrid is not None:
            return self.regrid.target
        cells_of_files = [cells_of(piece.values) for piece in self.pieces]
        return next((cells for cells in cells_of_files if cells.placed), cells_of_files[0])

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns of a grid as it is read, or the number of stations of a series."""
        return self.pieces[0].values.shape[1:] if self.regrid is None else self.regrid.target.shape

    @property
    def held(self) -> np.ndarray:
        """The days that its files hold, in order; datetime64[D]."""
        return np.concatenate([piece.days for piece in self.pieces])

    @cached_property
    def excluded(self) -> np.ndarray:
        """The days on which its values are wrong, in order; datetime64[D]."""
        return days_in(self.settings.exclude_dates)

    @property
    def why(self) -> str:
        """Why its reader was chosen, as `check` says it."""
        return self.pieces[0].why

    @property
    def doubts(self) -> tuple[str, ...]:
        """A sentence for each thing about its files that is probably wrong."""
        return ()

    @property
    def readers(self) -> tuple[str, ...]:
        """The readers of its files, each once."""
        return tuple(dict.fromkeys(piece.reader for piece in self.pieces))

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to stamps, days, rows and cells, a sentence each."""
        notes = [note for piece in self.pieces for note in piece.values.attrs.get("notes", ())]
        if self.settings.convert_from is not None:
            notes.append(f"values are converted from {self.settings.convert_from} to {self.settings.units}")
        if shift := self.settings.shift_days:
            notes.append(f"days are moved by {shift:+d}, as shift_days says")
        if excluded := int(np.isin(self.excluded, self.held).sum()):
            notes.append(f"{excluded} day{'s are' if excluded > 1 else ' is'} missing, as exclude_dates says")
        if self.regrid is not None:
            (height, width), (rows, columns) = self.pieces[0].values.shape[1:], self.shape
            notes.append(f"{height} x {width} cells are brought to {rows} x {columns} by {self.regrid.rule}")
        return tuple(f"{self.name}: {note}" for note in dict.fromkeys(notes))

    @property
    def where(self) -> str:
        """Its files, for messages; of many the first and the last."""
        paths = [str(piece.path) for piece in self.pieces]
        return ", ".join(paths) if len(paths) <= 3 else f"{paths[0]} to {paths[-1]} ({len(paths)} files)"

    @property
    def station_ids(self) -> tuple[str, ...]:
        """The stations of a series, those of all files, in order of first appearance."""
        ids = (str(i) for piece in self.pieces for i in piece.values["station"].values)
        return tuple(dict.fromkeys(ids))

    def spelled_as(self, spellings: Sequence[str]) -> "Source":
        """The same with ids spelled as in `spellings`, others alike in all files; a note says which were not.

        Raises:
            DataError: an id may be either of two stations in `spellings`.
        """
        names = one_spelling(self.station_ids, spellings, self.where)
        other = {old: new for old, new in names.items() if old != new}
        if not other:
            return self
        (old, new), *more = other.items()
        others = f" (and {len(more)} more)" if more else ""
        note = f"station {old}{others} differs from {new} only in zeros, and is taken for it"
        return replace(self, pieces=tuple(piece.renamed(names, note) for piece in self.pieces))

    def for_stations(self, ids: Sequence[str]) -> "Source":
        """The series of these stations, in this order; one that a file lacks is missing there."""
        order = np.array(ids, object)
        return replace(self, pieces=tuple(replace(p, values=p.values.reindex(station=order)) for p in self.pieces))

    def read(self, first: np.datetime64, count: int) -> Float[np.ndarray, "day *place"]:
        """`count` days from `first` as float32, on the target's cells; what is missing is NaN, of one bit pattern.

        Missing are the codes, the excluded days and the days that no file holds.

        Raises:
            DataError: a file cannot be read, or a value that other cells are made of is impossible.
        """
        block = np.full((count, *self.pieces[0].values.shape[1:]), np.nan, np.float32)
        for piece in self.pieces:
            begin, end = np.searchsorted(piece.days, [first, first + np.timedelta64(count, "D")]).tolist()
            if begin < end:
                with np.errstate(over="ignore", invalid="ignore"):  # beyond float32 becomes inf, which is named later
                    block[(piece.days[begin:end] - first).astype(np.int64)] = read_values(piece, begin, end)
        missing_to_nan(block, self.codes)
        if self.settings.convert_from is not None:
            factor, offset = self._conversion
            block *= np.float32(factor)
            block += np.float32(offset)
        within_limits(block, self.settings)
        block[np.isin(first + np.arange(count), self.excluded)] = np.nan
        if self.regrid is None:
            return block
        # Later an impossible value would be hidden in a mean.
        fault = first_fault(block, self.settings)
        if fault is not None:
            row, column = fault.index[1:]
            day = first + np.timedelta64(fault.index[0], "D")
            raise self.error(fault, day, f"at row {row}, column {column} before regridding")
        regridded = self.regrid.apply(block)
        missing_to_nan(regridded, ())
        return regridded

    @cached_property
    def _conversion(self) -> tuple[float, float]:
        return conversion(self.settings.convert_from or self.settings.units, self.settings.units)

    def path_of(self, day: np.datetime64, station: str | None = None) -> Path:
        """The file that holds a day, of a station if that is named, or the one before it where none does."""
        before = [piece for piece in self.pieces if piece.days[0] <= day]
        return (before[-1] if before else self.pieces[0]).path_of(day, station)

    def error(self, fault: Fault, day: np.datetime64, place: str) -> DataError:
        """What to tell the user about an impossible value; `place` is its station or its row and column."""
        variable = self.pieces[0].values.name
        station = place.removeprefix(OF_STATION) if place.startswith(OF_STATION) else None
        return DataError(
            f"{self.path_of(day, station)}: {variable} {place} on {day} is {number_text(fault.value)} "
            f"{self.settings.units}, "
            f"{fault.reason}; correct the file, list the value in data.missing_values if it means missing, "
            f"or change the limits of data.modalities.{self.name.partition('.')[0]}"
        )


def open_source(
    name: str, settings: ModalityConfig, root: Path, codes: tuple[float, ...], known_ids: Sequence[str] = ()
) -> Source:
    """Open the files of one source of a modality; grids stay on disk, with rows from the north, and series are read.

    Series files of different stations are put side by side; see `open_modality` for several sources.

    Args:
        name: of the modality, or of one of its sources, as `ModalityConfig.parts` has it.
        settings: its files and what they hold.
        root: folder that its paths are relative to.
        codes: numbers that mean missing.
        known_ids: ids of stations, by which columns of a table are recognised as stations.

    Raises:
        ConfigError: no file is named.
        DataError: a file is wrong, two of them hold a day (of the same station) or are out of order, or differ in their
            cells.
    """
    if not settings.paths:
        raise ConfigError(f"data.modalities.{name}.paths is empty; name its files")
    pieces: list[Piece] = []
    clocks = Clocks()
    shift = timedelta(days=settings.shift_days)
    for located in locate(name, settings, root):
        start = settings.start
        if start is not None and pieces:  # a file without dates goes on where the one before it ends
            start = pieces[-1].days[-1].item() - shift + timedelta(days=1)
        values = located.reader.open(located.paths, Request(name.partition(".")[0], settings, start, tuple(known_ids)))
        path = located.paths[0] if len(located.paths) == 1 else located.paths[0].parent
        _check_units(path, values, name, settings)
        values = north_first(values, name, settings, path) if settings.kind == "grid" else _with_text_ids(values, path)
        stamps = values["time"].values
        moved = np.timedelta64(settings.shift_days, "D")
        days = calendar_days(stamps) + moved
        if settings.daily is not None:
            days = seconds_of(stamps) + moved
            if BEGINS in values.coords:
                values = values.assign_coords({BEGINS: values[BEGINS] + moved})
        clocks.add(Clocks(values.attrs.get("clocks", ())))
        piece = Piece(path, values, days, located.reader.name, located.files, located.why)
        if pieces and settings.kind == "grid":
            check_follows(pieces[-1], piece, name)
        pieces.append(piece)
    if settings.daily is not None:
        if len(pieces) > 1 and settings.kind == "series":
            pieces = [side_by_side(pieces, name)]
        pieces = list(to_days(pieces, name, settings, codes))
    source = Source(name, settings, tuple(pieces), codes)
    clocks.check(source.where)
    if settings.kind == "grid":
        check_shapes([source])
        return source
    source = source.spelled_as(())
    if any(after.days[0] <= before.days[-1] for before, after in pairwise(source.pieces)):
        source = replace(source, pieces=(side_by_side(source.pieces, name),))
    return source.for_stations(source.station_ids)


def _with_text_ids(series: xr.DataArray, path: Path) -> xr.DataArray:
    """The same series with station ids as text; DataError where two ids may be one station."""
    ids = id_texts(series["station"].values, str(path))
    require_distinct(ids, str(path))
    return series.assign_coords(station=np.array(ids, object))


def _check_units(path: Path, values: xr.DataArray, name: str, settings: ModalityConfig) -> None:
    """Raise DataError where a file says other units than the configuration; only `convert_from` converts."""
    units = values.attrs.get("units")
    expected = settings.convert_from or settings.units
    if units is None or same_units(str(units), expected):
        return
    modality, _, source = name.partition(".")
    said = f"{path}: {values.name} is in {units}, but data.modalities."
    if settings.convert_from is not None:
        raise DataError(f"{said}{name}.convert_from is {expected}; set it to {units}")
    said += f"{modality}.units{', which holds for all its sources,' if source else ''} is {expected}; "
    if convertible(str(units), expected):
        raise DataError(f"{said}to have it converted, set data.modalities.{name}.convert_from to {units}")
    if source:
        raise DataError(
            f"{said}name another variable in data.modalities.{name}, convert the file, or make it a modality of its own"
        )
    raise DataError(
        f"{said}name another variable, convert the file, or set units (and the limits) to those of the file"
    )


def check_shapes(grids: Sequence[Source]) -> None:
    """Raise DataError, naming two files, unless all files of the grids have the same cells."""
    pieces = [piece for grid in grids for piece in grid.pieces]
    # A file without coordinates cannot tell where the others lie.
    first = next((piece for piece in pieces if cells_of(piece.values).placed), pieces[0])
    for piece in pieces:
        if piece.values.shape[1:] != first.values.shape[1:]:
            (height, width), (first_height, first_width) = piece.values.shape[1:], first.values.shape[1:]
            raise DataError(
                f"{piece.path}: has {height} x {width} cells, but {first.path} has {first_height} x {first_width}; "
                f"bring all grids to the same cells"
            )
        if not same_cells(cells_of(piece.values), cells_of(first.values)):
            raise DataError(
                f"{piece.path}: has its cells in other places than {first.path}; bring all grids to the same cells"
            )
