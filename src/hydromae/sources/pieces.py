"""Files that are read as one, and series of several files put side by side."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.base.permissions import refused
from hydromae.base.stamps import seconds_of
from hydromae.readers.guard import check_series

_SHOWN_NOTES = 3
BEGINS: Final = "begins"  # coordinate: when what each value covers begins, where the files say it


@dataclass(frozen=True)
class Piece:
    """Files that are read as one: their values [time, ...] and days, datetime64[D], shifted as the settings ask.

    `path` is the file, or the folder of several; `files` are counted, and `reader` and `why` it was chosen are named by
    `check`. Grids run from the north. `origins` are the pieces that this one was put together from, without values.
    """

    path: Path
    values: xr.DataArray
    days: np.ndarray
    reader: str = ""
    files: tuple[str, ...] = ()
    why: str = ""
    origins: tuple["Piece", ...] = ()

    @property
    def dated(self) -> bool:
        """Whether the files say which days they hold; else `start` does."""
        return bool(self.values.attrs.get("dated", True))

    def path_of(self, day: np.datetime64, station: str | None = None) -> Path:
        """The file that holds a day of a station, or the one before it; its folder where that is not known."""
        held = (piece for piece in self.origins if station in piece.values["station"].values)
        return next((piece.path for piece in reversed(list(held)) if piece.days[0] <= day), self.path)

    def renamed(self, names: Mapping[str, str], note: str = "") -> "Piece":
        """The same with other station ids, and a note that says so."""
        ids = np.array([names[str(station)] for station in self.values["station"].values], object)
        values = self.values.assign_coords(station=ids)
        if note:
            values = values.assign_attrs(notes=(*values.attrs.get("notes", ()), note))
        return replace(self, values=values, origins=tuple(piece.renamed(names) for piece in self.origins))


def side_by_side(pieces: Sequence[Piece], name: str) -> Piece:
    """Pieces of different stations, or of the same in order of time, as one piece of all stations and days."""
    latest: dict[str, Piece] = {}
    for piece in pieces:
        stations = piece.values["station"].values.tolist()
        for before, station in {id(latest[s]): (latest[s], s) for s in stations if s in latest}.values():
            check_follows(before, piece, name, station)
        latest |= dict.fromkeys(stations, piece)
    paths = [piece.path for piece in pieces]
    folder = Path(os.path.commonpath(paths))
    days, order = np.unique(np.concatenate([piece.days for piece in pieces])), list(latest)
    check_series(folder, len(np.unique(days.astype("datetime64[D]"))), len(order))
    column = {station: place for place, station in enumerate(order)}
    values = np.full((len(days), len(order)), np.nan, np.float32)  # [time, station]
    for piece in pieces:
        columns = np.array([column[station] for station in piece.values["station"].values.tolist()], np.int64)
        with np.errstate(over="ignore", invalid="ignore"):  # beyond float32 becomes inf, which is named later
            values[np.ix_(np.searchsorted(days, piece.days), columns)] = read_values(piece, 0, len(piece.days))
    joined = xr.DataArray(
        values,
        dims=("time", "station"),
        coords={"time": days.astype("datetime64[ns]"), "station": np.array(order, object)},
        name=pieces[0].values.name,
        attrs={"notes": _notes_of(pieces), "dated": all(piece.dated for piece in pieces)},
    )
    if all(BEGINS in piece.values.coords for piece in pieces):
        joined = joined.assign_coords({BEGINS: ("time", _begins_of(pieces, days))})
    readers = ", ".join(dict.fromkeys(piece.reader for piece in pieces))
    files = tuple(file for piece in pieces for file in piece.files)
    # The ids say which file a station is of: the values need not be kept twice.
    origins = tuple(replace(piece, values=piece.values[:0].copy()) for piece in pieces)
    return Piece(folder, joined, days, readers, files, f"{len(files)} files, the first {pieces[0].why}", origins)


def _begins_of(pieces: Sequence[Piece], days: np.ndarray) -> np.ndarray:
    """When what each value covers begins, datetime64[s] of `days`; DataError where two pieces disagree."""
    begins = np.full(len(days), np.datetime64("NaT", "s"))
    for piece in pieces:
        places, own = np.searchsorted(days, piece.days), seconds_of(piece.values[BEGINS].values)
        before = begins[places]
        if (wrong := np.flatnonzero(~np.isnat(before) & (before != own))).size:
            raise DataError(
                f"{piece.path}: its bounds of time begin at {own[wrong[0]]} where those of another file begin at "
                f"{before[wrong[0]]}; make them sources of their own, each with its key stamped"
            )
        begins[places] = own
    return begins


def _notes_of(pieces: Sequence[Piece]) -> tuple[str, ...]:
    """The notes of pieces, each once; of many the first."""
    notes = list(dict.fromkeys(note for piece in pieces for note in piece.values.attrs.get("notes", ())))
    more = len(notes) - _SHOWN_NOTES
    return (*notes[:_SHOWN_NOTES], *((f"{more} more notes like these on other files",) if more > 0 else ()))


def read_values(piece: Piece, begin: int, end: int) -> np.ndarray:
    """The values of some of its days, by position; DataError where they cannot be read."""
    try:
        return piece.values[begin:end].values
    except (OSError, RuntimeError) as error:
        raise DataError(
            refused(piece.path, error)
            or f"{piece.path}: {piece.values.name} cannot be read from {piece.days[begin]} to {piece.days[end - 1]} "
            f"({error}); copy or download the file again"
        ) from None


def check_follows(before: Piece, piece: Piece, name: str, station: str | None = None) -> None:
    """Raise DataError unless a piece begins after the one before it ends; `station` is in both, None for a grid."""
    if piece.days[0] > before.days[-1]:
        return
    of = "" if station is None else f" of station {station}"
    if piece.days[-1] < before.days[0]:
        raise DataError(
            f"{piece.path}: ends before {before.path}{of} begins; list data.modalities.{name}.paths in order"
        )
    day = max(piece.days[0], before.days[0])
    remedy = "cut one of them"
    if station is not None and ".sources." in name:
        remedy += f", or make them two of data.modalities.{name.partition('.')[0]}.sources"
    elif station is not None:
        remedy += f", or name them as two sources, of which the first wins (data.modalities.{name}.sources)"
    raise DataError(f"{piece.path}: overlaps with {before.path} ({day}{of} is in both); {remedy}")
