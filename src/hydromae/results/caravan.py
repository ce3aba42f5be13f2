"""A store as folders of Caravan (Kratzert et al. 2023, Sci. Data 10, 61), which neuralhydrology and others read."""

import re
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr

from hydromae.base.areas import MM_PER_DAY, is_flow
from hydromae.base.errors import ConfigError, DataError
from hydromae.base.files import atomic_directory
from hydromae.base.given import Names, Span
from hydromae.base.units import conversion
from hydromae.base.version import VERSION
from hydromae.results.export import Progress, selected
from hydromae.results.target import inputs_of, refuse_inputs
from hydromae.store.store import Store

# Our modalities -> Caravan's variables and their units; others keep their names and units.
_VARIABLES: Final = {
    "riverflow": ("streamflow", "mm/d"),
    "precip": ("total_precipitation_sum", "mm/d"),
    "evap": ("potential_evaporation_sum", "mm/d"),
    "temp": ("temperature_2m_mean", "degC"),
}
_PLACES: Final = {"station_name": "gauge_name", "latitude": "gauge_lat", "longitude": "gauge_lon", "area": "area"}


def export_caravan(
    store: Store | str | Path,
    folder: str | Path,
    source: str,
    names: Names | None = None,
    period: Span | None = None,
    stations: Names | None = None,
    overwrite: bool = False,
    on_progress: Progress | None = None,
) -> Path:
    """Write the series and attributes of a store as Caravan lays them out.

    `timeseries/netcdf/<source>/<source>_<id>.nc` and `timeseries/csv/<source>/<source>_<id>.csv` hold `date` and a
    variable for each series, under Caravan's names and in its units: flow in mm/d. The table
    `attributes/<source>/attributes_other_<source>.csv` holds `gauge_id`, `gauge_name`, `gauge_lat`, `gauge_lon` and
    `area`, as far as they are known, and every other attribute under its own name.

    Args:
        store: the store or its directory.
        folder: the top folder, which does not exist yet.
        source: name of the collection, letters and digits.
        names: the series; None is all.
        period: first and last day; None is all.
        stations: ids; None is all.
        overwrite: is refused, since a folder of hundreds of files is not replaced.
        on_progress: called with what is being written and the share that is done.

    Returns:
        `folder`.

    Raises:
        ConfigError: the source's name cannot be used, flow in m3/s has no areas, or the choice does not fit the store.
        DataError: the folder exists, the disk refuses, or an id cannot be the name of a file.
    """
    folder, store = Path(folder), store if isinstance(store, Store) else Store.open(store)
    report = on_progress or (lambda stage, done: None)
    if not re.fullmatch(r"[A-Za-z0-9]+", source):
        raise ConfigError(
            f"{source!r} cannot name a source of Caravan; give letters and digits, as camelsgb (--caravan)"
        )
    refuse_inputs(folder, inputs_of(store))
    if folder.exists() or overwrite:
        raise DataError(f"{folder}: a folder of Caravan files is not replaced; remove it, or give another path")
    store.verify_small_files()
    data = _in_units(store, selected(store, names, period, stations, True))
    ids = [_gauge_id(str(station), source) for station in data["station"].values]
    series = [name for name, variable in data.data_vars.items() if "time" in variable.dims]
    values = data[series].load().rename(time="date")
    with atomic_directory(folder) as temporary:
        arrays, tables = (temporary / "timeseries" / kind / source for kind in ("netcdf", "csv"))
        places = temporary / "attributes" / source
        for path in (arrays, tables, places):
            path.mkdir(parents=True)
        for number, gauge in enumerate(ids):
            report(f"station {gauge}", number / len(ids))
            one = values.isel(station=number, drop=True)
            one = one.drop_vars([name for name in one.coords if name != "date"])
            kept = {name: {key: variable.attrs[key] for key in ("units", "long_name") if key in variable.attrs}
                    for name, variable in one.data_vars.items()}  # fmt: skip
            for name, attributes in kept.items():
                one[name].attrs = attributes
            said = "\n".join(f"{name}: [{attributes.get('units', '1')}]" for name, attributes in kept.items())
            one.attrs = {"source": f"hydromae {VERSION}", "Units": said}
            encoding = {"date": {"units": "days since 1970-01-01", "dtype": "int64"}}
            one.to_netcdf(arrays / f"{gauge}.nc", engine="h5netcdf", encoding=encoding)
            frame = one.to_dataframe()[[str(name) for name in series]]
            frame.to_csv(tables / f"{gauge}.csv", date_format="%Y-%m-%d")
        _attributes(data, ids).to_csv(places / f"attributes_other_{source}.csv", index=False)
        report("attributes", 1.0)
    return folder


def _in_units(store: Store, data: xr.Dataset) -> xr.Dataset:
    """The series under Caravan's names and in its units."""
    for name in [str(name) for name, variable in data.data_vars.items() if "time" in variable.dims]:
        if name not in _VARIABLES:
            continue
        variable, units = _VARIABLES[name]
        given = str(data[name].attrs["units"])
        if is_flow(given):
            if "area" not in data:
                raise ConfigError(
                    f"{store.path}: has {name} in {given} and no areas, from which mm/d come; prepare it with "
                    f"data.attributes.area, or leave {name} out (--names)"
                )
            converted = data[name] * (MM_PER_DAY / data["area"])
        else:
            try:
                factor, offset = conversion(given, units)
            except ValueError as error:
                raise ConfigError(f"{store.path}: {name} is in {given}, but Caravan has {units} ({error})") from None
            converted = data[name] * factor + offset
        attributes = {**data[name].attrs, "units": units}
        data[name] = converted.astype(np.float32).transpose("time", "station").assign_attrs(attributes)
        data = data.rename({name: variable})
    return data


def _gauge_id(station: str, source: str) -> str:
    if re.search(r"[/\\\0]", station):
        raise DataError(f"station {station} cannot be the name of a file; leave it out, or rename it")
    return station if station.startswith(f"{source}_") else f"{source}_{station}"


def _attributes(data: xr.Dataset, ids: list[str]) -> pd.DataFrame:
    """A row for each station: what Caravan has of all gauges first."""
    columns = {"gauge_id": ids}
    of_stations = {str(name): variable for name, variable in data.variables.items() if variable.dims == ("station",)}
    of_stations.pop("station", None)
    for name in [*(name for name in _PLACES if name in of_stations), *(n for n in of_stations if n not in _PLACES)]:
        columns[_PLACES.get(name, str(of_stations[name].attrs.get("long_name", name)))] = list(of_stations[name].values)
    return pd.DataFrame(columns)
