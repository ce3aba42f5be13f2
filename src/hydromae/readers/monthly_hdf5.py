"""Daily grids in a folder of months: `YYYY-MM.h5`, each with one data set [rows, columns] a day."""

import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from hydromae.base.errors import DataError
from hydromae.base.stamps import Clocks, several_a_day, stamp_of, times_of
from hydromae.readers.coordinates import same_centres
from hydromae.readers.guard import MAX_AXIS, check_maps, check_stored, reading
from hydromae.readers.hdf5_file import find_data_set, open_hdf5

_MONTH = re.compile(r"\d{4}-\d{2}\.(h5|hdf5)")
_KEY = re.compile(r"(\d{4})(-?)(\d{2})\2(\d{2})([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?")
_COORDINATES = ("y", "x")


def month_files(folder: Path) -> list[Path]:
    """The files of a folder that are named as months, in order of time."""
    return sorted(path for path in folder.iterdir() if _MONTH.fullmatch(path.name)) if folder.is_dir() else []


def is_monthly_hdf5(path: Path) -> str:
    """How many months a folder holds, and their names."""
    months = month_files(path)
    return f"a folder of {len(months)} months, {months[0].name} to {months[-1].name}" if months else ""


def open_monthly_hdf5(folder: str | Path, allow_absent_days: bool = False) -> xr.DataArray:
    """Open daily grids without reading their values: a slice in time reads those days only.

    Args:
        folder: holds `YYYY-MM.h5`; other files in it are ignored. Each has one data set [rows, columns] a day, keyed
            YYYY-MM-DD or YYYYMMDD, with or without a time of day; 1-D data sets `y` and `x`, where a file has them,
            become coordinates.
        allow_absent_days: accept days that no file holds between the first and the last.

    Returns:
        [time, y, x] in the files' dtype, missing codes included; `time` holds calendar days.

    Raises:
        DataError: there is no month, a file is not HDF5 or cut short, a key is no date, a day has another shape or is
            no grid of numbers, is in two places, or is absent, or two files have their cells in other places.
    """
    folder = Path(folder)
    files = month_files(folder)
    if not files:
        raise DataError(f"{folder}: holds no month, a file named YYYY-MM.h5; give the folder that does")
    maps: list[_Map] = []
    coordinates: dict[str, tuple[Path, np.ndarray]] = {}  # axis -> the first file that has it, and its values
    for path in files:
        with open_hdf5(path) as file:
            maps_of_month = _maps(path, file)
            if maps_of_month:
                check_stored(path, "it", (len(maps_of_month), *maps_of_month[0].shape), 1, path.stat().st_size)
            maps += maps_of_month
            _take_coordinates(path, file, coordinates)
    if not maps:
        raise DataError(f"{folder}: its {len(files)} months hold no day; give the folder of complete months")
    maps.sort(key=lambda day_map: (day_map.stamp, day_map.path))
    clocks = Clocks()
    days = clocks.days_of(np.array([day_map.stamp for day_map in maps]))
    clocks.check(folder, "key")
    _check(folder, maps, days, allow_absent_days)
    shape = maps[0].shape
    grid = xr.DataArray(
        indexing.LazilyIndexedArray(_LazyMaps(maps)),
        dims=("time", "y", "x"),
        coords={
            "time": days,
            **{
                axis: (axis, coordinates[axis][1])
                for axis, length in zip(_COORDINATES, shape, strict=True)
                if axis in coordinates and coordinates[axis][1].shape == (length,)
            },
        },
        name="data",
        attrs={"notes": clocks.notes(), "clocks": clocks.minutes},
    )
    grid.encoding["source"] = str(folder)
    return grid


