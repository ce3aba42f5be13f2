"""Everything that is looked at before the first value is written: sources, land, stations, days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from hydromae.config import Config, DataConfig, Period
from hydromae.data.areas import FLOW_UNITS
from hydromae.data.attributes import Attributes, read_attributes
from hydromae.data.land_mask import read_land_mask, valid_patches
from hydromae.data.patches import pack
from hydromae.data.readers.table import sorted_ids
from hydromae.data.sources import Source, check_days, check_shapes, open_source
from hydromae.data.stations import Stations, aggregated, in_spatial_order, require_coordinates
from hydromae.errors import ConfigError, DataError


@dataclass(frozen=True)
class Land:
    """Which cells are land: the valid patches of a grid of `shape`, and their land cells."""

    shape: tuple[int, int]
    patches: Int[np.ndarray, "patch"]
    cells: Bool[np.ndarray, "patch cell"]


@dataclass(frozen=True)
class Plan:
    """All sources of a store, opened and found to fit together.

    Attributes:
        members: cell -> its stations, where `station_ids` are cells that stations were aggregated to; else empty.
        notes: a sentence for each decision on the stations.
    """

    sources: tuple[Source, ...]
    land: Land | None
    attributes: Attributes | None
    station_ids: tuple[str, ...]
    members: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]
    periods: dict[str, Period]
    first_day: date
    n_days: int

    @property
    def training(self) -> slice:
        """Positions of the training period on the days of the store."""
        first, last = self.periods["train"]
        return slice((first - self.first_day).days, (last - self.first_day).days + 1)


def make_plan(config: Config) -> Plan:
    """Open every source and check that they fit together, reading series but no grid (save to derive a land mask).

    Raises:
        ConfigError: the configuration asks for what cannot be.
        DataError: a file is wrong, or two do not fit together.
    """
    data = config.data
    check_options(data)
    periods = periods_of(data)
    first, last = min(p[0] for p in periods.values()), max(p[1] for p in periods.values())
    codes = data.missing_values
    sources = [open_source(name, settings, Path(data.root), codes) for name, settings in data.modalities.items()]
    grids = [source for source in sources if source.settings.kind == "grid"]
    series = [source for source in sources if source.settings.kind == "series"]
    check_shapes(grids)
    for grid in grids:
        check_days(grid, periods)
    n_days = (last - first).days + 1
    stations = _stations(config, series, periods, np.datetime64(first) + np.arange(n_days))
    arranged = {source.name: source for source in stations.series}
    return Plan(
        sources=tuple(arranged.get(source.name, source) for source in sources),
        land=find_land(config, grids, first) if grids else None,
        attributes=stations.attributes,
        station_ids=stations.ids,
        members=stations.members,
        notes=(*stations.notes, *(note for source in sources for note in source.notes)),
        periods=periods,
        first_day=first,
        n_days=n_days,
    )


def _stations(config: Config, series: Sequence[Source], periods: dict[str, Period], days: np.ndarray) -> Stations:
    """The stations of the store as `data.aggregate` and `data.station_order` ask for them."""
    data = config.data
    attributes = open_attributes(data) if series else None
    ids = station_order(series, attributes, data)
    aligned = tuple(source.for_stations(ids) for source in series)
    stations = Stations(ids, aligned, attributes.of(ids) if attributes else None)
    if not series:
        return stations
    if data.aggregate is not None:
        begin, end = (int(np.searchsorted(days, np.datetime64(day))) for day in periods["train"])
        stations = aggregated(stations, data.aggregate, data.attributes.area, days, slice(begin, end + 1))
    if data.station_order == "spatial":
        stations = in_spatial_order(stations, config.model.vector_patch_size)
    return stations


def check_options(data: DataConfig) -> None:
    """Raise ConfigError where the data section asks for what cannot be."""
    if not data.modalities:
        raise ConfigError("data.modalities is empty; name at least one, with its paths")
    if data.train is None:
        raise ConfigError("data.train is not set; give the first and last day of the training period")
    if any(settings.kind == "series" for settings in data.modalities.values()):
        if data.aggregate is not None:
            require_coordinates(data, f"data.aggregate={data.aggregate}")
        if data.station_order == "spatial":
            require_coordinates(data, "data.station_order=spatial")
    for name, settings in data.modalities.items():
        key = f"data.modalities.{name}"
        if settings.per_area and settings.kind == "grid":
            raise ConfigError(f"{key}.per_area is for series of stations; set it to false")
        if settings.per_area and settings.units not in FLOW_UNITS:
            raise ConfigError(f"{key}.per_area needs units m3/s, not {settings.units}; set it to false")
        if settings.scaling_per == "station" and settings.kind == "grid":
            raise ConfigError(f"{key}.scaling_per station is for series; set it to all")


def periods_of(data: DataConfig) -> dict[str, Period]:
    """The configured splits."""
    given = {"train": data.train, "val": data.val, "test": data.test}
    return {split: period for split, period in given.items() if period is not None}


def open_attributes(data: DataConfig) -> Attributes | None:
    """Read the table of attributes, if one is named; see `read_attributes`."""
    if data.attributes.path is None:
        return None
    path = Path(data.root) / data.attributes.path
    attributes = read_attributes(path, data.attributes, data.missing_values)
    asking = [name for name, settings in data.modalities.items() if settings.per_area]
    if asking and attributes.areas is None:
        raise DataError(
            f"{path}: has no column {data.attributes.area}, the area that data.modalities.{asking[0]}.per_area needs; "
            f"set data.attributes.area to its column, or per_area to false"
        )
    return attributes


def station_order(series: Sequence[Source], attributes: Attributes | None, data: DataConfig) -> tuple[str, ...]:
    """The stations of the store: those of the series, in the order of the attributes, else sorted.

    Raises:
        DataError: a series has a station that the attributes lack.
    """
    found = {station: source for source in reversed(series) for station in source.station_ids}
    if attributes is None:
        return tuple(sorted_ids(found))
    unknown = sorted_ids(set(found) - set(attributes.ids))
    if unknown:
        more = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
        raise DataError(
            f"{found[unknown[0]].pieces[0].path}: unknown station {unknown[0]}{more}, which "
            f"{data.attributes.path} lacks; add its row there or take it out of the series"
        )
    return tuple(station for station in attributes.ids if station in found)


def find_land(config: Config, grids: Sequence[Source], first: date) -> Land:
    """Land from the mask, or from the cells that ever have a value in the first year of the first grid.

    Raises:
        DataError: the mask has another shape than the grids, or no patch has enough land.
    """
    data, size = config.data, config.model.patch_size
    height, width = grids[0].shape
    if data.land_mask is None:
        where = str(grids[0].pieces[0].path)
        land = np.zeros((height, width), bool)
        begin = max(np.datetime64(first), grids[0].first_day)
        for day in range(0, 365, 64):
            land |= np.isfinite(grids[0].read(begin + day, min(64, 365 - day))).any(axis=0)
    else:
        where = str(Path(data.root) / data.land_mask)
        land = read_land_mask(Path(where))
        if land.shape != (height, width):
            raise DataError(
                f"{where}: has {land.shape[0]} x {land.shape[1]} cells, but {grids[0].pieces[0].path} has "
                f"{height} x {width}; give the mask of the same grid"
            )
    patches = valid_patches(land, size, data.land_threshold, where)
    return Land((height, width), patches, pack(land, patches, size))
