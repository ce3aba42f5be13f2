"""Small twins of the formats that archives serve: months of HDF5, CF netCDF, CAMELS-GB and NRFA files."""

from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
import pandas as pd
import xarray as xr

from support.sources import MISSING

FILL = 1e20


def write_months(folder: Path, values: np.ndarray, days: np.ndarray, compact: bool = False) -> Path:
    """Values [day, row, column], NaN as -99999, one data set a day in the file of its month."""
    folder.mkdir(exist_ok=True)
    for value, day in zip(np.where(np.isnan(values), MISSING, values), days, strict=True):
        with h5py.File(folder / f"{str(day)[:7]}.h5", "a") as file:
            file[str(day).replace("-", "") if compact else str(day)] = value.astype(values.dtype)
    return folder


def write_netcdf(
    path: Path,
    values: np.ndarray,
    days: np.ndarray,
    south_up: bool = True,
    units: str | None = "mm",
    variable: str = "rainfall",
    calendar: str = "gregorian",
    hour: int = 12,
    classic: bool = False,
    zarr_format: Literal[2, 3] = 3,
    time_attrs: dict[str, str] | None = None,
    attrs: dict[str, str] | None = None,
    chunks: tuple[int, ...] = (1, 4, 6),
    **extra: Any,
) -> Path:
    """Values [day, row from the north, column] as HadUK-Grid has them: fill 1e20, noon stamps, metres.

    A Zarr group where `path` ends in .zarr; otherwise netCDF-4, or classic.
    """
    zarr_encoding = {"_FillValue": FILL, "chunks": chunks}
    y = 2500.0 + 5000 * np.arange(values.shape[1])[::-1]
    x = 2500.0 + 5000 * np.arange(values.shape[2])
    dims = ("time", "projection_y_coordinate", "projection_x_coordinate")
    hours = (days - np.datetime64("1800-01-01")).astype(np.int64) * 24 + hour
    data = xr.Dataset(
        {
            variable: (dims, values.astype(np.float64), ({} if units is None else {"units": units}) | (attrs or {})),
            **extra,
        },
        coords={
            "time": (
                "time",
                hours,
                {"units": "hours since 1800-01-01 00:00:00", "calendar": calendar} | (time_attrs or {}),
            ),
            dims[1]: (dims[1], y, {"units": "m", "axis": "Y"}),
            dims[2]: (dims[2], x, {"units": "m", "axis": "X"}),
        },
    )
    if south_up:
        data = data.isel({dims[1]: slice(None, None, -1)})
    if path.suffix == ".zarr":
        data.to_zarr(path, mode="w", zarr_format=zarr_format, consolidated=False, encoding={variable: zarr_encoding})
    elif classic:
        data.to_netcdf(path, engine="scipy", format="NETCDF3_64BIT", encoding={variable: {"_FillValue": FILL}})
    else:
        data.to_netcdf(path, engine="h5netcdf", encoding={variable: {"_FillValue": FILL}})
    return path


def as_haduk(values: np.ndarray, days: np.ndarray) -> dict[str, Any]:
    """What HadUK-Grid files hold beside the values: bounds of 09:00 to 09:00, projection, latitude and longitude."""
    dims = ("projection_y_coordinate", "projection_x_coordinate")
    begin = (days - np.datetime64("1800-01-01")).astype(np.int64) * 24 + 9
    cells = np.indices(values.shape[1:]).astype(float)
    return {
        "time_bnds": (("time", "bnds"), np.stack([begin, begin + 24], axis=1)),
        "transverse_mercator": ((), 0, {"grid_mapping_name": "transverse_mercator", "false_easting": 400000.0}),
        "latitude": (dims, 50 + cells[0], {"units": "degrees_north", "standard_name": "latitude"}),
        "longitude": (dims, cells[1] - 5, {"units": "degrees_east", "standard_name": "longitude"}),
    }


def write_caravan(
    folder: Path, station: str, days: np.ndarray, columns: dict[str, np.ndarray], said: str | None = None
) -> Path:
    """One station; `said` is the file's text `Units`, by default that of the data set's own files."""
    folder.mkdir(exist_ok=True)
    text = "\n".join(["total_precipitation: Total precipitation [mm]", "streamflow: Observed streamflow [mm/d]"])
    data = xr.Dataset(
        {name: ("date", values) for name, values in columns.items()},
        coords={"date": days.astype("datetime64[ns]")},
        attrs={"Timezone": "Europe/London", "Units": text if said is None else said},
    )
    data.to_netcdf(folder / f"{station}.nc", engine="h5netcdf")
    return folder / f"{station}.nc"


def write_camels(folder: Path, station: str, days: np.ndarray, columns: dict[str, np.ndarray]) -> Path:
    folder.mkdir(exist_ok=True)
    first, last = (str(day).replace("-", "") for day in (days[0], days[-1]))
    path = folder / f"CAMELS_GB_hydromet_timeseries_{station}_{first}-{last}.csv"
    pd.DataFrame({"date": days.astype(str), **columns}).to_csv(path, index=False, na_rep="NaN")
    return path


def write_nrfa(
    path: Path,
    station: str,
    days: np.ndarray,
    values: np.ndarray,
    units: str = "m3/s",
    period: str = "day (P1D)",
    name: str = "",
) -> Path:
    """NaN as blank; every third row with a flag."""
    header = [
        "file,timestamp,2024-04-27T15:33:00",
        f"station,id,{station}",
        *([f'station,name,"{name}"'] if name else []),
        'station,descriptionGeneral,"Two lines,\nand a comma."',
        "dataType,id,gdf",
        f"dataType,units,{units}",
        f"dataType,period,{period}",
        f"data,first,{days[0]}",
        f"data,last,{days[-1]}",
    ]
    texts = ["" if np.isnan(value) else f"{value:.3f}" for value in values]
    rows = [f"{day},{text}{',E' if i % 3 == 0 else ''}" for i, (day, text) in enumerate(zip(days, texts, strict=True))]
    path.write_text("\n".join([*header, *rows]) + "\n")
    return path
