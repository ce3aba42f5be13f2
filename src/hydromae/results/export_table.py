"""Series as a long table: a row a day and station, a column a series."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xarray as xr

_ROWS = 1 << 18


def write_csv(path: Path, series: xr.Dataset, report: Callable[[float], None]) -> None:
    """Write `date` as YYYY-MM-DD, `ID` and the columns, each float32 with as many digits as tell it; missing is blank.

    Args:
        path: the file, written anew.
        series: [time, station] each; variables over other dimensions are left out.
        report: called with the share that is done.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        header = True
        for block, done in _blocks(series):
            block.to_pandas().to_csv(file, index=False, header=header, date_format="%Y-%m-%d")
            header = False
            report(done)


def write_parquet(path: Path, series: xr.Dataset, report: Callable[[float], None]) -> None:
    """Write `date` (timestamp), `ID` (text) and the columns (float32, null is missing), with units in their metadata.

    Args: as `write_csv`.
    """
    writer: pq.ParquetWriter | None = None
    try:
        for block, done in _blocks(series):
            writer = writer or pq.ParquetWriter(path, block.schema, compression="zstd")
            writer.write_table(block)
            report(done)
    finally:
        if writer is not None:
            writer.close()


def _blocks(series: xr.Dataset) -> Iterator[tuple[pa.Table, float]]:
    """Some days of the table, and the share that is done with them."""
    names = [str(name) for name, variable in series.data_vars.items() if variable.dims == ("time", "station")]
    ids = pa.array([str(i) for i in series["station"].values], pa.string())
    schema = pa.schema(
        [("date", pa.timestamp("ms")), ("ID", pa.string())]
        + [
            pa.field(n, pa.float32(), metadata={key: series[n].attrs[key] for key in ("units", "long_name")})
            for n in names
        ]
    )
    days = series["time"].values.astype("datetime64[D]")
    size = max(1, _ROWS // len(ids))
    for first in range(0, len(days), size):
        some = days[first : first + size]
        columns = [series[name][first : first + size].values.reshape(-1) for name in names]  # [day * station]
        table = pa.Table.from_arrays(
            [
                pa.array(np.repeat(some.astype("datetime64[ms]"), len(ids))),
                ids.take(pa.array(np.tile(np.arange(len(ids)), len(some)))),
                *(pa.array(column, mask=np.isnan(column)) for column in columns),
            ],
            schema=schema,
        )
        yield table, (first + len(some)) / len(days)
