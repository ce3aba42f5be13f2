"""Readers that other packages register as entry points of the group `hydromae.readers`."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np
import xarray as xr

from hydromae.base.errors import ConfigError, DataError
from hydromae.base.stamps import Clocks, calendar_days
from hydromae.readers.guard import reason_of
from hydromae.readers.reader import Reader, Request

GROUP = "hydromae.readers"
_DIMS = {"grid": ("time", "y", "x"), "series": ("time", "station")}

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Broken:
    """A registered reader that cannot be used; `problem` names its package and says why."""

    name: str
    problem: str


def registered_readers(taken: Sequence[str]) -> tuple[tuple[Reader, ...], tuple[Broken, ...]]:
    """The readers of installed packages, and those that cannot be loaded; the others stay usable.

    Args:
        taken: names of readers that no other may have.
    """
    return _load(tuple(sys.path), tuple(taken))


@lru_cache(maxsize=1)
def _load(search_path: tuple[str, ...], taken: tuple[str, ...]) -> tuple[tuple[Reader, ...], tuple[Broken, ...]]:
    """Packages are looked for once for every state of sys.path."""
    readers: dict[str, Reader] = {}
    broken = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        package = point.dist.name if point.dist else point.module
        try:
            reader = _reader(point.load(), point.value)
        except Exception as error:  # a package may raise anything when it is imported
            problem = f"the reader {point.name} of the package {package} cannot be loaded ({reason_of(error)})"
            broken.append(Broken(point.name, problem))
            continue
        if reader.name in (*taken, *readers):
            problem = f"the reader {reader.name} of the package {package} has the name of another reader"
            broken.append(Broken(point.name, problem))
            continue
        readers[reader.name] = _guarded(reader, package)
    return tuple(readers.values()), tuple(broken)


def _reader(loaded: object, value: str) -> Reader:
    if not isinstance(loaded, Reader):
        raise TypeError(f"{value} is a {type(loaded).__name__}, not a hydromae.readers.Reader")
    if loaded.kind not in _DIMS:
        raise ValueError(f"its kind is {loaded.kind!r}, not grid or series")
    return loaded


def _guarded(reader: Reader, package: str) -> Reader:
    """The same reader; its exceptions become DataErrors that name the package, and its results are checked."""
    who = f"the reader {reader.name} of the package {package}"

    def calling(function: Callable[P, T], what: str) -> Callable[P, T]:
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return function(*args, **kwargs)
            except (DataError, ConfigError):
                raise
            except Exception as error:
                given = args[0] if isinstance(args[0], Path) else ", ".join(str(path) for path in args[0])  # type: ignore[attr-defined]
                raise DataError(
                    f"{given}: {who} failed {what} ({type(error).__name__}: {reason_of(error)}); tell its authors, "
                    f"or name another with the modality's key reader"
                ) from error

        return call

    def open_checked(paths: Sequence[Path], request: Request) -> xr.DataArray:
        values = reader.open(paths, request)
        problem = _problem(values, reader.kind)
        if problem:
            raise DataError(f"{paths[0]}: {who} returned {problem}; tell its authors")
        return _with_days(paths[0], values)

    return replace(
        reader,
        accepts=calling(lambda path: reader.accepts(path), "to say whether the file is its own"),
        folder=calling(lambda path: reader.folder(path), "to list the folder"),
        open=calling(open_checked, "to open the file"),
    )


def _with_days(path: Path, values: xr.DataArray) -> xr.DataArray:
    """The same values over calendar days, with a note where the stamps of the reader are not at midnight."""
    clocks = Clocks()
    days = clocks.days_of(values["time"].values)
    clocks.check(path)
    notes = (*values.attrs.get("notes", ()), *clocks.notes())
    return values.assign_coords(time=days).assign_attrs(notes=notes, clocks=clocks.minutes)


def _problem(values: object, kind: str) -> str:
    """What is wrong with the array a reader returned, or ""."""
    if not isinstance(values, xr.DataArray):
        return f"a {type(values).__name__}, not an xarray.DataArray"
    if values.dims != _DIMS[kind]:
        return f"dimensions {values.dims}, not {_DIMS[kind]}"
    if 0 in values.shape:
        return f"the shape {values.shape}"
    if values.dtype.kind not in "iuf":
        return f"values of {values.dtype}, not numbers"
    if "time" not in values.coords or values["time"].dtype.kind != "M":
        return "no time of days"
    if kind == "series" and "station" not in values.coords:
        return "no ids of stations"
    days = values["time"].values
    if (np.diff(calendar_days(days)).astype(np.int64) <= 0).any():
        return "days that are not in order, each once"
    return ""
