"""The same few daily values in every format that dates them by stamps, whatever the stamps are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import xarray as xr

from hydromae.config.read import build_config
from hydromae.sources.source import Source, open_source
from support.readers_sources import write_nrfa

DAYS = np.arange(np.datetime64("1999-09-28"), np.datetime64("1999-10-08"))
VALUES = np.arange(1.0, 11.0)
_EPOCH = np.datetime64("1970-01-01", "ns")


def texts(stamps: np.ndarray, digits: int = 3) -> list[str]:
    """As YYYY-MM-DD HH:MM:SS.fff, cut off."""
    return [str(stamp).replace("T", " ")[: 20 + digits] for stamp in stamps.astype("datetime64[ns]")]


def grid(stamps: np.ndarray) -> xr.Dataset:
    """Rain over days in floating point, rows and columns."""
    days = (stamps.astype("datetime64[ns]") - _EPOCH).astype(np.int64) / 86400e9
    return xr.Dataset(
        {"rain": (("time", "y", "x"), np.tile(VALUES[: len(stamps), None, None], (1, 2, 2)), {"units": "mm"})},
        {"time": ("time", days, {"units": "days since 1970-01-01"}), "y": [2.0, 1.0], "x": [1.0, 2.0]},
    )


def long_table(stamps: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"date": stamps.astype("datetime64[us]"), "ID": 7, "rain": VALUES[: len(stamps)]})


def _netcdf(path: Path, stamps: np.ndarray) -> None:
    grid(stamps).to_netcdf(path, engine="h5netcdf")


def _classic(path: Path, stamps: np.ndarray) -> None:
    grid(stamps).to_netcdf(path, engine="scipy")


def _zarr(path: Path, stamps: np.ndarray) -> None:
    grid(stamps).to_zarr(path, zarr_format=2, consolidated=False)


def _hdf5(path: Path, stamps: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        file["data"] = grid(stamps)["rain"].values
        file["dates"] = np.array(texts(stamps), "S")


def _months(path: Path, stamps: np.ndarray) -> None:
    path.mkdir()
    for text, value in zip(texts(stamps), grid(stamps)["rain"].values, strict=True):
        with h5py.File(path / f"{text[:7]}.h5", "a") as file:
            file[text] = value


def _csv(path: Path, stamps: np.ndarray) -> None:
    long_table(stamps).assign(date=texts(stamps)).to_csv(path, index=False)


def _wide(path: Path, stamps: np.ndarray) -> None:
    long_table(stamps).assign(date=texts(stamps))[["date", "rain"]].rename(columns={"rain": "7"}).to_csv(
        path, index=False
    )


def _parquet(path: Path, stamps: np.ndarray) -> None:
    long_table(stamps).to_parquet(path, index=False)


def _camels(path: Path, stamps: np.ndarray) -> None:
    pd.DataFrame({"date": texts(stamps), "rain": VALUES[: len(stamps)]}).to_csv(path, index=False)


def _nrfa(path: Path, stamps: np.ndarray) -> None:
    write_nrfa(path, "7", np.array(texts(stamps)), VALUES[: len(stamps)], units="mm")


def _caravan(path: Path, stamps: np.ndarray) -> None:
    data = grid(stamps).isel(y=0, x=0, drop=True).rename(time="date")
    data["rain"].attrs["units"] = "mm"
    data.to_netcdf(path, engine="h5netcdf")


Writer = Callable[[Path, np.ndarray], None]
# name -> kind, path, how it is written
FORMATS: dict[str, tuple[str, str, Writer]] = {
    "netcdf": ("grid", "a.nc", _netcdf),
    "classic": ("grid", "a.nc", _classic),
    "zarr": ("grid", "a.zarr", _zarr),
    "hdf5": ("grid", "a.h5", _hdf5),
    "months": ("grid", "months", _months),
    "csv": ("series", "a.csv", _csv),
    "wide": ("series", "a.csv", _wide),
    "parquet": ("series", "a.parquet", _parquet),
    "camels": ("series", "CAMELS_GB_hydromet_timeseries_7_19990928-19991007.csv", _camels),
    "nrfa": ("series", "7_gdf.csv", _nrfa),
    "caravan": ("series", "lamah_7.nc", _caravan),
}


def written(name: str, root: Path, stamps: np.ndarray) -> Path:
    """A file or folder of the format, its values those of DAYS in order."""
    path = root / FORMATS[name][1]
    FORMATS[name][2](path, stamps)
    return path


def opened(name: str, root: Path, **settings: Any) -> Source:
    """What was written, as `prepare` opens it."""
    kind, path, _ = FORMATS[name]
    variable = {"variable": "rain"} if name not in ("hdf5", "months") else {}
    modality = {"kind": kind, "units": "mm", "paths": path, **variable, **settings}
    config = build_config({"data": {"modalities": {"rain": modality}}})
    return open_source("rain", config.data.modalities["rain"], root, ())


def held(source: Source) -> np.ndarray:
    """Its values on DAYS, at the first place."""
    return source.read(DAYS[0], len(DAYS)).reshape(len(DAYS), -1)[:, 0]
