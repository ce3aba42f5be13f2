"""What a reader of one format is: a name, how it recognises its files, and how it opens them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import xarray as xr

from hydromae.config import Kind, ModalityConfig


@dataclass(frozen=True)
class Request:
    """What a reader is asked for.

    Attributes:
        name: the modality.
        settings: of the modality.
        start: day of the first map of a file without dates.
        known: ids of stations, by which columns of a table are recognised as stations; () where there are none.
    """

    name: str
    settings: ModalityConfig
    start: date | None = None
    known: tuple[str, ...] = ()

    @property
    def variable(self) -> str:
        """The variable that the settings name, or else the modality's own name."""
        return self.settings.variable or self.name


@dataclass(frozen=True)
class Reader:
    """One format.

    Attributes:
        name: its name in `data.modalities.X.reader`.
        kind: grid, or series.
        looks_for: what `accepts` looks for, for messages.
        accepts: says why a file or folder is of this format, as "HDF5 with data [3652, 290, 180] and dates"; "" where
            it is of another. It opens no more than a header.
        open: read or open the files of one piece: [time, y, x] for a grid with rows from the north, read lazily, or
            float [time, station] with station ids as text; `time` holds calendar days in order, each once, NaN or
            one of data.missing_values is missing. The attribute `units`, where it is set, must be the configuration's;
            `notes`, a tuple of sentences, is kept with the store. What is wrong with a file is a DataError.
        folder: lists the files of a folder that belong to the format, [] where it is no such folder.
        joins_stations: whether one piece is many files of one station each; else each file is a piece.
        whole_folder: whether `open` is given the folder itself.
    """

    name: str
    kind: Kind
    looks_for: str
    accepts: Callable[[Path], str]
    open: Callable[[Sequence[Path], Request], xr.DataArray]
    folder: Callable[[Path], list[Path]] = lambda path: []
    joins_stations: bool = False
    whole_folder: bool = False


def files_accepted(accepts: Callable[[Path], str]) -> Callable[[Path], list[Path]]:
    """A `Reader.folder` that finds the files of a folder, in order of name, that `accepts` accepts."""
    return lambda folder: sorted(path for path in folder.iterdir() if accepts(path)) if folder.is_dir() else []
