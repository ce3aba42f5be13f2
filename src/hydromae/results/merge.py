"""Months, or any files of a daily grid, as one file; an interrupted merge continues where it stopped."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import xarray as xr
import zarr
from jaxtyping import Float

from hydromae.base.errors import ConfigError, DataError
from hydromae.base.files import atomic_path
from hydromae.base.locks import locked, refusing
from hydromae.base.writing_errors import writable
from hydromae.config import DataConfig, ModalityConfig
from hydromae.readers.detect import Request, locate
from hydromae.readers.hdf5_grid import DATES
from hydromae.results.hdf5_output import DiskFile
from hydromae.results.target import HDF5, check_target
from hydromae.results.write import to_come, write_result
from hydromae.sources.coordinates import coordinates_of, described
from hydromae.sources.source import Source, open_source
from hydromae.store.cf import GRID_MAPPING, TIME_ATTRIBUTES, axis_of

SUFFIXES: Final = (*HDF5, ".nc", ".zarr")
DATA: Final = "data"
PART_DAYS: Final = 256
_MISSING: Final = DataConfig().missing_values
_BLOCK_BYTES, _BLOCK_STEP = 64 * 2**20, 16  # read at once; days in a chunk of Zarr
_MONTHLY = "monthly_hdf5"
# Shares of the work for the progress bar, measured on months of full size.
_READ, _WRITTEN = 0.6, 0.7

Progress = Callable[[str, float], None]


def merge(
    paths: str | Path | Sequence[str | Path],
    target: str | Path,
    variable: str | None = None,
    start: date | None = None,
    missing_values: Sequence[float] = _MISSING,
    allow_absent_days: bool = False,
    overwrite: bool = False,
    on_progress: Progress | None = None,
) -> Path:
    """Write the files of a daily grid as one, read every day back and compare it with its source.

    Memory does not grow with the number of days. An interrupted merge leaves the days that are done in a hidden folder
    beside the target; the next merge uses those whose files have not changed since.

    Args:
        paths: a folder of months, or files, folders and patterns in any format of grids, in order of time.
        target: .h5 or .hdf5 has `data` [days, rows, columns], `dates`, and `y` and `x` where the files give them; .nc
            (netCDF-4) and .zarr (Zarr v3) follow CF and keep the name of the variable in the files. Values are float32,
            NaN where missing, and rows run from the north.
        variable: its name in the files; None if there is only one.
        start: day of the first map, for HDF5 files without dates.
        missing_values: numbers that mean missing, besides NaN and numbers of 1e19 and more.
        allow_absent_days: take days that no file holds as missing; else they are an error.
        overwrite: replace an existing target that hydromae wrote; it stays until the new one is complete.
        on_progress: called with the stage of the work and the share that is done, 0 to 1.

    Returns:
        `target`.

    Raises:
        ConfigError: the suffix of the target is none of these, or no file is named.
        DataError: a file is wrong, a day is absent or in two files, the target exists already or cannot be written, or
            the written values differ from their source; the message names the file and the day.
    """
    target = Path(target)
    check_target(target, overwrite, suffixes=SUFFIXES)
    report = on_progress or (lambda stage, done: None)
    source = _open([paths] if isinstance(paths, str | Path) else list(paths), variable, start, tuple(missing_values))
    check_target(target, overwrite, [file for piece in source.pieces for file in piece.files], SUFFIXES)
    if not allow_absent_days:
        _refuse_absent_days(source)
    unfinished = target.with_name(f".{target.name}.merging")
    with locked(target, refusing(target), "merging.lock"):
        with writable(target):
            unfinished.mkdir(parents=True, exist_ok=True)
        parts = _parts_of(source, unfinished)
        for part in parts:
            if not _is_whole(part):
                _write_part(part, source, lambda done: report("reading days", _READ * done / len(_days(source))))
        report("writing", _READ)
        data = _outline_hdf5(source) if target.suffix in HDF5 else _outline_cf(source)
        name = str(next(iter(data.data_vars)))
        verify = partial(_verify, target, name=name, source=source, report=report)
        blocks = ((first, {name: values}) for part in parts for first, values in _read_part(part))
        write_result(data, target, blocks, verify=verify, replace=overwrite)
        shutil.rmtree(unfinished, ignore_errors=True)
    report("done", 1.0)
    return target


def _open(paths: Sequence[str | Path], variable: str | None, start: date | None, codes: tuple[float, ...]) -> Source:
    if not paths:
        raise ConfigError("no file is named to merge; name a folder of months, or files")
    settings = ModalityConfig(
        kind="grid",
        paths=tuple(str(Path(path).absolute()) for path in paths),
        variable=variable,
        start=start,
        units="",
        allow_absent_days=True,  # absent days are reported below, with the file where they belong
    )
    name, root = variable or DATA, Path()
    first = locate(name, settings, root, advice="Give files of a daily grid, or their folder")[0]
    units = first.reader.open(first.paths, Request(name, settings, start)).attrs.get("units", "")
    return open_source(name, settings.model_copy(update={"units": str(units)}), root, codes)


def _refuse_absent_days(source: Source) -> None:
    absent = np.setdiff1d(_days(source), source.held)
    if absent.size:
        named = ", ".join(str(day) for day in absent[:5]) + (", ..." if len(absent) > 5 else "")
        raise DataError(
            f"{_file_of(source, absent[0])}: lacks {absent[0]}, one of {len(absent)} absent days between "
            f"{source.first_day} and {source.last_day} ({named}); add them, or take them as missing with "
            f"--allow-absent-days (allow_absent_days=True)"
        )


def _days(source: Source) -> np.ndarray:
    days: np.ndarray = np.arange(source.first_day, source.last_day + np.timedelta64(1, "D"))
    return days


def _file_of(source: Source, day: np.datetime64) -> Path | None:
    """The file that should hold a day: in a folder of months that of the month; None before the first file."""
    before = [piece for piece in source.pieces if piece.days[0] <= day]
    if not before or before[-1].reader != _MONTHLY:
        return before[-1].path if before else None
    months = {Path(file).stem: Path(file) for file in before[-1].files}
    return months.get(str(day)[:7], before[-1].path / f"{str(day)[:7]}.h5")


@dataclass(frozen=True)
class _Part:
    """The days `first` to `first + count - 1`, counted from the first day of all, and the file that holds them."""

    first: int
    count: int
    path: Path


def _parts_of(source: Source, folder: Path) -> list[_Part]:
    """The parts of a source, each named by a hash of its inputs, so that changed files make another part."""
    all_days, settings = _days(source), source.settings.model_dump(mode="json", exclude={"paths"})
    stats = {file: Path(file).stat() for piece in source.pieces for file in piece.files}
    parts = []
    for first in range(0, len(all_days), PART_DAYS):
        days = all_days[first : first + PART_DAYS]
        months = {str(day)[:7] for day in days}
        files = [
            (file, (stats[file].st_size, stats[file].st_mtime_ns))
            for piece in source.pieces
            if piece.days[0] <= days[-1] and piece.days[-1] >= days[0]
            for file in piece.files
            if piece.reader != _MONTHLY or Path(file).stem in months
        ]
        made_from = json.dumps([str(days[0]), len(days), source.codes, settings, files])
        key = hashlib.sha256(made_from.encode()).hexdigest()[:12]
        parts.append(_Part(first, len(days), folder / f"{days[0]}.{key}.h5"))
    return parts


def _write_part(part: _Part, source: Source, report: Callable[[int], None]) -> None:
    content, shape = hashlib.sha256(), source.shape
    with atomic_path(part.path) as temporary, DiskFile(temporary) as disk, h5py.File(disk, "w") as file:
        data = file.create_dataset(
            DATA, (part.count, *shape), "f4", chunks=(1, *shape), compression="gzip", compression_opts=1, shuffle=True
        )
        for begin, values in _read_blocks(source, part.first, part.count):
            _refuse_infinite(source, part.first + begin, values)
            data[begin : begin + len(values)] = values
            disk.check()
            content.update(values.data)
            report(part.first + begin + len(values))
        data.attrs["sha256"] = content.hexdigest()


def _is_whole(part: _Part) -> bool:
    if not part.path.exists():
        return False
    try:
        with h5py.File(part.path, "r") as file:
            return bool(hashlib.sha256(file[DATA][:].data).hexdigest() == file[DATA].attrs["sha256"])
    except (OSError, KeyError):
        return False


def _read_part(part: _Part) -> Iterator[tuple[int, Float[np.ndarray, "day row column"]]]:
    """Values of a part, some days at a time, each with its position among all days."""
    with h5py.File(part.path, "r") as file:
        days = _block_days(file[DATA].shape[1:])
        for begin in range(0, part.count, days):
            yield part.first + begin, file[DATA][begin : begin + days]


def _read_blocks(source: Source, first: int, count: int) -> Iterator[tuple[int, Float[np.ndarray, "day row column"]]]:
    """Values of some days at a time, each with its position from day `first` of the source on; NaN is missing."""
    days = _block_days(source.shape)
    for begin in range(0, count, days):
        from_day = source.first_day + np.timedelta64(first + begin, "D")
        yield begin, source.read(from_day, min(days, count - begin))


def _block_days(shape: tuple[int, ...]) -> int:
    """Days that 64 MiB can hold, so that few chunks of a source are decompressed for more than one block."""
    days = _BLOCK_BYTES // (4 * int(np.prod(shape)))
    return min(PART_DAYS, max(_BLOCK_STEP, days // _BLOCK_STEP * _BLOCK_STEP))


def _refuse_infinite(source: Source, first: int, values: np.ndarray) -> None:
    infinite = np.isinf(values)
    if not infinite.any():
        return
    day, row, column = (int(i) for i in np.unravel_index(int(infinite.argmax()), infinite.shape))
    date = source.first_day + np.timedelta64(first + day, "D")
    raise DataError(
        f"{_file_of(source, date)}: {source.pieces[0].values.name} at row {row}, column {column} on {date} is infinite "
        f"or too large for float32; correct the file, or name the number among the missing values if it means that"
    )


def _outline_hdf5(source: Source) -> xr.Dataset:
    """`data`, `dates`, and `y` and `x` where the files give them, as the reader of HDF5 grids expects them."""
    values, days, dims = source.pieces[0].values, _days(source), {"y": "row", "x": "column"}
    given = {axis: (dim, values[axis].values.astype(np.float64)) for axis, dim in dims.items() if axis in values.coords}
    places = {axis: xr.Variable(*place, coordinates_of(values).get(axis, {})) for axis, place in given.items()}
    sizes = dict(zip(("day", "row", "column"), (len(days), *source.shape), strict=True))
    main = to_come(sizes, tuple(sizes), "f4", _described(values))
    return xr.Dataset({DATA: main}, {DATES: ("day", days.astype(str).astype(object)), **places}, _attributes(source))


def _outline_cf(source: Source) -> xr.Dataset:
    values, days = source.pieces[0].values, _days(source)
    said = coordinates_of(values)
    coordinates = {"time": xr.Variable("time", days.astype("datetime64[s]"), TIME_ATTRIBUTES)}
    for axis, size in zip(("y", "x"), source.shape, strict=True):
        place = values[axis].values if axis in values.coords else None
        coordinates[axis] = axis_of(axis, place, size, said.get(axis, {}))
    attributes, variables = _described(values), {}
    if mapping := said.get("grid_mapping"):
        attributes["grid_mapping"] = GRID_MAPPING
        variables[GRID_MAPPING] = xr.Variable((), np.int32(0), mapping)
    sizes = {dim: len(place) for dim, place in coordinates.items()}
    return xr.Dataset(
        {str(values.name): to_come(sizes, tuple(sizes), "f4", attributes), **variables},
        coordinates,
        _attributes(source),
    )


def _attributes(source: Source) -> dict[str, Any]:
    notes = {"notes": "\n".join(source.notes)} if source.notes else {}
    return {"title": f"{source.pieces[0].values.name}, merged", "source": str(source.where), **notes}


def _described(values: xr.DataArray) -> dict[str, Any]:
    """Attributes of the variable in the files, without projection, which has its own variable, and time stamps."""
    said = {k: v for k, v in described(values.attrs).items() if k not in ("crs_wkt", "clocks", "dated")}
    return {"long_name": str(values.name), **said}


def _verify(target: Path, path: Path, name: str, source: Source, report: Progress) -> None:
    """Raise DataError, naming the file and the day, unless every day reads the same as in its source."""
    if target.suffix == ".zarr":
        _compare(target, zarr.open_group(path, mode="r")[name], source, report)
        return
    with h5py.File(path, "r") as file:
        _compare(target, file[name], source, report)


def _compare(target: Path, written: Any, source: Source, report: Progress) -> None:
    days = _days(source)
    for begin, values in _read_blocks(source, 0, len(days)):
        try:
            read = np.asarray(written[begin : begin + len(values)])
        except OSError:  # a chunk that cannot be decompressed
            read = np.full_like(values, np.inf)
        differs = ~((read == values) | (np.isnan(read) & np.isnan(values))).all(axis=(1, 2))  # [day]
        if differs.any():
            day = days[begin + int(differs.argmax())]
            raise DataError(
                f"{_file_of(source, day)}: {day} differs from what was written to {target}; the file was changed "
                f"meanwhile, or a disk or memory is faulty: merge again"
            )
        report("verifying", _WRITTEN + (1 - _WRITTEN) * (begin + len(values)) / len(days))