@dataclass(frozen=True)
class _Map:
    """One day's data set: where it is and what it holds."""

    stamp: np.datetime64
    path: Path
    key: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class _LazyMaps(BackendArray):
    """Opens a month for each read, so that no handle is shared between processes."""

    def __init__(self, maps: list[_Map]) -> None:
        self.maps = np.array(maps, object)
        self.shape = (len(maps), *maps[0].shape)
        self.dtype = np.result_type(*{day_map.dtype for day_map in maps})

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        read: np.ndarray = indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._read
        )
        return read

    def _read(self, key: tuple[int | slice, ...]) -> np.ndarray:
        chosen = np.atleast_1d(self.maps[key[0]])
        days: list[np.ndarray] = []
        for path, group in itertools.groupby(chosen, key=lambda day_map: day_map.path):
            maps = list(group)
            problem = f"{maps[0].key} to {maps[-1].key} cannot be read"
            with reading(path, problem, "copy or download the file again"), h5py.File(path, "r") as file:
                days += [np.asarray(file[day_map.key][key[1:]], self.dtype) for day_map in maps]
        if isinstance(key[0], slice):
            empty = np.empty(self.shape[1:], self.dtype)[key[1:]].shape
            return np.stack(days) if days else np.empty((0, *empty), self.dtype)  # [day, y, x]
        return days[0]


def _maps(path: Path, file: h5py.File) -> list[_Map]:
    maps = []
    for key in file:
        item = find_data_set(path, file, key)
        if key in _COORDINATES and item is not None and item.ndim == 1:
            continue
        stamp = _stamp(key)
        if stamp is None:
            raise DataError(f"{path}: has {key!r}, which is no date; key each day as YYYY-MM-DD or YYYYMMDD")
        if item is None or item.ndim != 2 or 0 in item.shape or item.dtype.kind not in "iuf":
            raise DataError(f"{path}: {key} is no grid of numbers; write one data set [rows, columns] a day")
        check_maps(path, key, (1, *item.shape))
        maps.append(_Map(stamp, path, key, item.shape, item.dtype))
    return maps


def _stamp(key: str) -> np.datetime64 | None:
    return stamp_of(key) if _KEY.fullmatch(key) else None


def _take_coordinates(path: Path, file: h5py.File, taken: dict[str, tuple[Path, np.ndarray]]) -> None:
    """Add the coordinates that no earlier month has; DataError where the cells of this month lie elsewhere."""
    for axis in _COORDINATES:
        item = find_data_set(path, file, axis)
        if item is None or item.ndim != 1 or not 0 < item.size <= MAX_AXIS or item.dtype.kind not in "iuf":
            continue
        values = np.asarray(item[:], np.float64)
        first, first_values = taken.setdefault(axis, (path, values))
        if not same_centres(values, first_values):
            raise DataError(
                f"{path}: its {axis} ({_ends(values)}) is not that of {first} ({_ends(first_values)}); "
                f"write all months on the same cells, in the same order"
            )


def _ends(values: np.ndarray) -> str:
    return f"{len(values)} values, {values[0]:g} to {values[-1]:g}"


def _check(folder: Path, maps: list[_Map], days: np.ndarray, allow_absent_days: bool) -> None:
    first = maps[0]
    for day_map in maps:
        if day_map.shape != first.shape:
            raise DataError(
                f"{day_map.path}: {day_map.key} has {day_map.shape[0]} x {day_map.shape[1]} cells, but {first.key} has "
                f"{first.shape[0]} x {first.shape[1]}; bring all days to the same cells"
            )
    steps = np.diff(days).astype(np.int64)
    if (wrong := np.flatnonzero(steps == 0)).size:
        day_map, other, day = maps[wrong[0]], maps[wrong[0] + 1], days[wrong[0]]
        same = np.array([day_map.stamp for day_map in maps])[days == day]
        if often := several_a_day(same):
            raise DataError(
                f"{day_map.path}: has {len(same)} maps of {day}, at {times_of(same)}: its values are {often}, "
                f"not daily; write one map a day, the sum of those of a day for an amount such as rain, else their mean"
            )
        raise DataError(
            f"{other.path}: {other.key} repeats {day}, which {day_map.path} holds as {day_map.key}; remove one of them"
        )
    if not allow_absent_days and (wrong := np.flatnonzero(steps > 1)).size:
        absent = np.setdiff1d(np.arange(days[0], days[-1] + np.timedelta64(1, "D")), days)
        named = ", ".join(str(day) for day in absent[:5]) + (", ..." if len(absent) > 5 else "")
        raise DataError(
            f"{folder}: lacks {len(absent)} of the days between {days[0]} and {days[-1]} ({named}); add them, "
            f"or set the modality's allow_absent_days to true to take them as missing"
        )
