"""Looks at series over time and stations in netCDF and Zarr, without reading their values."""

from pathlib import Path, PurePosixPath

import numpy as np
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.init.found import Candidate, LeftOut, as_date
from hydromae.readers.cf_series import cf_series, identified
from hydromae.readers.guard import reading
from hydromae.readers.opened import opened_netcdf, opened_zarr


def look_at_labelled_series(path: Path, given: str, grids: str) -> tuple[list[Candidate], list[LeftOut]]:
    """Every variable over time and stations, and those that cannot be read.

    Args:
        path: the file or folder.
        given: the same path as the configuration will name it.
        grids: the reader of the grids in such files: netcdf_grid or zarr_grid.
    """
    opened = opened_netcdf(path) if grids == "netcdf_grid" else opened_zarr(path, texts=True)
    candidates, left_out = [], []
    with opened.data, reading(path):
        for name in identified(opened.data):
            try:
                series = cf_series(opened, name, read=False)
                candidates.append(_candidate(series, given, grids.replace("grid", "series")))
            except DataError as error:
                left_out.append(LeftOut(f"{given}: {name}", str(error).removeprefix(f"{path}: ")))
    return candidates, left_out


def _candidate(series: xr.DataArray, given: str, reader: str) -> Candidate:
    days = series["time"].values.astype("datetime64[D]")
    texts = [str(series.attrs.get(key, "")) for key in ("standard_name", "long_name")]
    units, stations = series.attrs.get("units"), tuple(str(station) for station in series["station"].values)
    return Candidate(
        path=given,
        files=(),
        reader=reader,
        kind="series",
        variable=str(series.name),
        names=(str(series.name), *texts, PurePosixPath(given).stem),
        units=None if units is None else str(units),
        first=as_date(days[0]),
        last=as_date(days[-1]),
        n_days=int((days[-1] - days[0]) / np.timedelta64(1, "D")) + 1,
        stations=stations,
        n_stations=len(stations),
    )
