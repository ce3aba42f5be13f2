"""GRIB files of weather forecasts: which messages are in them, found by their headers, and the map of each.

ecCodes reads them (extra `grib`). cfgrib is not used, since it does not give the step at which an accumulation begins,
which is what sums of a day are made of.
"""

from collections.abc import Collection
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from hydromae.base.errors import DataError
from hydromae.readers.guard import MAX_CELLS, reading

_MISSING: Final = 1e30  # what a missing cell is decoded to, beyond any value
_MAX_MESSAGES: Final = 1_000_000
_HOURS: Final = {0: 1 / 60, 1: 1.0, 10: 3.0, 11: 6.0, 12: 12.0, 2: 24.0}  # unit of steps -> hours
# Products of a whole ensemble, as its mean or a probability: no forecast that could be run.
_DERIVED: Final = ("derivedForecast", "percentileValue", "probabilityType")
_NOT_MEMBERS: Final = {"em", "es", "ep", "pb", "taem", "taes"}


@dataclass(frozen=True)
class GribCells:
    """Where the values of a message lie: rows from the north, columns to the east.

    Attributes:
        digest: of the description in the file, equal where the cells are the same.
        latitude: centres of the rows, falling, degrees.
        longitude: centres of the columns, growing, degrees; they may go beyond 180 and 360.
        from_south: whether the file has the rows from the south.
    """

    digest: str
    latitude: Float[np.ndarray, " row"]
    longitude: Float[np.ndarray, " column"]
    from_south: bool


@dataclass(frozen=True)
class GribMessage:
    """One map.

    Attributes:
        offset: where it begins in the file.
        run: the moment from which steps are counted, UTC, datetime64[s].
        start: hours from there to the beginning of what it covers.
        end: hours to its end; of an instant both are the same.
        kind: accum, avg or instant; what else GRIB knows, as max, is named as there.
        member: of an ensemble; None of a single forecast.
    """

    offset: int
    run: np.datetime64
    start: float
    end: float
    kind: str
    member: int | None


@dataclass(frozen=True)
class GribVariable:
    """The messages of one variable, all on the same cells and in the same unit."""

    name: str
    units: str
    cells: GribCells
    messages: tuple[GribMessage, ...]


