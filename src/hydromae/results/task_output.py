"""Where a task's result goes: a netCDF file, or a table made of one."""

from collections.abc import Callable
from pathlib import Path

import xarray as xr

from hydromae.base.errors import ConfigError
from hydromae.base.files import atomic_path
from hydromae.results.result_file import TABLES, write_table


def check_output(path: Path, grids: bool = False) -> None:
    """Raise ConfigError for a suffix that is no format of a result, or a table that is to hold grids."""
    if path.suffix not in (".nc", *TABLES):
        raise ConfigError(f"{path}: what format to write is told by the suffix; take one of .nc, {', '.join(TABLES)}")
    if grids and path.suffix in TABLES:
        raise ConfigError(f"{path}: a table holds series; write grids to a netCDF file (.nc)")


def write_streamed(output: Path, write: Callable[[Path], None]) -> xr.Dataset:
    """Write a result whole or not at all, in the format of its suffix.

    Args:
        output: .nc, .csv or .parquet.
        write: writes netCDF to a path.

    Returns:
        The netCDF file, opened lazily; of a table, what it holds in memory.

    Raises:
        DataError: the disk refuses.
    """
    with atomic_path(output) as temporary:
        write(temporary)
        if output.suffix not in TABLES:
            result = None
        else:
            table = temporary.with_name(f"{temporary.name}.table")
            try:
                with xr.open_dataset(temporary, engine="h5netcdf") as opened:
                    result = opened.load()
                write_table(table, output.suffix, result)
                table.replace(temporary)
            finally:
                table.unlink(missing_ok=True)
    return xr.open_dataset(output, engine="h5netcdf") if result is None else result
