"""CF files that are written some days at a time: netCDF-4 and Zarr v3 behind one contract."""

import shutil
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5netcdf
import h5py
import numpy as np
import zarr
from zarr.codecs import ZstdCodec

from hydromae.base.errors import DataError
from hydromae.base.files import atomic_directory, writable
from hydromae.results.chunks import chunks_of
from hydromae.results.hdf5_output import DiskFile
from hydromae.store.provenance import exchange

_GRID_MAP_DAYS = 16  # a chunk of Zarr is a file: one a day would be 15,000 for each grid of 41 years


class ArrayFile(ABC):
    """A file of arrays with named dimensions.

    Attributes:
        grid_days: days in a chunk of a grid [time, y, x].
    """

    grid_days: int

    @abstractmethod
    def create(
        self,
        name: str,
        dims: tuple[str, ...],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        attributes: Mapping[str, Any],
    ) -> None:
        """Make a variable; dtype object is text, and a floating-point one is missing where it is NaN."""

    @abstractmethod
    def write(self, name: str, first: int, values: np.ndarray) -> None:
        """Write values from position `first` of the variable's first dimension on; all of one without dimensions.

        Raises:
            OSError: the disk refuses.
        """

    @abstractmethod
    def close(self) -> None:
        """Complete the file."""


class NetcdfFile(ArrayFile):
    """netCDF-4, a grid compressed a day at a time."""

    grid_days = 1

    def __init__(self, path: Path, attributes: Mapping[str, Any]) -> None:
        self._disk = DiskFile(path)
        self._file = h5netcdf.File(self._disk, "w")
        self._file.attrs.update(attributes)

    def create(
        self,
        name: str,
        dims: tuple[str, ...],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        attributes: Mapping[str, Any],
    ) -> None:
        """See `ArrayFile`."""
        for dim, size in zip(dims, shape, strict=True):
            if dim not in self._file.dimensions:
                self._file.dimensions[dim] = size
        options: dict[str, Any] = {}
        if len(dims) > 1:
            chunks = chunks_of(shape, self.grid_days)
            options = {"chunks": chunks, "compression": "gzip", "compression_opts": 1, "shuffle": True}
        if dtype.kind == "f" and name not in dims:
            options["fillvalue"] = dtype.type(np.nan)
        text = dtype.kind in "OU"
        variable = self._file.create_variable(name, dims, h5py.string_dtype() if text else dtype, **options)
        variable.attrs.update(attributes)

    def write(self, name: str, first: int, values: np.ndarray) -> None:
        """See `ArrayFile`."""
        self._file.variables[name][slice(first, first + len(values)) if values.ndim else ...] = values
        self._disk.check()

    def close(self) -> None:
        """See `ArrayFile`."""
        self._file.close()
        self._disk.close()
        self._disk.check()


class ZarrFile(ArrayFile):
    """Zarr v3 with consolidated metadata, compressed with zstd."""

    grid_days = _GRID_MAP_DAYS

    def __init__(self, path: Path, attributes: Mapping[str, Any]) -> None:
        self._path = path
        self._group = zarr.create_group(path, zarr_format=3, attributes=_plain(attributes), overwrite=True)

    def create(
        self,
        name: str,
        dims: tuple[str, ...],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        attributes: Mapping[str, Any],
    ) -> None:
        """See `ArrayFile`."""
        self._group.create_array(
            name,
            shape=shape,
            dtype=str if dtype.kind in "OU" else dtype,
            chunks=chunks_of(shape, self.grid_days),
            compressors=ZstdCodec(level=3),
            fill_value=np.nan if dtype.kind == "f" else None,
            dimension_names=dims,
            attributes=_plain(attributes),
        )

    def write(self, name: str, first: int, values: np.ndarray) -> None:
        """See `ArrayFile`."""
        array = self._group[name]
        assert isinstance(array, zarr.Array)
        array[slice(first, first + len(values)) if values.ndim else ...] = values

    def close(self) -> None:
        """See `ArrayFile`."""
        with warnings.catch_warnings():
            # Not in the specification of Zarr v3 yet; what does not know it reads the metadata of each array instead.
            warnings.filterwarnings("ignore", message="Consolidated metadata is currently not part")
            zarr.consolidate_metadata(self._path)


def _plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as JSON has them."""
    return {k: v.tolist() if isinstance(v, np.ndarray | np.generic) else v for k, v in attributes.items()}


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raise DataError where a file is there already, unless it may be replaced; a folder only if it is Zarr v3."""
    if not path.exists():
        return
    if not overwrite:
        raise DataError(f"{path}: is there already; give another path, or replace it with --overwrite (overwrite=True)")
    if path.suffix == ".zarr" and not (path / "zarr.json").is_file():
        raise DataError(f"{path}: is there already and is no Zarr v3, so it is not replaced; give another path")


@contextmanager
def replacing_directory(path: Path) -> Iterator[Path]:
    """As `atomic_directory`, but what `path` held is replaced: it stays until the new one is complete."""
    if not path.exists():
        with atomic_directory(path) as temporary:
            yield temporary
        return
    fresh = path.with_name(f".{path.name}.fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    with atomic_directory(fresh) as temporary:
        yield temporary
    with writable(path):
        exchange(fresh, path)