def is_grib(path: Path) -> bool:
    """Whether a file begins as GRIB does."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"GRIB"


def open_grib(path: Path, names: Collection[str]) -> tuple[dict[str, GribVariable], tuple[str, ...]]:
    """The messages of some variables, by short name, and the short names of all; no value is read.

    Args:
        path: the file.
        names: short names as ecCodes gives them, as `tp` and `2t`.

    Raises:
        DataError: ecCodes is absent; the file is damaged; or a variable is on several grids, on one that is not of
            latitude and longitude, or in several units.
    """
    eccodes = _eccodes(path)
    messages: dict[str, list[GribMessage]] = {}
    units: dict[str, str] = {}
    cells: dict[str, GribCells] = {}
    every: dict[str, None] = {}
    with reading(path, "is damaged or cut short"), path.open("rb") as file:
        for _ in range(_MAX_MESSAGES):
            handle = eccodes.codes_grib_new_from_file(file, headers_only=True)
            if handle is None:
                break
            try:
                name = str(eccodes.codes_get(handle, "shortName"))
                every[name] = None
                if name not in names or _derived(eccodes, handle):
                    continue
                digest = str(eccodes.codes_get(handle, "md5GridSection"))
                if name not in cells:
                    cells[name] = _cells(eccodes, handle, path, name, digest)
                    units[name] = str(eccodes.codes_get(handle, "units"))
                if digest != cells[name].digest or units[name] != str(eccodes.codes_get(handle, "units")):
                    raise DataError(
                        f"{path}: has {name} on several grids or in several units; write one file of one of them, as "
                        f"`grib_copy -w shortName={name},md5GridSection={digest}` does"
                    )
                messages.setdefault(name, []).append(_message(eccodes, handle, path, name))
            finally:
                eccodes.codes_release(handle)
        else:
            raise DataError(f"{path}: has more than the {_MAX_MESSAGES} messages that are read; cut it into parts")
    if not every:
        raise DataError(f"{path}: holds no message of GRIB; download it again")
    found = {name: GribVariable(name, units[name], cells[name], tuple(held)) for name, held in messages.items()}
    return found, tuple(every)


def read_message(path: Path, offset: int, cells: GribCells) -> Float[np.ndarray, "row column"]:
    """The values of a message, rows from the north, float64, NaN where missing.

    Raises:
        DataError: it cannot be read.
    """
    eccodes = _eccodes(path)
    with reading(path, "is damaged or cut short"), path.open("rb") as file:
        file.seek(offset)
        handle = eccodes.codes_grib_new_from_file(file)
        try:
            eccodes.codes_set(handle, "missingValue", _MISSING)
            values = np.asarray(eccodes.codes_get_values(handle), np.float64)
        finally:
            eccodes.codes_release(handle)
        values = values.reshape(len(cells.latitude), len(cells.longitude))
    values[values == _MISSING] = np.nan
    return values[::-1] if cells.from_south else values


def _eccodes(path: Path) -> Any:
    try:
        # ecCodes brings a PROJ of its own, and whichever comes second breaks the other: this order works.
        import_module("pyproj")
        return import_module("eccodes")
    except (ImportError, RuntimeError) as error:  # RuntimeError where the library of C is not found
        raise DataError(
            f"{path}: is GRIB, which ecCodes reads, and that is not installed ({error}); "
            f"run `pip install 'hydromae[grib]'`"
        ) from None


def _derived(eccodes: Any, handle: Any) -> bool:
    if any(eccodes.codes_is_defined(handle, key) for key in _DERIVED):
        return True
    return str(eccodes.codes_get(handle, "dataType")) in _NOT_MEMBERS


def _message(eccodes: Any, handle: Any, path: Path, name: str) -> GribMessage:
    unit = int(eccodes.codes_get(handle, "stepUnits", ktype=int))
    if unit not in _HOURS:
        raise DataError(f"{path}: {name} has steps in a unit (code {unit}) that is not read; write them in hours")
    start, end = (float(eccodes.codes_get(handle, key, ktype=int)) * _HOURS[unit] for key in ("startStep", "endStep"))
    day, time = (int(eccodes.codes_get(handle, key, ktype=int)) for key in ("dataDate", "dataTime"))
    text = f"{day:08d}"
    run = np.datetime64(f"{text[:4]}-{text[4:6]}-{text[6:]}T{time // 100:02d}:{time % 100:02d}:00", "s")
    kind = str(eccodes.codes_get(handle, "stepType"))
    if kind == "instant" and end > start:
        raise DataError(
            f"{path}: {name} covers the hours {start:g} to {end:g} of the run, but does not say whether it is a sum "
            f"or a mean; set it, as `grib_set -s stepType=accum` does"
        )
    member = None
    # In GRIB 1 a single forecast has a number, too.
    numbered = int(eccodes.codes_get(handle, "edition")) == 2 and eccodes.codes_is_defined(handle, "perturbationNumber")
    if numbered or str(eccodes.codes_get(handle, "dataType")) in ("cf", "pf"):
        member = int(eccodes.codes_get(handle, "number", ktype=int))
    return GribMessage(int(eccodes.codes_get(handle, "offset")), run, start, end, kind, member)


def _cells(eccodes: Any, handle: Any, path: Path, name: str, digest: str) -> GribCells:
    kind = str(eccodes.codes_get(handle, "gridType"))
    if kind != "regular_ll":
        raise DataError(
            f"{path}: {name} is on a grid {kind}, and only those of equal steps in latitude and longitude (regular_ll) "
            f"are read; download it so, or convert it, as `cdo remapbil,r720x361` does"
        )
    columns, rows = (int(eccodes.codes_get(handle, key, ktype=int)) for key in ("Ni", "Nj"))
    if rows * columns > MAX_CELLS or min(rows, columns) < 2:
        raise DataError(
            f"{path}: {name} declares {rows} x {columns} cells, not from 2 x 2 to {MAX_CELLS}; the file is damaged, or "
            f"cut it into parts"
        )
    order = ("iScansNegatively", "jPointsAreConsecutive", "alternativeRowScanning")
    if any(int(eccodes.codes_get(handle, key, ktype=int)) for key in order):
        raise DataError(
            f"{path}: {name} is not written row by row from the west; convert it, as `cdo -f grb2 copy` does"
        )
    first, last = (
        [
            float(eccodes.codes_get(handle, f"{axis}Of{end}GridPointInDegrees", ktype=float))
            for axis in ("latitude", "longitude")
        ]
        for end in ("First", "Last")
    )
    latitude = np.linspace(first[0], last[0], rows)
    longitude = first[1] + np.linspace(0, (last[1] - first[1]) % 360, columns)
    if first[0] == last[0] or longitude[0] == longitude[-1]:
        raise DataError(f"{path}: {name} has {rows} x {columns} cells in one place; download it again")
    from_south = bool(latitude[0] < latitude[-1])
    return GribCells(digest, latitude[::-1] if from_south else latitude, longitude, from_south)
