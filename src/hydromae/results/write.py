"""The one writer of results: a data set as netCDF, Zarr, CSV or parquet, block by block, whole or not at all."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from zarr.abc.store import Store as ZarrStore

from hydromae.base.errors import DataError
from hydromae.base.replacing import replacing
from hydromae.base.secret_values import concealed
from hydromae.base.version import VERSION
from hydromae.results.array_files import ArrayFile, NetcdfFile, ZarrFile
from hydromae.results.table_file import TableFile
from hydromae.results.target import TABLES
from hydromae.store.cf import CONVENTIONS, TIME_ENCODING

GRID_DAYS, SERIES_DAYS = 32, 1024  # days to write at once: multiples of the days of a chunk
_ROWS = 1 << 18
_LEADING = ("time", "issue_time", "day")

# First position on the leading dimension, and the values from there on by name.
Block = tuple[int, Mapping[str, np.ndarray]]


def write_result(
    data: xr.Dataset,
    path: Path,
    blocks: Iterable[Block] | None = None,
    report: Callable[[str, float], None] = lambda stage, done: None,
    verify: Callable[[Path], None] = lambda written: None,
    replace: bool = True,
) -> None:
    """Write a data set by the CF conventions; an old file at `path` stays until all is written.

    Memory does not grow with the number of days. `check_target` says beforehand whether `path` may be written.

    Args:
        data: the data set; days are datetime64, missing values NaN. Values may be lazy.
        path: .nc, .zarr, .csv or .parquet; also .h5 and .hdf5, which are netCDF-4 under another name.
        blocks: values of the variables over the leading dimension (`time`, else `issue_time`), in its order; the
            variables in `data` then only give shape and type, see `to_come`. A table needs all variables in each
            block.
        report: called with what is being written and the share that is done, but not for given `blocks`.
        verify: called with the complete file before it gets its name.
        replace: a file that another process has written at `path` meanwhile is replaced.

    Raises:
        DataError: the disk refuses, or another process writes `path`.
    """
    table = path.suffix in TABLES
    if blocks is None:
        blocks = _blocks_of(data, table, report)
    with replacing(path, replace) as temporary:
        if table:
            with closing(TableFile(temporary, path.suffix, data.attrs)) as rows:
                for first, values in blocks:
                    rows.write(_part(data, first, values))
            verify(temporary)
            return
        make = ZarrFile if path.suffix == ".zarr" else NetcdfFile
        _write_arrays(make(temporary, _attributes(data)), data, blocks)
        verify(temporary)


def write_zarr(data: xr.Dataset, store: ZarrStore, report: Callable[[str, float], None]) -> None:
    """Write a data set as `write_result` does to an empty store of Zarr, wherever that lies."""
    _write_arrays(ZarrFile(store, _attributes(data)), data, _blocks_of(data, False, report))


def _write_arrays(file: ArrayFile, data: xr.Dataset, blocks: Iterable[Block]) -> None:
    with closing(file) as arrays:
        _create(arrays, data)
        for first, values in blocks:
            for name, block in values.items():
                arrays.write(name, first, block)


def _attributes(data: xr.Dataset) -> dict[str, Any]:
    attributes = {"Conventions": CONVENTIONS, **_feature(data), **data.attrs, "history": _history(data)}
    return dict(concealed(attributes))


def write_streamed(
    data: xr.Dataset,
    path: Path,
    blocks: Iterable[Block],
    replace: bool = True,
    verify: Callable[[Path], None] = lambda written: None,
) -> xr.Dataset:
    """Write blocks as `write_result` does, and return the file, opened lazily; for a table, its content in memory.

    Raises:
        DataError: the disk refuses, or another process writes `path`.
    """
    if path.suffix not in TABLES:
        write_result(data, path, blocks, replace=replace, verify=verify)
        try:
            return xr.open_dataset(path, engine="h5netcdf" if path.suffix == ".nc" else "zarr")
        except OSError as error:
            raise DataError(
                f"{path}: was written whole, but cannot be opened now ({error.strerror or error}); look at it when the "
                f"disk lets you read again"
            ) from None
    parts: list[xr.Dataset] = []

    def kept() -> Iterator[Block]:
        for first, values in blocks:
            parts.append(_part(data, first, values)[list(values)])
            yield first, values

    write_result(data, path, kept(), replace=replace, verify=verify)
    whole = xr.concat(parts, str(_leading(data)), combine_attrs="override", coords="minimal", compat="override")
    return data.assign({name: variable.variable for name, variable in whole.data_vars.items()})


def to_come(sizes: Mapping[Any, int], dims: Sequence[str], dtype: str, attributes: Mapping[str, Any]) -> xr.Variable:
    """A variable whose values come in blocks; it takes no memory, whatever the `sizes` of its dimensions are."""
    shape = tuple(sizes[dim] for dim in dims)
    return xr.Variable(dims, np.broadcast_to(np.zeros((), dtype), shape), dict(attributes))


def _leading(data: xr.Dataset) -> str | None:
    return next((dim for dim in _LEADING if dim in data.dims), None)


def _streamed(data: xr.Dataset) -> list[str]:
    """The variables that are written in blocks."""
    leading = _leading(data)
    return [str(name) for name, variable in data.data_vars.items() if variable.dims[:1] == (leading,)]


def _part(data: xr.Dataset, first: int, values: Mapping[str, np.ndarray]) -> xr.Dataset:
    """The data set of one block."""
    if not values:
        return data
    leading = _leading(data)
    length = len(next(iter(values.values())))
    part = data.isel({leading: slice(first, first + length)})
    return part.assign({name: (data[name].dims, block, data[name].attrs) for name, block in values.items()})


def _blocks_of(data: xr.Dataset, table: bool, report: Callable[[str, float], None]) -> Iterator[Block]:
    """The blocks of a data set that holds its values, or reads them when they are used."""
    variables = {name: data[name].variable for name in _streamed(data)}
    if table and not variables:
        yield 0, {}
        return
    if table:
        length = len(next(iter(variables.values())))
        size = max(1, _ROWS * length // max(variable.size for variable in variables.values()))
        for first in range(0, length, size):
            yield first, {name: variable[first : first + size].values for name, variable in variables.items()}
            report("writing rows", min(1.0, (first + size) / length))
        return
    written, total = 0, max(1, sum(variable.size for variable in variables.values()))
    for name, variable in variables.items():
        size = GRID_DAYS if "y" in variable.dims else SERIES_DAYS
        for first in range(0, len(variable), size):
            values = variable[first : first + size].values
            yield first, {name: _encoded(xr.Variable(variable.dims, values)).values}
            written += values.size
            report(f"writing {name}", written / total)


def _create(arrays: ArrayFile, data: xr.Dataset) -> None:
    """Make every variable, and write those that do not come in blocks."""
    beside = {name: set(data[name].dims) for name in data.coords if name not in data.dims}
    streamed = _streamed(data)
    for name, variable in data.variables.items():
        nothing = xr.Variable(variable.dims, np.empty((0,) * variable.ndim, variable.dtype), variable.attrs)
        encoded = _encoded(nothing if name in streamed else variable)
        described = concealed(dict(encoded.attrs))
        places = [str(other) for other, dims in beside.items() if dims <= set(variable.dims)]
        if places and name not in data.coords:
            described["coordinates"] = " ".join(places)
        is_value = encoded.dtype.kind == "f" and name not in data.coords
        shaped = xr.Variable(variable.dims, np.broadcast_to(np.zeros((), encoded.dtype), variable.shape), described)
        arrays.create(str(name), shaped, is_value)
        if name not in streamed:
            arrays.write(str(name), 0, encoded.values)


def _encoded(variable: xr.Variable) -> xr.Variable:
    """Days as numbers since 1970, booleans as 1 and 0, text as objects; everything else unchanged."""
    kind = variable.dtype.kind
    if kind == "M":
        days = variable.values.astype("datetime64[D]").astype(np.int32)
        return xr.Variable(variable.dims, days, {**variable.attrs, **TIME_ENCODING})
    if kind == "b":
        return xr.Variable(variable.dims, variable.values.astype(np.int8), {**variable.attrs, "dtype": "bool"})
    if kind in "OUT":
        return xr.Variable(variable.dims, variable.values.astype(object), variable.attrs)
    return variable.to_base_variable()


def _feature(data: xr.Dataset) -> dict[str, str]:
    """The CF name of series at stations, for a file that holds nothing else."""
    return {"featureType": "timeSeries"} if {"time", "station"} <= set(data.dims) and "y" not in data.dims else {}


def _history(data: xr.Dataset) -> str:
    """The history with one more line, the newest first."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    line = f"{now} written by hydromae {VERSION}"
    return f"{line}\n{data.attrs['history']}" if data.attrs.get("history") else line
