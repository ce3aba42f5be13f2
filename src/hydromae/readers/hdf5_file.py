"""HDF5 files of others: opened without following links to other files or taking memory that they only declare."""

import itertools
import math
import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from hydromae.base.errors import DataError
from hydromae.readers.guard import COPY, check_chunk, inflates_beyond, reading
from hydromae.readers.hdf5_heap import check_heaps

_MAX_LINKS = 16
_PLAIN = {h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_NBIT, h5py.h5z.FILTER_SCALEOFFSET}
_MOST_INFLATED = 1032  # times: what deflate can make of its smallest code
_HARMLESS = 2**30  # bytes
_SLACK = 4096


@contextmanager
def open_hdf5(
    path: Path, problem: str = "is not an HDF5 file or is cut short", advice: str = COPY
) -> Iterator[h5py.File]:
    """An HDF5 file to read from; whatever goes wrong inside is a DataError."""
    with reading(path, problem, advice):
        check_heaps(path)
        with h5py.File(path, "r") as file:
            yield file


def find_data_set(path: Path, file: h5py.File, name: str) -> h5py.Dataset | None:
    """The data set of a name, or None.

    Raises:
        DataError: a link on the way to it, or the storage of its values, is in another file; links run in a circle;
            or its chunks are too large to be read.
    """
    item = _follow(path, file, name, 0)
    if not isinstance(item, h5py.Dataset):
        return None
    if item.is_virtual or item.external:
        raise DataError(f"{path}: {name} keeps its values in another file; copy them into this one")
    if item.chunks:
        check_chunk(path, name, item.chunks, item.dtype.itemsize)
        _check_filters(path, name, item)
        if item.ndim < 3 and may_burst(item):
            check_packed(path, item, range(item.shape[0]))
    return item


def _check_filters(path: Path, name: str, values: h5py.Dataset) -> None:
    created = values.id.get_create_plist()
    filters = [created.get_filter(i)[0] for i in range(created.get_nfilters())]
    if sum(code not in _PLAIN for code in filters) > 1:
        raise DataError(f"{path}: {name} is compressed more than once; write it with one compression")


def may_burst(values: h5py.Dataset) -> bool:
    """Whether a chunk is so large in the file that it could unpack to more memory than is harmless."""
    if not values.chunks or not values.compression:
        return False
    sizes = [0]
    values.id.chunk_iter(lambda chunk: sizes.append(chunk.size) if chunk.size > sizes[-1] else None)
    return sizes[-1] * _MOST_INFLATED > _HARMLESS


def check_packed(path: Path, values: h5py.Dataset, days: range, axis: int = 0) -> None:
    """Raise DataError where a chunk of these days unpacks to more than it declares.

    HDF5 itself unpacks deflated data without a limit, so a few megabytes could take all memory.

    Args:
        path: the file, for messages.
        values: the data set that is to be read, one that `may_burst`.
        days: positions along `axis`.
        axis: the dimension of time.
    """
    if not days:
        return
    declared = math.prod(values.chunks) * values.dtype.itemsize
    origins = [range(0, n, c) for n, c in zip(values.shape, values.chunks, strict=True)]
    step = values.chunks[axis]
    origins[axis] = range(min(days[0], days[-1]) // step * step, max(days[0], days[-1]) + 1, step)
    for origin in itertools.product(*origins):
        stored = values.id.get_chunk_info_by_coord(origin).size or 0
        if stored * _MOST_INFLATED > _HARMLESS and (
            stored > 2 * declared + _SLACK or inflates_beyond(values.id.read_direct_chunk(origin)[1], declared + _SLACK)
        ):
            raise DataError(
                f"{path}: a chunk of {values.name.strip('/')} unpacks to more than the {declared} bytes it declares; "
                f"copy or download the file again"
            )


def _follow(path: Path, file: h5py.File, name: str, links: int) -> h5py.Dataset | h5py.Group | None:
    """The item of a name, followed step by step, as HDF5 itself would open another file on the way."""
    here: h5py.Dataset | h5py.Group = file
    for part in name.strip("/").split("/"):
        # h5py's own `in` and `get` resolve a link, and so may open what it points to.
        links_here = here.id.links if isinstance(here, h5py.Group) else None
        if links_here is None or not links_here.exists(part.encode()):
            return None
        kind = links_here.get_info(part.encode()).type
        if kind == h5py.h5l.TYPE_HARD:
            here = here[part]
            continue
        target = links_here.get_val(part.encode())
        if kind != h5py.h5l.TYPE_SOFT:
            raise DataError(f"{path}: {name} is a link to another file ({target[0]!r}); copy the values into this one")
        if links == _MAX_LINKS:
            raise DataError(f"{path}: {name} is a link that leads back to itself; write the values in its place")
        followed = _follow(path, file, posixpath.join(here.name, target.decode()), links + 1)
        if followed is None:
            return None
        here = followed
    return here


def data_sets(path: Path, file: h5py.File) -> dict[str, h5py.Dataset]:
    """The data sets at the root, by name; raises as `find_data_set` does."""
    items = {name: find_data_set(path, file, name) for name in file}
    return {name: item for name, item in items.items() if item is not None}


def positions(key: int | slice, length: int) -> range:
    """The places along a dimension that an index takes."""
    return range(length)[key] if isinstance(key, slice) else range(key, key + 1)
