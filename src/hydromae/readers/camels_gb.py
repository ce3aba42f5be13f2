"""Daily series of CAMELS-GB (Coxon et al. 2020, Earth Syst. Sci. Data 12, 2459): one CSV a station."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.base.stamps import stamps_of_texts
from hydromae.readers.files import first_line, require_file
from hydromae.readers.guard import reading
from hydromae.readers.station_files import StationFile, join_stations

DATE = "date"
# The files do not name their units: these are from the description of the data set.
UNITS = {
    "precipitation": "mm/d",
    "pet": "mm/d",
    "peti": "mm/d",
    "temperature": "degC",
    "discharge_spec": "mm/d",
    "discharge_vol": "m3/s",
    "humidity": "g/kg",
    "shortwave_rad": "W/m2",
    "longwave_rad": "W/m2",
    "windspeed": "m/s",
}
_NAME = re.compile(r"CAMELS_GB_hydromet_timeseries_(?P<station>[A-Za-z0-9]+)_\d{8}-\d{8}\.csv")


def is_camels_gb(path: Path) -> str:
    """What makes a file one station's series: its name, which holds the id, and a header that begins with `date`."""
    named = _NAME.fullmatch(path.name)
    if not named or not path.is_file() or first_line(path).split(",")[0] != DATE:
        return ""
    return f"a CAMELS-GB file of station {named['station']}, by its name and header"


def open_camels_gb(paths: Sequence[Path], variable: str) -> xr.DataArray:
    """Read one variable of the CSVs of several stations.

    Args:
        paths: `CAMELS_GB_hydromet_timeseries_<id>_<first>-<last>.csv`, one a station.
        variable: the column: precipitation, pet, temperature, discharge_spec, discharge_vol, ...

    Returns:
        float32 [time, station] from the first to the last day of all files, NaN where blank, NaN or absent; the
        attribute `units` where the data set's description gives them.

    Raises:
        DataError: a file is absent or unreadable, its name holds no id, it has no such column, a day is twice in it,
            or two files hold the same station.
    """
    series = join_stations([_read(require_file(path), variable) for path in paths], variable)
    if variable in UNITS:
        series.attrs["units"] = UNITS[variable]
    return series


def _read(path: Path, variable: str) -> StationFile:
    named = _NAME.fullmatch(path.name)
    if named is None:
        raise DataError(
            f"{path}: its name does not say which station it is; "
            f"name it CAMELS_GB_hydromet_timeseries_<id>_<first day>-<last day>.csv"
        )
    columns = first_line(path).split(",")
    for column in (DATE, variable):
        if column not in columns:
            near = difflib.get_close_matches(column, columns, n=1)
            hint = f"did you mean {near[0]}?" if near else "name another with the modality's key variable"
            raise DataError(f"{path}: has no column {column}, only {', '.join(columns)}; {hint}")
    options = pa.csv.ConvertOptions(
        column_types={DATE: pa.string(), variable: pa.float64()},
        include_columns=[DATE, variable],
        strings_can_be_null=True,
        null_values=["", "NA", "NaN", "nan"],
    )
    with reading(path, advice="correct it or download it again"):
        table = pa.csv.read_csv(path, convert_options=options)
    dates, values = table.column(0), table.column(1)
    if dates.null_count:
        raise DataError(f"{path}: column {DATE} is blank in {dates.null_count} rows; give every row its date")
    stamps = stamps_of_texts(dates.to_pylist())
    if (wrong := np.flatnonzero(np.isnat(stamps))).size:
        text = dates[int(wrong[0])].as_py()[:64]
        raise DataError(
            f"{path}: cannot be read ({DATE} holds {text!r}, no date as YYYY-MM-DD); correct it or download it again"
        )
    with np.errstate(over="ignore"):  # beyond float32 becomes inf, which is found and named later
        return StationFile(path, named["station"], stamps, values.to_numpy().astype(np.float32))
