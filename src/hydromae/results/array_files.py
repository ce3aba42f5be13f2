"""Arrays with named dimensions as netCDF-4 and Zarr v3, written in blocks along the first dimension."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import h5netcdf
import h5py
import numpy as np
import xarray as xr
import zarr
from zarr.abc.store import Store
from zarr.codecs import ZstdCodec

from hydromae.base.seal import seal
from hydromae.results.hdf5_output import DiskFile

_SERIES = (1024, 64)  # days and stations of a chunk
_CHUNK_VALUES = 1 << 18
_DAYS_OF_A_FILE = 16  # a chunk of Zarr is a file: one for each day would make 15,000 for each grid of 41 years


@runtime_checkable
class ArrayFile(Protocol):
    """A file of arrays."""

    def create(self, name: str, variable: xr.Variable, fill: bool) -> None:
        """Make an empty variable of this shape, type and description; with `fill`, NaN means missing."""

    def write(self, name: str, first: int, values: np.ndarray) -> None:
        """Write values from entry `first` of the first dimension on, or the whole of a variable without dimensions."""

    def close(self) -> None:
        """Complete the file; raises OSError if the disk refused."""


def chunks_of(variable: xr.Variable, grid_days: int) -> tuple[int, ...]:
    """Chunks: whole maps of some days for a grid, many days of some stations for series, else some entries."""
    rest = variable.shape[1:]
    if variable.dims[1:3] in (("y", "x"), ("row", "column")):
        sizes = (grid_days, *rest)
    elif variable.dims[:2] == ("time", "station"):
        sizes = (*_SERIES, *rest[1:])
    else:
        sizes = (_CHUNK_VALUES // max(1, int(np.prod(rest))), *rest)[: variable.ndim]
    return tuple(max(1, min(size, length)) for size, length in zip(sizes, variable.shape, strict=True))


class NetcdfFile:
    """netCDF-4, with each day of a grid compressed by itself."""

    def __init__(self, path: Path, attributes: Mapping[str, Any]) -> None:
        self._path, self._disk = path, DiskFile(path)
        self._file = h5netcdf.File(self._disk, "w")
        self._file.attrs.update(attributes)

    def create(self, name: str, variable: xr.Variable, fill: bool) -> None:
        """See `ArrayFile`."""
        for dim, size in zip(variable.dims, variable.shape, strict=True):
            if dim not in self._file.dimensions:
                self._file.dimensions[str(dim)] = size
        options: dict[str, Any] = {}
        if variable.ndim > 1:
            options = {"chunks": chunks_of(variable, 1), "compression": "gzip", "compression_opts": 1, "shuffle": True}
        if fill:
            options["fillvalue"] = variable.dtype.type(np.nan)
        dtype = h5py.string_dtype() if variable.dtype == object else variable.dtype
        created = self._file.create_variable(name, tuple(map(str, variable.dims)), dtype, **options)
        created.attrs.update(variable.attrs)

    def write(self, name: str, first: int, values: np.ndarray) -> None:
        """See `ArrayFile`."""
        self._file.variables[name][slice(first, first + len(values)) if values.ndim else ...] = values
        self._disk.check()

    def close(self) -> None:
        """See `ArrayFile`."""
        self._file.close()
        self._disk.close()
        self._disk.check()
        seal(self._path)


class ZarrFile:
    """Zarr v3 with consolidated metadata, compressed with zstd."""

    def __init__(self, path: Path | Store, attributes: Mapping[str, Any]) -> None:
        self._path = path
        self._group = zarr.create_group(path, zarr_format=3, attributes=_plain(attributes), overwrite=True)

    def create(self, name: str, variable: xr.Variable, fill: bool) -> None:
        """See `ArrayFile`."""
        self._group.create_array(
            name,
            shape=variable.shape,
            dtype=str if variable.dtype == object else variable.dtype,
            chunks=chunks_of(variable, _DAYS_OF_A_FILE),
            compressors=ZstdCodec(level=3, checksum=True),
            fill_value=np.nan if variable.dtype.kind == "f" else None,
            dimension_names=tuple(map(str, variable.dims)),
            attributes=_plain(variable.attrs),
        )

    def write(self, name: str, first: int, values: np.ndarray) -> None:
        """See `ArrayFile`."""
        array = self._group[name]
        assert isinstance(array, zarr.Array)
        array[slice(first, first + len(values)) if values.ndim else ...] = values

    def close(self) -> None:
        """See `ArrayFile`."""
        with warnings.catch_warnings():
            # Not in the specification of Zarr v3 yet; programs without it read the metadata of each array instead.
            warnings.filterwarnings("ignore", message="Consolidated metadata is currently not part")
            zarr.consolidate_metadata(self._path)


def _plain(attributes: Mapping[Any, Any]) -> dict[str, Any]:
    """Attributes as types of JSON."""
    return {str(k): v.tolist() if isinstance(v, np.ndarray | np.generic) else v for k, v in attributes.items()}
