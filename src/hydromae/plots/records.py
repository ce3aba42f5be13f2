"""What was observed at a station around a forecast or a simulation, from the data that it was made of."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr
from jaxtyping import Float

from hydromae.base.errors import HydroMAEError
from hydromae.base.secret_values import revealed
from hydromae.base.station_ids import id_texts, respelled
from hydromae.prediction.known_data import data_of
from hydromae.store.store import Store

_log = logging.getLogger(__name__)

_RAIN = ("precipitation_flux", "lwe_precipitation_rate", "rainfall_rate", "rainfall_flux")


@dataclass(frozen=True)
class Record:
    """A series at one station, NaN where missing.

    Attributes:
        days: datetime64[D].
        values: as in the data.
        units: of them.
    """

    days: np.ndarray
    values: Float[np.ndarray, "day *station"]
    units: str

    def between(self, first: np.datetime64, last: np.datetime64) -> "Record":
        """The days from one day to another."""
        inside = (self.days >= first) & (self.days <= last)
        return Record(self.days[inside], self.values[inside], self.units)


def store_behind(dataset: xr.Dataset, data: str | Path | Store | None) -> Store | None:
    """The data that a file was made of: those given, or the store that the file names, if it is still there.

    A store that is there and cannot be opened is warned of: the picture then lacks what was observed.

    Raises:
        DataError: data are given and cannot be opened.
        ConfigError: they are a configuration that is wrong.
    """
    if data is not None:
        return data_of(data)
    named = revealed(str(dataset.attrs.get("data", "")))
    try:
        return Store.open(named) if named else None
    except HydroMAEError as error:
        if Path(named).exists():  # else it was moved, or the file made elsewhere
            _log.warning("the picture shows no observations, since the data cannot be opened: %s", error)
        return None


def record_of(store: Store | None, name: str, station: str) -> Record | None:
    """A series of a station; None where the store lacks either."""
    held = records_of(store, name, [station])
    return None if held is None else replace(held, values=held.values[:, 0])


def records_of(store: Store | None, name: str, stations: Sequence[str]) -> Record | None:
    """A series of some stations, its values [day, station], NaN at those that the store lacks; None without it."""
    if store is None or name not in store.names or store.kind(name) != "series":
        return None
    known = respelled(id_texts(np.array(stations), "the file"), store.station_ids, str(store.path))
    place = {station: column for column, station in enumerate(store.station_ids)}
    columns = np.array([place.get(station, -1) for station in known])
    if (columns < 0).all():
        return None
    values = np.where(columns >= 0, store.read(name, slice(None))[:, columns], np.nan)
    return Record(store.days, values, store.units(name))


def rain_of(store: Store | None, station: str) -> Record | None:
    """The precipitation of a station, found by its standard name or its name; None where there is none."""
    name = rain_in(store) if store is not None else None
    return None if name is None else record_of(store, name, station)


def rain_in(store: Store) -> str | None:
    """The name of the precipitation of a store, by its standard name or its name; None where there is none."""
    for name in store.names:
        words = f"{name} {store.long_name(name)}".lower()
        if store.standard_name(name) in _RAIN or "precip" in words or "rain" in words:
            return name
    return None
