"""Some days of a grid at a time as files of their own, which outlive an interruption."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
from jaxtyping import Float

from hydromae.base.errors import DataError
from hydromae.base.files import atomic_path
from hydromae.results.hdf5_output import DiskFile
from hydromae.sources.source import Piece, Source

DATA: Final = "data"
PART_DAYS: Final = 256
_BLOCK_BYTES = 64 * 2**20
_MONTHLY = "monthly_hdf5"
_BLOCK_STEP = 16  # days in a chunk of Zarr, so that each is written once


@dataclass(frozen=True)
class Part:
    """The days `first` to `first + count - 1`, counted from the first of all, and the file that holds them."""

    first: int
    count: int
    path: Path


def parts_of(source: Source, folder: Path) -> list[Part]:
    """The parts of a source, none of them written yet.

    A part's name holds a hash of what its days are made from, so one whose files have changed is another part.
    """
    days = int((source.last_day - source.first_day).astype(int)) + 1
    stats = [[(file, _stat(Path(file))) for file in piece.files] for piece in source.pieces]
    settings = source.settings.model_dump(mode="json", exclude={"paths"})
    parts = []
    for first in range(0, days, PART_DAYS):
        count = min(PART_DAYS, days - first)
        named = source.first_day + np.arange(first, first + count)
        months = {str(day)[:7] for day in named}
        files = [
            (file, stat)
            for piece, of_piece in zip(source.pieces, stats, strict=True)
            if piece.days[0] <= named[-1] and piece.days[-1] >= named[0]
            for file, stat in of_piece
            if piece.reader != _MONTHLY or Path(file).stem in months
        ]
        made_from = [str(named[0]), count, source.codes, settings, files]
        key = hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:12]
        parts.append(Part(first, count, folder / f"{named[0]}.{key}.h5"))
    return parts


def _stat(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


def write_part(part: Part, source: Source, report: Callable[[int], None]) -> None:
    """Write a part, unless it is there, whole, from an earlier attempt.

    Args:
        part: which days.
        source: gives them.
        report: called with the number of days that are done.

    Raises:
        DataError: a file cannot be read or a value is infinite; the message names the file and the day.
    """
    if _is_whole(part):
        report(part.first + part.count)
        return
    content = hashlib.sha256()
    with atomic_path(part.path) as temporary, DiskFile(temporary) as disk, h5py.File(disk, "w") as file:
        data = create_data(file, (part.count, *source.shape))
        for begin, values in read_blocks(source, part.first, part.count):
            _refuse_infinite(source, part.first + begin, values)
            data[begin : begin + len(values)] = values
            disk.check()
            content.update(values.data)
            report(part.first + begin + len(values))
        data.attrs["sha256"] = content.hexdigest()


def _is_whole(part: Part) -> bool:
    if not part.path.exists():
        return False
    try:
        with h5py.File(part.path, "r") as file:
            return bool(hashlib.sha256(file[DATA][:].data).hexdigest() == file[DATA].attrs["sha256"])
    except (OSError, KeyError):
        return False


def create_data(file: h5py.File, shape: tuple[int, ...]) -> h5py.Dataset:
    """The data set `data` [days, rows, columns], float32, one map a chunk.

    Of chunks of 1, 5, 10 and 30 days, with gzip of levels 1 and 4 and lzf, a day with gzip 1 and shuffle reads windows
    of 30 days fastest or nearly so, at a size within 5 % of the smallest.
    """
    return file.create_dataset(
        DATA,
        shape,
        np.float32,
        chunks=(1, *shape[1:]),
        compression="gzip",
        compression_opts=1,
        shuffle=True,
        fillvalue=np.float32(np.nan),
    )


def read_blocks(source: Source, first: int, count: int) -> Iterator[tuple[int, Float[np.ndarray, "day row column"]]]:
    """Place and values of some days at a time, counted from day `first` of the source; NaN is missing."""
    days = _block_days(source.shape)
    for begin in range(0, count, days):
        yield begin, source.read(source.first_day + np.timedelta64(first + begin, "D"), min(days, count - begin))


def _block_days(shape: tuple[int, ...]) -> int:
    """As many days as 64 MiB hold, so that few chunks of a source are decompressed for more than one block."""
    days = _BLOCK_BYTES // (4 * int(np.prod(shape)))
    return min(PART_DAYS, max(_BLOCK_STEP, days // _BLOCK_STEP * _BLOCK_STEP))


def copy_parts(parts: list[Part], data: h5py.Dataset, check: Callable[[], None]) -> None:
    """Put the parts into a data set made by `create_data`, as they are compressed; `check` is called after each."""
    for part in parts:
        with h5py.File(part.path, "r") as file:
            written = file[DATA].id
            for day in range(part.count):
                mask, chunk = written.read_direct_chunk((day, 0, 0))
                data.id.write_direct_chunk((part.first + day, 0, 0), chunk, mask)
        check()


def read_part(part: Part) -> Iterator[tuple[int, Float[np.ndarray, "day row column"]]]:
    """Place, on all days, and values of some days of a part at a time."""
    with h5py.File(part.path, "r") as file:
        data = file[DATA]
        days = _block_days(data.shape[1:])
        for begin in range(0, part.count, days):
            yield part.first + begin, np.asarray(data[begin : begin + days])


def file_of(source: Source, day: np.datetime64) -> Path | None:
    """The file a day is read from: of a folder of months the month's, there or not; None before the first file."""
    before: list[Piece] = [piece for piece in source.pieces if piece.days[0] <= day]
    if not before or before[-1].reader != _MONTHLY:
        return before[-1].path if before else None
    months = {Path(file).stem: Path(file) for file in before[-1].files}
    return months.get(str(day)[:7], before[-1].path / f"{str(day)[:7]}.h5")


def _refuse_infinite(source: Source, first: int, values: np.ndarray) -> None:
    infinite: Any = np.isinf(values)
    if not infinite.any():
        return
    day, row, column = (int(i) for i in np.unravel_index(int(infinite.argmax()), infinite.shape))
    date = source.first_day + np.timedelta64(first + day, "D")
    raise DataError(
        f"{file_of(source, date)}: {source.pieces[0].values.name} at row {row}, column {column} on {date} is infinite "
        f"or too large for float32; correct the file, or name the number among the missing values if it means that"
    )
