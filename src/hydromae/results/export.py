"""A store as files that other tools open: netCDF, Zarr, and long tables."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import xarray as xr

from hydromae.base.errors import ConfigError, DataError
from hydromae.base.given import Names, Span, as_names, as_period
from hydromae.base.station_ids import id_texts, places_among
from hydromae.results.address import check_address, zarr_address, zarr_at_address
from hydromae.results.target import TABLES, check_target, inputs_of
from hydromae.results.write import write_result, write_zarr
from hydromae.store.store import Store
from hydromae.store.view import open_store

Progress = Callable[[str, float], None]


def export(
    store: Store | str | Path,
    path: str | Path,
    names: Names | None = None,
    period: Span | None = None,
    stations: Names | None = None,
    overwrite: bool = False,
    on_progress: Progress | None = None,
) -> Path:
    """Write a store, or part of it, to one file.

    Memory does not grow with the number of days, and no partial file is left; at an address no partial group that
    could be opened.

    Args:
        store: the store or its directory.
        path: .nc (netCDF-4) and .zarr (Zarr v3) hold the data set of `open_store`; .csv and .parquet are long tables
            of the series: `date`, `ID` and a column for each series, with one row for each day and station, blank or
            null where missing. Zarr may go to an address in an object store, as s3://bucket/e.zarr.
        names: the modalities; None is all, or all series in a table.
        period: first and last day, dates or YYYY-MM-DD; None is all.
        stations: ids, in the order of the output; None is all. Grids are written whole.
        overwrite: replace an existing file that hydromae wrote; it stays until the new one is complete.
        on_progress: called with what is being written, or which grids a table leaves out, and the share that is
            done, 0 to 1.

    Returns:
        `path`.

    Raises:
        ConfigError: the suffix is none of these, a modality is not in the store or is no series, or the period is not
            within the store's days.
        DataError: a station is not in the store, the file exists already or cannot be written, or the store was
            changed after it was written.
    """
    address, path = zarr_address(path), Path(path)
    report = on_progress or (lambda stage, done: None)
    store = store if isinstance(store, Store) else Store.open(store)
    if address is None:
        check_target(path, overwrite, inputs_of(store))
    else:
        check_address(address, overwrite)
    store.verify_small_files()  # also those that a table does not need, since it says that it is of this store
    table = path.suffix in TABLES
    data = selected(store, names, period, stations, table)
    if address is not None:
        with zarr_at_address(address) as target:
            write_zarr(data, target, report)
        report("done", 1.0)
        return address
    if table:
        if names is None and (grids := [name for name in store.names if store.kind(name) == "grid"]):
            report(f"leaving out {', '.join(grids)}: a table holds series, grids go to .nc or .zarr", 0.0)
        data = data[[name for name in data.data_vars if name in store.names]]
    write_result(data, path, report=report, replace=overwrite)
    report("done", 1.0)
    return path


def selected(
    store: Store, names: Names | None, period: Span | None, stations: Names | None, series: bool
) -> xr.Dataset:
    """The part of a store's data set that is to be written; arguments and errors of `export`, `series` for no grids."""
    chosen = _stations(store, as_names(stations))
    return _part(store, _names(store, as_names(names), series), _days(store, period), chosen)


def _names(store: Store, names: Sequence[str] | None, table: bool) -> list[str]:
    series = [name for name in store.names if store.kind(name) == "series"]
    if names is None:
        names = series if table else store.names
        if not names:
            raise ConfigError(f"{store.path}: has no series to make a table of; export to .nc or .zarr")
    if not names:
        raise ConfigError(f"no modality is named to export; name some of {', '.join(store.names)}")
    for name in names:
        if name not in store.names:
            near = get_close_matches(name, store.names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(store.names)}"
            raise ConfigError(f"{store.path}: has no modality {name}; {hint}")
        if table and name not in series:
            raise ConfigError(f"{name} is a grid, and a table holds series; export it to .nc or .zarr")
    return list(dict.fromkeys(names))


def _days(store: Store, period: Span | None) -> slice:
    days = as_period(period)
    if days is None:
        return slice(0, store.n_days)
    first, last = (np.datetime64(day, "D") for day in days)
    if not store.days[0] <= first <= last <= store.days[-1]:
        raise ConfigError(
            f"the period {first} to {last} is no part of {store.path}, which has {store.days[0]} to {store.days[-1]}"
        )
    return slice(int((first - store.first_day).astype(int)), int((last - store.first_day).astype(int)) + 1)


def _stations(store: Store, stations: Sequence[str] | None) -> np.ndarray:
    if stations is None:
        return np.arange(len(store.station_ids))
    if not stations:
        raise ConfigError("no station is named to export; name some, or leave the choice of stations out")
    if not store.station_ids:
        raise DataError(f"{store.path}: has no series, so no stations; leave the choice of stations out")
    stations = id_texts(stations, "the stations to export")
    places = places_among(stations, store.station_ids, str(store.path)).tolist()
    for station, place in zip(stations, places, strict=True):
        if place < 0:
            near = get_close_matches(station, store.station_ids, n=1)
            hint = f"did you mean {near[0]}?" if near else f"its stations are {', '.join(store.station_ids[:5])}, ..."
            raise DataError(f"{store.path}: has no station {station}; {hint}")
    return np.array(list(dict.fromkeys(places)))


def _part(store: Store, names: list[str], days: slice, stations: np.ndarray) -> xr.Dataset:
    """The modalities, days and stations, without variables that describe only what is left out."""
    data = open_store(store)
    kinds = {store.kind(name) for name in names}
    unused = {*(() if "grid" in kinds else ("y", "x")), *(() if "series" in kinds else ("station",))}
    dropped = [name for name, variable in data.variables.items() if unused & set(variable.dims)]
    dropped += [name for name in store.names if name not in names]
    dropped += [name for name, variable in data.data_vars.items() if not variable.dims and "grid" not in kinds]
    data = data.drop_vars(list(dict.fromkeys(dropped))).isel(time=days)
    if "series" not in kinds or (len(stations) == len(store.station_ids) and (np.diff(stations) == 1).all()):
        return data
    data = data.isel(station=stations)
    for name in names:
        for key, value in data[name].attrs.items():
            if key.startswith("scaler_") and isinstance(value, list):  # one for each station
                data[name].attrs[key] = [value[i] for i in stations]
    return data
