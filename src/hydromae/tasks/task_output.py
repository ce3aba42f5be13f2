"""Where a task's result goes: a netCDF file, or a table made of one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import xarray as xr

from hydromae.errors import ConfigError
from hydromae.files import atomic_path
from hydromae.tasks.result_file import TABLES, write_table


def check_output(path: Path, grids: bool = False) -> None:
    """Raise ConfigError for a suffix that is no format of a result, or a table that is to hold grids."""
    if path.suffix not in (".nc", *TABLES):
        raise ConfigError(f"{path}: what format to write is told by the suffix; take one of .nc, {', '.join(TABLES)}")
    if grids and path.suffix in TABLES:
        raise ConfigError(f"{path}: a table holds series; write grids to a netCDF file (.nc)")


@contextmanager
def result_path(output: Path) -> Iterator[Path]:
    """A path to write netCDF to; afterwards the output is there whole, in the format of its suffix.

    Raises:
        DataError: the disk refuses.
    """
    with atomic_path(output) as temporary:
        yield temporary
        if output.suffix in TABLES:
            table = temporary.with_name(f"{temporary.name}.table")
            try:
                with xr.open_dataset(temporary, engine="h5netcdf") as result:
                    write_table(table, output.suffix, result)
                table.replace(temporary)
            finally:
                table.unlink(missing_ok=True)
