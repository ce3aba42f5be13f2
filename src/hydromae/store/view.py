"""A store as a CF data set on the full grid, read only where it is asked for."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from hydromae.base.coordinate_columns import coordinate_columns
from hydromae.base.json_text import json_text
from hydromae.base.patches import cell_index
from hydromae.store.cf import (
    CONVENTIONS,
    GRID_MAPPING,
    STATION_NAME,
    TIME_ATTRIBUTES,
    TIME_ENCODING,
    axes,
    place_attributes,
    source_attributes,
    variable_attributes,
)
from hydromae.store.store import Store

_BLOCK_DAYS = 64
_PLACES = ("latitude", "longitude", "station_name")

Key = tuple[int | slice, ...]


def open_store(path: str | Path | Store) -> xr.Dataset:
    """Open a store as xarray; only its description is read, values when they are asked for, and never kept.

    Args:
        path: the store's directory, or the store.

    Returns:
        Grids [time, y, x] and series [time, station] as float32 in their units, NaN where missing (and outside the kept
        patches); `land_mask` [y, x]; each attribute of the stations [station]: `latitude` and `longitude`, by whatever
        name `coordinate_columns` knows them, as coordinates, the others under their own names made valid (the original
        is in `long_name`); `area` [station] in km2 where areas are known. Each modality has its scaler as attributes
        `scaler_*`; the data set has the periods, the provenance and the fingerprint.

    Raises:
        DataError: there is no store, it is damaged, or it has another format; on reading: a file of it cannot be read.
    """
    store = path if isinstance(path, Store) else Store.open(path)
    kinds = {store.kind(name) for name in store.names}
    time = xr.Variable("time", store.days, TIME_ATTRIBUTES)
    time.encoding = {**{key: TIME_ENCODING[key] for key in ("units", "calendar")}, "dtype": "int32"}
    coordinates: dict[str, xr.Variable] = {"time": time, **axes(store, kinds)}
    variables: dict[str, xr.Variable] = {}
    for name in store.names:
        attributes = {**variable_attributes(store, name), **_scaler(store, name)}
        if store.kind(name) == "grid":
            variables[name] = _variable(("time", "y", "x"), _LazyGrid(store, name), attributes)
        else:
            variables[name] = _variable(("time", "station"), _LazySeries(store, name), attributes)
    if "grid" in kinds:
        variables["land_mask"] = _variable(("y", "x"), _LazyLand(store), _LAND)
        if mapping := source_attributes(store, "grid_mapping"):
            variables[GRID_MAPPING] = xr.Variable((), np.int32(0), mapping)
    if "series" in kinds:
        if store.station_names is not None:
            names = np.array(store.station_names, dtype=object)
            coordinates["station_name"] = xr.Variable("station", names, STATION_NAME)
        if store.areas is not None:  # before the attributes, one of which a table may call area
            area = {"units": "km2", "long_name": "catchment area that makes mm/d of m3/s"}
            variables[_valid_name("area", variables)] = xr.Variable("station", store.areas, area)
        taken = {*coordinates, *variables, *_PLACES, GRID_MAPPING}
        located = {place: coordinate for coordinate, place in coordinate_columns(store.attribute_names).items()}
        for position, attribute in enumerate(store.attribute_names):
            lazy = _LazyAttribute(store, position)
            if position in located:
                coordinates[located[position]] = _variable(("station",), lazy, place_attributes(located[position]))
            else:
                valid = _valid_name(attribute, taken)
                variables[valid] = _variable(("station",), lazy, {"long_name": attribute})
                taken.add(valid)
    return xr.Dataset(variables, coordinates, _global_attributes(store))


_LAND = {
    "long_name": "land of the kept patches; no other cell has values",
    "standard_name": "land_binary_mask",
    "units": "1",
    "flag_values": np.array([0, 1], np.int8),
    "flag_meanings": "left_out land",
}


class _Lazy(BackendArray):
    """Part of a store that is read by slices; pickles as the store does, so that each process opens its own maps."""

    def __init__(self, store: Store, shape: tuple[int, ...], dtype: type[np.generic]) -> None:
        self.store, self.shape, self.dtype = store, shape, np.dtype(dtype)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        read: np.ndarray = indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._read
        )
        return read

    def _read(self, key: Key) -> np.ndarray:
        raise NotImplementedError


class _LazyGrid(_Lazy):
    def __init__(self, store: Store, name: str) -> None:
        super().__init__(store, (store.n_days, *store.shape), np.float32)
        self.name = name

    def _read(self, key: Key) -> np.ndarray:
        cells_asked = np.asarray(_packed_places(self.store)[key[1:]])  # [row, column], or fewer dimensions
        places = cells_asked.reshape(-1)  # [cell]
        inside = places >= 0
        days, single = _days(key[0], self.shape[0])
        values = np.full((len(days), len(places)), np.nan, np.float32)
        for first, block in _blocks(self.store, self.name, days):
            values[first : first + len(block), inside] = block.reshape(len(block), -1)[:, places[inside]]
        grid = values.reshape(len(days), *cells_asked.shape)  # [day, row, column]
        return np.asarray(grid[0]) if single else grid


class _LazySeries(_Lazy):
    def __init__(self, store: Store, name: str) -> None:
        super().__init__(store, (store.n_days, len(store.station_ids)), np.float32)
        self.name = name

    def _read(self, key: Key) -> np.ndarray:
        days, single = _days(key[0], self.shape[0])
        stations = np.arange(self.shape[1])[key[1]]
        values = np.empty((len(days), *np.shape(stations)), np.float32)
        for first, block in _blocks(self.store, self.name, days):
            values[first : first + len(block)] = block[:, stations]
        return np.asarray(values[0]) if single else values


class _LazyLand(_Lazy):
    def __init__(self, store: Store) -> None:
        super().__init__(store, store.shape, np.int8)

    def _read(self, key: Key) -> np.ndarray:
        places = _packed_places(self.store)
        land = np.zeros(self.shape, np.int8)
        land[places >= 0] = self.store.land.reshape(-1)[places[places >= 0]]
        return np.asarray(land[key])


class _LazyAttribute(_Lazy):
    def __init__(self, store: Store, position: int) -> None:
        super().__init__(store, (len(store.station_ids),), np.float32)
        self.position = position

    def _read(self, key: Key) -> np.ndarray:
        return np.asarray(self.store.attributes[:, self.position][key])


def _variable(dims: tuple[str, ...], lazy: _Lazy, attributes: dict[str, Any]) -> xr.Variable:
    return xr.Variable(dims, indexing.LazilyIndexedArray(lazy), attributes)


def _packed_places(store: Store) -> np.ndarray:
    """Position of each cell of the full grid among a day's packed values, [row, column]; -1 outside kept patches."""
    index = cell_index(store.valid_patches, store.shape, store.patch_size)
    places = np.full(store.shape[0] * store.shape[1], -1)
    inside = index >= 0
    places[index[inside]] = np.flatnonzero(inside)
    return places.reshape(store.shape)


