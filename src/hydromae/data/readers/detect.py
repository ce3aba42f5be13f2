"""Which reader a path is for, found by what lies there."""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path

import h5py
import xarray as xr

from hydromae.config import Kind, ModalityConfig
from hydromae.data.readers.camels_gb import is_camels_gb, open_camels_gb
from hydromae.data.readers.files import expand, require_file
from hydromae.data.readers.hdf5_grid import open_hdf5_grid
from hydromae.data.readers.monthly_hdf5 import month_files, open_monthly_hdf5
from hydromae.data.readers.netcdf_grid import is_netcdf, open_netcdf_grid
from hydromae.data.readers.nrfa_gdf import is_nrfa_gdf, open_nrfa_gdf
from hydromae.data.readers.table import open_table
from hydromae.errors import ConfigError, DataError

_HDF5_SUFFIXES = (".h5", ".hdf5", ".hdf")
_TABLE_SUFFIXES = (".parquet", ".pq", ".csv", ".csv.gz")


@dataclass(frozen=True)
class Request:
    """What a reader is asked for: the settings of the modality `name`, and the day of a dateless file's first map."""

    name: str
    settings: ModalityConfig
    start: date | None


@dataclass(frozen=True)
class Reader:
    """One format.

    Attributes:
        looks_for: what `accepts` looks for, for messages.
        accepts: whether a file or folder is of this format.
        open: read or open the files of one piece.
        folder: the files of a folder that belong to the format, [] where it is no such folder.
        joins_stations: whether one piece is many files, a station each; else each file is a piece.
        whole_folder: whether the folder itself is what `open` is given.
    """

    name: str
    kind: Kind
    looks_for: str
    accepts: Callable[[Path], bool]
    open: Callable[[Sequence[Path], Request], xr.DataArray]
    folder: Callable[[Path], list[Path]] = lambda path: []
    joins_stations: bool = False
    whole_folder: bool = False


@dataclass(frozen=True)
class Located:
    """The files of one piece: `paths` are what the reader opens, `files` all that is read, relative to data.root."""

    reader: Reader
    paths: tuple[Path, ...]
    files: tuple[str, ...]


def _in_folder(accepts: Callable[[Path], bool]) -> Callable[[Path], list[Path]]:
    return lambda folder: sorted(path for path in folder.iterdir() if accepts(path)) if folder.is_dir() else []


def _is_hdf5(path: Path) -> bool:
    return path.is_file() and (path.suffix in _HDF5_SUFFIXES or h5py.is_hdf5(path))


def _variable(request: Request) -> str:
    return request.settings.variable or request.name


# In the order they are asked; those that accept the least come first.
READERS = (
    Reader(
        "monthly_hdf5",
        "grid",
        "a folder of months, YYYY-MM.h5",
        lambda path: bool(month_files(path)),
        lambda paths, request: open_monthly_hdf5(paths[0], request.settings.allow_absent_days),
        month_files,
        whole_folder=True,
    ),
    Reader(
        "netcdf_grid",
        "grid",
        "netCDF with time, y and x (a folder of them as folder/*.nc)",
        is_netcdf,
        lambda paths, request: open_netcdf_grid(
            paths[0], request.settings.variable, request.settings.allow_absent_days
        ),
    ),
    Reader(
        "hdf5_grid",
        "grid",
        "an HDF5 file with data and dates",
        _is_hdf5,
        lambda paths, request: open_hdf5_grid(
            paths[0], request.settings.variable, request.start, request.settings.allow_absent_days
        ),
    ),
    Reader(
        "camels_gb",
        "series",
        "CAMELS_GB_hydromet_timeseries_<id>_<first>-<last>.csv or a folder of them",
        is_camels_gb,
        lambda paths, request: open_camels_gb(paths, _variable(request)),
        _in_folder(is_camels_gb),
        joins_stations=True,
    ),
    Reader(
        "nrfa_gdf",
        "series",
        "a CSV of the NRFA that begins with file,timestamp or a folder of them",
        is_nrfa_gdf,
        lambda paths, request: open_nrfa_gdf(paths),
        _in_folder(is_nrfa_gdf),
        joins_stations=True,
    ),
    Reader(
        "table",
        "series",
        "a long table, .parquet or .csv",
        lambda path: path.is_file() and path.name.endswith(_TABLE_SUFFIXES),
        lambda paths, request: open_table(paths[0], _variable(request)),
    ),
)


def find_reader(path: Path, name: str, settings: ModalityConfig) -> Reader:
    """The reader that the settings name, or else the first of their kind that accepts what lies at `path`.

    Raises:
        ConfigError: the settings name none, or one of another kind.
        DataError: nothing is there, or nothing that a reader of this kind knows.
    """
    readers = {reader.name: reader for reader in READERS if reader.kind == settings.kind}
    if settings.reader is not None:
        if settings.reader not in readers:
            near = difflib.get_close_matches(settings.reader, readers, n=1)
            hint = f"did you mean {near[0]}?" if near else f"take one of {', '.join(readers)}, or null"
            raise ConfigError(
                f"data.modalities.{name}.reader is {settings.reader}, which reads no {settings.kind}; {hint}"
            )
        return readers[settings.reader]
    for reader in readers.values():
        if reader.accepts(path) or reader.folder(path):
            return reader
    if not path.is_dir():
        require_file(path)
    looked_for = "; ".join(reader.looks_for for reader in readers.values())
    raise DataError(
        f"{path}: is no {settings.kind} of a known format; looked for {looked_for}. "
        f"Correct data.modalities.{name}.paths, or name the format with data.modalities.{name}.reader"
    )


def locate(name: str, settings: ModalityConfig, root: Path) -> list[Located]:
    """The pieces of a modality in the order of its paths, patterns expanded, without opening any.

    Raises:
        ConfigError: the settings name a reader that is none.
        DataError: a pattern matches nothing, or no reader is for what lies at a path.
    """
    found: list[tuple[Reader, Path, str]] = []
    for given in expand(root, settings.paths):
        path = root / given
        reader = find_reader(path, name, settings)
        inside = [] if reader.whole_folder else reader.folder(path)
        if inside:
            found += [(reader, file, f"{given.rstrip('/')}/{file.name}") for file in inside]
        else:
            found.append((reader, path, given))
    located = []
    for reader, group in groupby(found, key=lambda one: one[0]):
        pieces = list(group)
        if reader.joins_stations:
            located.append(Located(reader, tuple(p for _, p, _ in pieces), tuple(given for *_, given in pieces)))
            continue
        for _, path, given in pieces:
            files = [f"{given.rstrip('/')}/{file.name}" for file in reader.folder(path)] or [given]
            located.append(Located(reader, (path,), tuple(files)))
    return located
