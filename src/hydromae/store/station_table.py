"""What is known of the stations of a data set, as a table."""

import numpy as np
import pandas as pd
import xarray as xr

from hydromae.base.errors import DataError


def station_table(data: xr.Dataset) -> pd.DataFrame:
    """Coordinates, area and attributes of the stations of `open_store`, a row a station.

    Args:
        data: has the dimension `station`; only its numeric variables and coordinates of this one dimension are taken.

    Returns:
        float64 columns under their names in the data set, among them `latitude` and `longitude` in degrees and `area`
        in km2 (from `catchment_area` where there is no `area`) as far as they are known; the index is the ids as text.

    Raises:
        DataError: the data set has no stations.
    """
    if "station" not in data.dims:
        raise DataError("the data set has no dimension station; give one that has series")
    columns = {
        str(name): values.values.astype(np.float64)
        for name, values in data.variables.items()
        if values.dims == ("station",) and np.issubdtype(values.dtype, np.number)
    }
    if "area" not in columns and "catchment_area" in columns:
        columns["area"] = columns["catchment_area"]
    ids = pd.Index([str(station) for station in data["station"].values], name="station")
    return pd.DataFrame(columns, index=ids)


def require_columns(stations: pd.DataFrame, columns: tuple[str, ...], purpose: str) -> None:
    """Raise DataError, naming the first station, unless each column is there with a finite value for every station."""
    for column in columns:
        if column not in stations:
            raise DataError(f"the table of stations has no {column}, which {purpose} needs; add the column")
        unknown = stations.index[~np.isfinite(stations[column].to_numpy(np.float64))]
        if len(unknown):
            raise DataError(
                f"station {unknown[0]} has no {column}, which {purpose} needs; give it, or leave the station out"
            )
