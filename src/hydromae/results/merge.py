"""Months, or any files of a daily grid, as one file; what is interrupted goes on where it stopped."""

import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import xarray as xr
import zarr

from hydromae.base.errors import ConfigError, DataError
from hydromae.base.files import atomic_path, writable
from hydromae.config import DataConfig, ModalityConfig
from hydromae.readers.detect import Request, locate
from hydromae.readers.hdf5_grid import DATES
from hydromae.results.export_files import ArrayFile, NetcdfFile, ZarrFile, refuse_existing, replacing_directory
from hydromae.results.hdf5_output import DiskFile
from hydromae.results.merge_parts import (
    DATA,
    Part,
    copy_parts,
    create_data,
    file_of,
    parts_of,
    read_blocks,
    read_part,
    write_part,
)
from hydromae.sources.coordinates import coordinates_of, described
from hydromae.sources.source import Source, open_source
from hydromae.store.cf import CONVENTIONS, GRID_MAPPING, TIME_UNITS

SUFFIXES: Final = (".h5", ".hdf5", ".nc", ".zarr")
_MISSING: Final = DataConfig().missing_values
# Shares of the work, for the progress bar, as they were measured on months at full size.
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

    Memory does not grow with the days. An interrupted merge leaves the days that are done in a hidden folder beside the
    target, and the next one goes on from there, whatever files have not changed since.

    Args:
        paths: a folder of months, or files, folders and patterns of any format of grids, in order of time.
        target: .h5 or .hdf5 has `data` [days, rows, columns], `dates`, and `y` and `x` where the files give them; .nc
            (netCDF-4) and .zarr (Zarr v3) are CF, the variable under the name that it has in the files. Values are
            float32 and rows run from the north; what is missing is NaN.
        variable: its name in the files; None is the only one.
        start: day of the first map, for HDF5 files without dates.
        missing_values: numbers that mean missing, beside NaN and those of 1e19 and more.
        allow_absent_days: days that no file holds are missing; else they are an error.
        overwrite: replace a target that is there; it stays until the new one is complete.
        on_progress: called with what is being done and the share that is done, 0 to 1.

    Returns:
        `target`.

    Raises:
        ConfigError: the suffix of the target is none of these, or no file is named.
        DataError: a file is wrong, a day is absent or in two files, the target is there already or cannot be written,
            or what was written differs from its source; the message names the file and the day.
    """
    target = Path(target)
    if target.suffix not in SUFFIXES:
        raise ConfigError(f"{target}: what format to merge to is told by the suffix; take one of {', '.join(SUFFIXES)}")
    refuse_existing(target, overwrite)
    report = on_progress or (lambda stage, done: None)
    source = _open([paths] if isinstance(paths, str | Path) else list(paths), variable, start, tuple(missing_values))
    if not allow_absent_days:
        _refuse_absent_days(source)
    unfinished = target.with_name(f".{target.name}.merging")
    with writable(target):
        unfinished.mkdir(parents=True, exist_ok=True)
    parts = parts_of(source, unfinished)
    days = parts[-1].first + parts[-1].count
    for part in parts:
        write_part(part, source, lambda done: report("reading days", _READ * done / days))
    _write(target, source, parts, report)
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
        allow_absent_days=True,  # which are absent is said here, with the file where they belong
    )
    name, root = variable or DATA, Path()
    first = locate(name, settings, root, advice="Give files of a daily grid, or their folder")[0]
    units = first.reader.open(first.paths, Request(name, settings, start)).attrs.get("units", "")
    return open_source(name, settings.model_copy(update={"units": str(units)}), root, codes)


def _refuse_absent_days(source: Source) -> None:
    held = np.concatenate([piece.days for piece in source.pieces])
    absent = np.setdiff1d(_days(source), held)
    if absent.size:
        named = ", ".join(str(day) for day in absent[:5]) + (", ..." if len(absent) > 5 else "")
        raise DataError(
            f"{file_of(source, absent[0])}: lacks {absent[0]}, one of {len(absent)} absent days between "
            f"{source.first_day} and {source.last_day} ({named}); add them, or take them as missing with "
            f"--allow-absent-days (allow_absent_days=True)"
        )


def _write(target: Path, source: Source, parts: list[Part], report: Progress) -> None:
    report("writing", _READ)
    if target.suffix == ".zarr":
        with replacing_directory(target) as temporary:
            with closing(ZarrFile(temporary, _attributes(source))) as arrays:
                _write_cf(arrays, source, parts)
            _verify(target, source, zarr.open_group(temporary, mode="r")[_name(source)], report)
        return
    with atomic_path(target) as temporary:
        if target.suffix == ".nc":
            with closing(NetcdfFile(temporary, _attributes(source))) as arrays:
                _write_cf(arrays, source, parts)
        else:
            _write_hdf5(temporary, source, parts)
        with h5py.File(temporary, "r") as file:
            _verify(target, source, file[_name(source) if target.suffix == ".nc" else DATA], report)


def _write_hdf5(path: Path, source: Source, parts: list[Part]) -> None:
    values = source.pieces[0].values
    days = _days(source)
    with DiskFile(path) as disk, h5py.File(disk, "w") as file:
        file.attrs.update(_attributes(source))
        data = create_data(file, (len(days), *source.shape))
        data.attrs.update(_variable_attributes(values))
        copy_parts(parts, data, disk.check)
        file[DATES] = np.array([str(day) for day in days], "S10")
        for axis in ("y", "x"):
            if axis in values.coords:
                file[axis] = np.asarray(values[axis].values, np.float64)
                file[axis].attrs.update(coordinates_of(values).get(axis, {}))


def _write_cf(arrays: ArrayFile, source: Source, parts: list[Part]) -> None:
    values = source.pieces[0].values
    days = _days(source).astype(np.int64).astype(np.int32)
    said = coordinates_of(values)
    time = {"standard_name": "time", "axis": "T", "units": TIME_UNITS, "calendar": "standard"}
    arrays.create("time", ("time",), days.shape, days.dtype, time)
    arrays.write("time", 0, days)
    for axis, size in zip(("y", "x"), source.shape, strict=True):
        # Rows are counted downwards where there are no coordinates, so that north has the larger y.
        place = np.arange(size)[:: -1 if axis == "y" else 1].astype(np.float64)
        attributes: dict[str, Any] = {"long_name": f"{axis} index", "units": "1"}
        if axis in values.coords:
            place, attributes = np.asarray(values[axis].values, np.float64), said.get(axis, {})
        arrays.create(axis, (axis,), place.shape, place.dtype, {**attributes, "axis": axis.upper()})
        arrays.write(axis, 0, place)
    attributes = _variable_attributes(values)
    if mapping := said.get("grid_mapping"):
        attributes["grid_mapping"] = GRID_MAPPING
        arrays.create(GRID_MAPPING, (), (), np.dtype(np.int32), mapping)
    shape = (len(days), *source.shape)
    arrays.create(_name(source), ("time", "y", "x"), shape, np.dtype(np.float32), attributes)
    for part in parts:
        for first, block in read_part(part):
            arrays.write(_name(source), first, block)


def _verify(target: Path, source: Source, written: Any, report: Progress) -> None:
    """Raise DataError, naming the file and the day, unless every day reads as its source does."""
    days = _days(source)
    for begin, values in read_blocks(source, 0, len(days)):
        try:
            read = np.asarray(written[begin : begin + len(values)])
        except OSError:  # a chunk that cannot be decompressed
            read = np.full_like(values, np.inf)
        differs = ~((read == values) | (np.isnan(read) & np.isnan(values))).all(axis=(1, 2))  # [day]
        if differs.any():
            day = days[begin + int(differs.argmax())]
            raise DataError(
                f"{file_of(source, day)}: {day} differs from what was written to {target}; the file was changed "
                f"meanwhile, or a disk or memory is faulty: merge again"
            )
        report("verifying", _WRITTEN + (1 - _WRITTEN) * (begin + len(values)) / len(days))


def _days(source: Source) -> np.ndarray:
    days: np.ndarray = np.arange(source.first_day, source.last_day + np.timedelta64(1, "D"))
    return days


def _name(source: Source) -> str:
    return str(source.pieces[0].values.name)


def _attributes(source: Source) -> dict[str, Any]:
    notes = {"notes": "\n".join(source.notes)} if source.notes else {}
    return {"Conventions": CONVENTIONS, "source": source.where, **notes}


def _variable_attributes(values: xr.DataArray) -> dict[str, Any]:
    """What the files say of the variable; the projection has a variable of its own."""
    return {key: value for key, value in described(values.attrs).items() if key != "crs_wkt"}
