"""Series as a long table: a row for each day and station, a column for each series."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import xarray as xr

from hydromae.base.csv_text import write_frame
from hydromae.base.disk_errors import errors_of_silent_libraries
from hydromae.base.secret_values import concealed
from hydromae.base.version import VERSION
from hydromae.prediction.trained_for import FLAG, flag_of

# Dimensions that become columns, and the name of a column from those of the variable and of the place on it.
_SPREAD: Final[dict[str, Callable[[str, Any], str]]] = {
    "quantile": lambda name, level: f"{name.removesuffix('_quantiles')}_q{np.round(level, 4):g}",
    "event": lambda name, event: f"{name}_{event.replace(' ', '_')}",
    "member": lambda name, member: f"{name.removesuffix('_members')}_member_{member}",
}
_NAMES = {"time": "date", "station": "ID"}  # names in a table of days, as the readers of tables expect them


class TableFile:
    """A CSV or parquet file that grows by blocks of rows.

    Rows are days and stations, `date` and `ID`, or the issue times, lead times and stations of forecasts. A flag is
    written in words; quantiles, events and members of an ensemble are a column each (`riverflow_q0.05`,
    `riverflow_probability_below_Q95`, `riverflow_member_1`). A number is float32 with as many digits
    as distinguish it from others, blank or null where missing; parquet has units and long names in its metadata.
    Variables of stations only, as their coordinates, are left out. A table has no attributes, so each row says what the
    runs were not trained for, if it applies.

    Args:
        path: the file, written anew.
        suffix: .csv or .parquet.
        attributes: the attributes of the result.
    """

    def __init__(self, path: Path, suffix: str, attributes: Mapping[str, object]) -> None:
        self._path, self._csv, self._flag = path, suffix == ".csv", concealed(flag_of(attributes))
        self._parquet: pq.ParquetWriter | None = None
        self._empty = True

    def write(self, block: xr.Dataset) -> None:
        """Add the rows of a block."""
        columns = _columns(block)
        rows = pd.DataFrame({name: column.values for name, column in columns.items()})
        if self._flag is not None:
            rows[FLAG] = self._flag
        if self._csv:
            mode: Literal["w", "a"] = "w" if self._empty else "a"
            write_frame(rows, self._path, mode=mode, header=self._empty, date_format="%Y-%m-%d")
        else:
            table = pa.Table.from_pandas(rows, preserve_index=False)
            schema = pa.schema(
                [_field(field, columns.get(field.name)) for field in table.schema], {"hydromae_version": VERSION}
            )
            self._parquet = self._parquet or pq.ParquetWriter(self._path, schema, compression="zstd")
            self._parquet.write_table(table.cast(schema))
        self._empty = False

    def close(self) -> None:
        """Complete the file."""
        if self._parquet is None:
            return
        with errors_of_silent_libraries():
            self._parquet.close()


def _field(field: pa.Field, column: xr.Variable | None) -> pa.Field:
    kind = field.type
    if pa.types.is_timestamp(kind):
        kind = pa.timestamp("ms")
    elif pa.types.is_large_string(kind):
        kind = pa.string()
    said = (
        {} if column is None else {key: str(column.attrs[key]) for key in ("units", "long_name") if key in column.attrs}
    )
    return pa.field(field.name, kind, metadata=said)


def _columns(block: xr.Dataset) -> dict[str, xr.Variable]:
    """The columns of a table, each [row]."""
    variables = {str(name): variable for name, variable in block.variables.items() if set(variable.dims) - {"station"}}
    sizes = {str(dim): size for variable in variables.values() for dim, size in variable.sizes.items()}
    for dim in _SPREAD:
        variables.pop(dim, None)
    order = max(([str(dim) for dim in v.dims if dim not in _SPREAD] for v in variables.values()), key=len)
    columns = {dim: block[dim].variable if dim in block else xr.Variable(dim, np.arange(sizes[dim])) for dim in order}
    for name, variable in variables.items():
        if "flag_meanings" in variable.attrs:
            words = np.array(variable.attrs["flag_meanings"].split(), dtype=object)
            columns[name] = variable.copy(data=words[variable.values])
        elif spread := next((str(dim) for dim in variable.dims if dim in _SPREAD), None):
            for i, value in enumerate(block[spread].values):
                columns[_SPREAD[spread](name, value)] = variable.isel({spread: i})
        else:
            columns[name] = variable
    renamed = _NAMES if "time" in order else {}
    return {
        renamed.get(name, name): xr.Variable("row", _flat(column, order, sizes), column.attrs)
        for name, column in columns.items()
    }


def _flat(column: xr.Variable, order: list[str], sizes: Mapping[str, int]) -> np.ndarray:
    """Values for each row, repeated along the dimensions that the column lacks."""
    own = column.transpose(*(dim for dim in order if dim in column.dims)).values
    apart = own.reshape([sizes[dim] if dim in column.dims else 1 for dim in order])
    values = np.broadcast_to(apart, [sizes[dim] for dim in order]).reshape(-1)  # [row]
    if values.dtype.kind == "M":
        return values.astype("datetime64[ms]")
    return values.astype(object) if values.dtype.kind in "OUT" else values
