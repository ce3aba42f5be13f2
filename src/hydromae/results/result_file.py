"""The files that infilling and simulation write: CF netCDF some days at a time, and the same as a long table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import h5netcdf
import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import xarray as xr

from hydromae.prediction.trained_for import FLAG, flag_of
from hydromae.results.hdf5_output import DiskFile
from hydromae.sources.attributes import coordinate_columns
from hydromae.store.cf import CONVENTIONS, GRID_MAPPING, TIME_UNITS, axes, place_attributes, source_attributes
from hydromae.store.store import Store

TABLES: Final = (".csv", ".parquet")
FLAGS: Final = ("observed", "filled", "missing")
OBSERVED, FILLED, MISSING = range(3)
BLOCK_DAYS: Final = 1024  # days that are best written at once: of series the length of a chunk
_STATIONS, _ROWS = 64, 1 << 18


class ResultFile:
    """A netCDF file over days and some of a store's stations, or its grid.

    Args:
        path: the file, overwritten.
        store: gives places and how they are described.
        days: [T] datetime64[D].
        stations: places of the stations in the store; None where there is no series.
        grids: whether there are grids.
        quantiles: levels; empty where there are none.
        attributes: global attributes.
    """

    def __init__(
        self,
        path: Path,
        store: Store,
        days: np.ndarray,
        stations: Sequence[int] | None,
        grids: bool,
        quantiles: Sequence[float],
        attributes: Mapping[str, Any],
    ) -> None:
        self._disk = DiskFile(path)
        self._file = h5netcdf.File(self._disk, "w")
        self._file.attrs.update({"Conventions": CONVENTIONS, **attributes})
        time = {"units": TIME_UNITS, "calendar": "standard", "standard_name": "time", "axis": "T"}
        self._coordinate("time", days.astype("datetime64[D]").astype("int64"), time)
        places = axes(store, {*({"grid"} if grids else ()), *({"series"} if stations is not None else ())})
        for name, axis in places.items():
            values = axis.values[list(stations)] if name == "station" and stations is not None else axis.values
            self._coordinate(name, values, axis.attrs)
        if stations is not None:
            self._describe_stations(store, list(stations))
        if grids and (mapping := source_attributes(store, "grid_mapping")):
            self._file.create_variable(GRID_MAPPING, (), "i4", data=0).attrs.update(mapping)
        if quantiles:
            level = {"units": "1", "long_name": "probability of a value not above"}
            self._coordinate("quantile", np.array(quantiles, np.float64), level)

    def add(self, name: str, dims: tuple[str, ...], dtype: str, attributes: Mapping[str, Any]) -> None:
        """Make a variable over `dims`, of which the first is time; a floating-point one is missing where it is NaN."""
        sizes = tuple(len(self._file.dimensions[dim]) for dim in dims)
        wanted = (1, *sizes[1:]) if "y" in dims else (BLOCK_DAYS, _STATIONS, *sizes[2:])[: len(sizes)]
        chunks = tuple(min(size, most) for size, most in zip(sizes, wanted, strict=True))
        missing = {"fillvalue": np.float32(np.nan)} if dtype.startswith("f") else {}
        variable = self._file.create_variable(
            name, dims, dtype, chunks=chunks, compression="gzip", compression_opts=1, shuffle=True, **missing
        )
        variable.attrs.update(attributes)
        places = [place for place in ("latitude", "longitude") if place in self._file.variables]
        if "station" in dims and places:
            variable.attrs["coordinates"] = " ".join(places)

    def write(self, name: str, first: int, values: np.ndarray) -> None:
        """Write some days, `first` being the place of the first of them in the file.

        Raises:
            OSError: the disk refuses.
        """
        self._file.variables[name][first : first + len(values)] = values
        self._disk.check()

    def __enter__(self) -> "ResultFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._disk.__exit__(kind, error, trace)

    def _coordinate(self, name: str, values: np.ndarray, attributes: Mapping[str, Any]) -> None:
        self._file.dimensions[name] = len(values)
        dtype = h5py.string_dtype() if values.dtype == object else values.dtype
        self._file.create_variable(name, (name,), dtype, data=values).attrs.update(attributes)

    def _describe_stations(self, store: Store, stations: list[int]) -> None:
        for name, column in coordinate_columns(store.attribute_names).items():
            variable = self._file.create_variable(name, ("station",), "f4", data=store.attributes[stations, column])
            variable.attrs.update(place_attributes(name))
        if store.areas is not None:
            area = self._file.create_variable("area", ("station",), "f8", data=store.areas[stations])
            area.attrs.update({"units": "km2", "long_name": "catchment area; mm/d = m3/s * 86.4 / area"})


def flag_attributes(long_name: str) -> dict[str, Any]:
    """What a flag's numbers mean, as CF has it."""
    return {
        "long_name": f"whether {long_name} is observed, filled or missing",
        "flag_values": np.arange(len(FLAGS), dtype=np.int8),
        "flag_meanings": " ".join(FLAGS),
    }


def write_table(path: Path, suffix: str, result: xr.Dataset) -> None:
    """Write series as a row a day and station: `date`, `ID` (text) and a column for each variable [time, station].

    A flag is written in words, a variable with quantiles as a column a level, `riverflow_q0.05`; what is over time
    alone stands in each row of its day. What the runs were not trained for is said in each row, since a table has no
    attributes.

    Args:
        path: the file, written anew.
        suffix: .csv or .parquet.
        result: as `ResultFile` writes it, opened lazily; some days are read at a time.
    """
    ids = result["station"].values.astype(str)
    size = max(1, _ROWS // len(ids))
    parquet: pq.ParquetWriter | None = None
    try:
        for first in range(0, result.sizes["time"], size):
            rows = _rows(result.isel(time=slice(first, first + size)), ids)
            if suffix == ".csv":
                rows.to_csv(path, mode="a" if first else "w", header=not first, index=False, date_format="%Y-%m-%d")
                continue
            table = pa.Table.from_pandas(rows, preserve_index=False)
            parquet = parquet or pq.ParquetWriter(path, table.schema, compression="zstd")
            parquet.write_table(table)
    finally:
        if parquet is not None:
            parquet.close()


def _rows(some: xr.Dataset, ids: np.ndarray) -> pd.DataFrame:
    some = some.load()
    count = len(some["time"])
    columns: dict[str, np.ndarray] = {
        "date": np.repeat(some["time"].values.astype("datetime64[ms]"), len(ids)),
        "ID": np.tile(ids, count),
    }
    for name, variable in some.data_vars.items():
        if variable.dims[:1] != ("time",):
            continue
        values = variable.values
        if "flag_meanings" in variable.attrs:
            values = np.array(variable.attrs["flag_meanings"].split(), dtype=object)[values.astype(np.int64)]
        if values.ndim == 1:
            columns[str(name)] = np.repeat(values, len(ids))
        elif "quantile" in variable.dims:
            short = str(name).removesuffix("_quantiles")
            for level, column in zip(some["quantile"].values, np.moveaxis(values, -1, 0), strict=True):
                columns[f"{short}_q{level:g}"] = column.reshape(-1)
        else:
            columns[str(name)] = values.reshape(-1)  # [day * station]
    if (said := flag_of(some.attrs)) is not None:
        columns[FLAG] = np.full(count * len(ids), said, dtype=object)
    return pd.DataFrame(columns)
