"""The readers that come with the package, in the order in which they are asked: the most specific come first."""

from functools import partial

from hydromae.config import Kind
from hydromae.readers.camels import is_camels, open_camels
from hydromae.readers.camels_gb import is_camels_gb, open_camels_gb
from hydromae.readers.camels_layouts import LAYOUTS, Layout
from hydromae.readers.caravan import is_caravan, open_caravan
from hydromae.readers.engine_grid import open_engine_grid
from hydromae.readers.hdf5_grid import is_hdf5_grid, open_hdf5_grid
from hydromae.readers.labelled_series import (
    is_netcdf_series,
    open_engine_series,
    open_netcdf_series,
    open_zarr_series,
)
from hydromae.readers.monthly_hdf5 import is_monthly_hdf5, month_files, open_monthly_hdf5
from hydromae.readers.netcdf_grid import is_netcdf_grid, open_netcdf_grid
from hydromae.readers.nrfa_gdf import is_nrfa_gdf, open_nrfa_gdf
from hydromae.readers.reader import Reader, files_accepted
from hydromae.readers.table import is_table, open_table
from hydromae.readers.time_rules import TimeRules
from hydromae.readers.zarr_grid import is_zarr, open_zarr_grid
from hydromae.readers.zarr_places import zarr_files


def _of_layout(layout: Layout) -> Reader:
    """The reader of one kind of file of the CAMELS family."""
    accepts = partial(is_camels, layout=layout)
    return Reader(
        layout.name,
        "series",
        f"a file of {layout.title} ({layout.name}){'' if layout.wide else ' or a folder of them'}",
        accepts,
        lambda paths, request: open_camels(paths, request.variable, layout),
        files_accepted(accepts),
        joins_stations=not layout.wide,
    )


# Asked only where the settings name an engine.
ENGINES: dict[Kind, Reader] = {
    "grid": Reader(
        "xarray",
        "grid",
        "what an engine of xarray opens",
        lambda path: "",
        lambda paths, request: open_engine_grid(
            paths[0],
            str(request.settings.engine),
            request.settings.variable,
            request.settings.allow_absent_days,
            TimeRules.of(request.settings),
        ),
    ),
    "series": Reader(
        "xarray",
        "series",
        "what an engine of xarray opens",
        lambda path: "",
        lambda paths, request: open_engine_series(paths[0], request),
    ),
}
READERS = (
    Reader(
        "monthly_hdf5",
        "grid",
        "a folder of months, YYYY-MM.h5",
        is_monthly_hdf5,
        lambda paths, request: open_monthly_hdf5(paths[0], request.settings.allow_absent_days),
        month_files,
        whole_folder=True,
    ),
    Reader(
        "zarr_grid",
        "grid",
        "a Zarr group with time, y and x, a folder, a .zip file or an icechunk repository",
        is_zarr,
        lambda paths, request: open_zarr_grid(
            paths[0], request.settings.variable, request.settings.allow_absent_days, TimeRules.of(request.settings)
        ),
        zarr_files,
        whole_folder=True,
    ),
    Reader(
        "netcdf_grid",
        "grid",
        "netCDF with time, y and x or a folder of them",
        is_netcdf_grid,
        lambda paths, request: open_netcdf_grid(
            paths[0], request.settings.variable, request.settings.allow_absent_days, TimeRules.of(request.settings)
        ),
        files_accepted(is_netcdf_grid),
    ),
    Reader(
        "hdf5_grid",
        "grid",
        "an HDF5 file with data and dates",
        is_hdf5_grid,
        lambda paths, request: open_hdf5_grid(
            paths[0],
            request.settings.variable,
            request.start,
            request.settings.allow_absent_days,
            request.settings.daily is not None,
        ),
    ),
    Reader(
        "camels_gb",
        "series",
        "CAMELS_GB_hydromet_timeseries_<id>_<first>-<last>.csv or a folder of them",
        is_camels_gb,
        lambda paths, request: open_camels_gb(paths, request.variable),
        files_accepted(is_camels_gb),
        joins_stations=True,
    ),
    *map(_of_layout, LAYOUTS),
    Reader(
        "nrfa_gdf",
        "series",
        "a CSV of the NRFA that begins with file,timestamp or a folder of them",
        is_nrfa_gdf,
        lambda paths, request: open_nrfa_gdf(paths),
        files_accepted(is_nrfa_gdf),
        joins_stations=True,
    ),
    Reader(
        "caravan",
        "series",
        "a netCDF of one station over date, <source>_<gauge>.nc, or a folder of them",
        is_caravan,
        lambda paths, request: open_caravan(paths, request.variable),
        files_accepted(is_caravan),
        joins_stations=True,
    ),
    Reader(
        "netcdf_series",
        "series",
        "netCDF with a variable over time and stations or a folder of them",
        is_netcdf_series,
        lambda paths, request: open_netcdf_series(paths[0], request),
        files_accepted(is_netcdf_series),
    ),
    Reader(
        "zarr_series",
        "series",
        "a Zarr group with a variable over time and stations, a folder, a .zip file or an icechunk repository",
        is_zarr,
        lambda paths, request: open_zarr_series(paths[0], request),
        zarr_files,
        whole_folder=True,
    ),
    Reader(
        "table",
        "series",
        "a table, .parquet or .csv",
        is_table,
        lambda paths, request: open_table(
            paths[0],
            request.variable,
            request.settings.date_column,
            request.settings.id_column,
            request.settings.layout,
            request.known,
            request.settings.daily is not None,
        ),
    ),
)