def _days(key: int | slice, count: int) -> tuple[range, bool]:
    """The days that are asked for, and whether they are a single day without a dimension of its own."""
    if isinstance(key, slice):
        return range(*key.indices(count)), False
    return range(int(key), int(key) + 1), True


def _blocks(store: Store, name: str, days: range) -> Iterator[tuple[int, np.ndarray]]:
    """Position of the first day and values, some days at a time, so that no more than a block is ever converted."""
    size = max(1, _BLOCK_DAYS // days.step)
    for first in range(0, len(days), size):
        block = days[first : first + size]
        yield first, store.read(name, slice(block[0], block[-1] + 1))[:: days.step]


def _valid_name(name: str, taken: Collection[str]) -> str:
    """A name of letters, digits and _ that begins with a letter and is not taken."""
    valid = re.sub(r"\W", "_", name, flags=re.ASCII)
    if not re.match(r"[A-Za-z]", valid) or valid in taken:
        valid = f"attribute_{valid.lstrip('_')}"
    free, count = valid, 1
    while free in taken:
        count += 1
        free = f"{valid}_{count}"
    return free


def _scaler(store: Store, name: str) -> dict[str, Any]:
    """The scaler's parameters, a number where there is one for all stations."""
    parameters = store.scaler(name).to_dict().items()
    return {
        f"scaler_{key}": value[0] if isinstance(value, list) and len(value) == 1 else value
        for key, value in parameters
        if value is not None
    }


def _global_attributes(store: Store) -> dict[str, Any]:
    made = store.provenance
    return {
        "Conventions": CONVENTIONS,
        "title": "HydroMAE store",
        "source": "\n".join(f"{file.role}: {file.path} ({file.size} bytes)" for file in made.sources),
        **{f"{split}_period": f"{first}/{last}" for split, (first, last) in store.periods.items()},
        **({"notes": "\n".join(made.notes)} if made.notes else {}),
        **({"members": json_text(made.members)} if made.members else {}),
        "options": json_text(made.options),
        "patch_size": store.patch_size,
        "fingerprint": store.fingerprint,
        "hydromae_version": made.version,
    }
