"""Daily series as Caravan has them (Kratzert et al. 2023, Sci. Data 10, 61): one netCDF a station."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.base.units import same_units
from hydromae.readers.cf_time import is_time, stamps_of
from hydromae.readers.files import require_file
from hydromae.readers.guard import reading
from hydromae.readers.hdf5_file import data_sets, open_hdf5
from hydromae.readers.netcdf_file import classic_version, open_netcdf
from hydromae.readers.station_files import StationFile, join_stations

DATE = "date"
_STATISTIC = re.compile(r"_(mean|min|max|sum)$")


def is_caravan(path: Path) -> str:
    """What makes a netCDF file one station's series: the dimension `date` and variables over it only."""
    if not path.is_file() or path.suffix != ".nc":
        return ""
    try:
        if classic_version(path):
            with open_netcdf(path) as data:
                flat = all(item.ndim < 2 for item in data.data_vars.values())
                series = [name for name, item in data.data_vars.items() if item.dims == (DATE,)]
        else:
            with open_hdf5(path) as file:
                by_name = data_sets(path, file)
                flat = all(item.ndim < 2 for item in by_name.values())
                shape = by_name[DATE].shape if DATE in by_name else None
                series = [n for n, item in by_name.items() if n != DATE and item.ndim == 1 and item.shape == shape]
    except DataError:
        return ""
    return f"a netCDF of station {path.stem}, {len(series)} variables over date" if flat and series else ""


def open_caravan(paths: Sequence[Path], variable: str) -> xr.DataArray:
    """Read one variable of the files of several stations.

    Args:
        paths: `<source>_<gauge>.nc`, one a station, whose id is the file's name without `.nc`.
        variable: streamflow (mm/d), total_precipitation_sum, potential_evaporation_sum, ...

    Returns:
        float32 [time, station] from the first to the last day of all files, NaN where missing or absent; the attribute
        `units` where the variable, or the file's text `Units`, gives them.

    Raises:
        DataError: a file is absent or damaged, has no such variable over `date`, a day twice or other units than the
            file before, or two files hold the same station.
    """
    files, units = [], []
    for path in paths:
        with open_netcdf(require_file(path)) as data, reading(path):
            files.append(_station(path, data, variable))
            units.append(_units(data, variable))
    for path, unit in zip(paths, units, strict=True):
        if not same_units(unit, units[0]):
            raise DataError(f"{path}: {variable} is in {unit!r}, but in {paths[0]} in {units[0]!r}; bring them to one")
    series = join_stations(files, variable)
    if units[0]:
        series.attrs["units"] = units[0]
    return series


def _station(path: Path, data: xr.Dataset, variable: str) -> StationFile:
    if DATE not in data.variables or not is_time(data[DATE]):
        raise DataError(f"{path}: has no date with units `days since ...`; download the file again")
    series = [str(n) for n, item in data.data_vars.items() if item.dims == (DATE,) and item.dtype.kind in "iuf"]
    if variable not in series:
        near = difflib.get_close_matches(variable, series, n=1)
        hint = f"did you mean {near[0]}?" if near else "name another with the modality's key variable"
        raise DataError(f"{path}: has no {variable} over {DATE}, only {', '.join(series[:10]) or 'none'}; {hint}")
    stamps = stamps_of(path, data[DATE])
    with np.errstate(all="ignore"):  # beyond float32 becomes inf, which is found and named later
        return StationFile(path, path.stem, stamps, data[variable].values.astype(np.float32))


def _units(data: xr.Dataset, variable: str) -> str:
    """The units that the variable has, or those in brackets after its name in the text `Units` of the file.

    That text has the name without an ending as `_mean`.
    """
    if "units" in data[variable].attrs:
        return str(data[variable].attrs["units"])
    for name in (variable, _STATISTIC.sub("", variable)):
        said = re.search(rf"\b{re.escape(name)}\b[^\[\]\n]*\[([^\[\]\n]*)\]", str(data.attrs.get("Units", "")))
        if said:
            return said[1].strip()
    return ""
