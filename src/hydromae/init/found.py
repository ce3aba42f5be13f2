"""What was found in a folder: variables in files, tables of attributes, land masks, and what was left out."""

from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath

import numpy as np

from hydromae.config import Kind

# Numbers that archives write where there is no value; the last is netCDF's own for floats.
CODES = (-99999.0, -9999.0, -999.0, 1e20, 9.969209968386869e36)


@dataclass(frozen=True)
class Candidate:
    """One variable in one file, or in the files of many stations.

    Attributes:
        path: the file or folder, relative to the folder that is looked at.
        files: the files, where they are listed one by one; else empty.
        variable: name to give the reader; None where it needs none.
        names: texts that say what it is, the surest first.
        units: as the file has them, None where it does not say.
        first, last: days, None where the file does not say.
        n_days: days it holds between them.
        shape: rows and columns of a grid, else None.
        stations: ids, all of them if `all_stations`.
        n_stations: 0 for a grid.
        dated: False where the days are guessed from the file's name.
        layout: "wide" where its columns are stations only if a table of attributes lists them, else None.
        codes: numbers seen that mean missing.
    """

    path: str
    files: tuple[str, ...]
    reader: str
    kind: Kind
    variable: str | None
    names: tuple[str, ...]
    units: str | None
    first: date | None
    last: date | None
    n_days: int
    shape: tuple[int, int] | None = None
    stations: tuple[str, ...] = ()
    all_stations: bool = True
    n_stations: int = 0
    dated: bool = True
    date_column: str | None = None
    id_column: str | None = None
    layout: str | None = None
    codes: tuple[float, ...] = ()

    @property
    def label(self) -> str:
        """What messages call it."""
        return self.path if self.variable is None else f"{self.path}: {self.variable}"


@dataclass(frozen=True)
class AttributeTable:
    """A CSV without dates, perhaps with a row for each station: its columns as text."""

    path: str
    columns: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Mask:
    """A two-dimensional map of 0 and 1; `land` is the share of 1."""

    path: str
    shape: tuple[int, int]
    land: float


@dataclass(frozen=True)
class LeftOut:
    """A file or folder that is not taken, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Found:
    """Everything in the folder, in order of path."""

    candidates: tuple[Candidate, ...]
    tables: tuple[AttributeTable, ...]
    masks: tuple[Mask, ...]
    left_out: tuple[LeftOut, ...]


def as_date(day: np.datetime64) -> date:
    """A numpy day as a date."""
    converted: date = day.astype("datetime64[D]").item()
    return converted


def relative(folder: str, name: str) -> str:
    """A path below `folder`, where `.` is the top."""
    return (PurePosixPath(folder) / name).as_posix()
