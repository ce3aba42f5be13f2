"""Results as files: the suffix says which kind, and nothing partial is left behind."""

from pathlib import Path

import numpy as np
import xarray as xr

from hydromae.base.errors import ConfigError
from hydromae.base.files import atomic_directory, atomic_path
from hydromae.prediction.trained_for import FLAG, flag_of

SUFFIXES = (".nc", ".zarr", ".csv", ".parquet")


def require_known_suffix(path: Path) -> None:
    """Refuse a file of no known kind before any work.

    Raises:
        ConfigError: the suffix is not one of `SUFFIXES`.
    """
    if path.suffix not in SUFFIXES:
        raise ConfigError(f"{path}: cannot be written; give a name that ends in {', '.join(SUFFIXES)}")


def write_result(result: xr.Dataset, path: Path) -> None:
    """Write a data set as netCDF, Zarr, or a long table in CSV or parquet, one row a station and time.

    A table has a column for each variable; one with quantiles has a column for each level, as `riverflow_q0.05`; and,
    since it has no attributes, one that says what the runs were not trained for, where there is such.

    Raises:
        ConfigError: the suffix is not one of `SUFFIXES`.
        DataError: the disk refuses.
    """
    require_known_suffix(path)
    if path.suffix == ".zarr":
        with atomic_directory(path) as folder:
            result.to_zarr(folder, mode="w", zarr_format=3, consolidated=False)
        return
    with atomic_path(path) as temporary:
        if path.suffix == ".nc":
            result.to_netcdf(temporary, engine="h5netcdf")
        else:
            table = _columns(result).to_dataframe().reset_index()
            if (said := flag_of(result.attrs)) is not None:
                table[FLAG] = said
            if path.suffix == ".csv":
                table.to_csv(temporary, index=False, float_format="%.6g", date_format="%Y-%m-%d")
            else:
                table.to_parquet(temporary, index=False)


def _columns(result: xr.Dataset) -> xr.Dataset:
    """One variable a quantile, and no coordinate that repeats what the station's id says."""
    flat = result.drop_vars([name for name in ("latitude", "longitude") if name in result.coords])
    for name in [name for name in flat.data_vars if "quantile" in flat[name].dims]:
        for level in flat["quantile"].values:
            column = f"{str(name).removesuffix('_quantiles')}_q{np.round(level, 4):g}"
            flat[column] = flat[name].sel(quantile=level, drop=True)
        flat = flat.drop_vars([name])
    return flat.drop_vars("quantile", errors="ignore")
