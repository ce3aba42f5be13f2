"""Everything that is checked before the first value is written: sources, land, stations, days."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from hydromae.base.areas import is_flow
from hydromae.base.errors import ConfigError, DataError
from hydromae.base.files import absolute
from hydromae.base.station_ids import sorted_ids
from hydromae.config import Config, DataConfig, ModalityConfig, Period
from hydromae.config.types import Days
from hydromae.readers.files import place_of
from hydromae.readers.station_files import STATION_NAME
from hydromae.sources.alignment import check_days, check_training
from hydromae.sources.attributes import Attributes, read_attributes
from hydromae.sources.exclusions import excluded_days
from hydromae.sources.grid_places import grid_places
from hydromae.sources.joined import open_modality
from hydromae.sources.land import Land, find_land
from hydromae.sources.source import Source
from hydromae.sources.station_choice import spelled_alike, with_enough, without_excluded
from hydromae.sources.stations import Stations, aggregated, in_spatial_order, require_coordinates
from hydromae.sources.target_grid import bring_to_target


@dataclass(frozen=True)
class Plan:
    """All sources of a store, opened and found to fit together.

    Attributes:
        members: cell -> its stations, where `station_ids` are cells that stations were aggregated to; else empty.
        notes: a sentence for each decision: stations left out or moved, absent days, rows turned, cells changed.
        y: coordinates of the rows of all grids, from the north, where a file gives them; None else and without grids.
        x: coordinates of the columns, from the west.
        coordinates: what the files say of them and of their projection, after the CF conventions.
        excluded: days that are declared wrong (`data.exclude_dates`).
        station_names: what stations are called, by id, where the table of attributes or the files of series say so.
        dask: address of the scheduler whose workers read the grids; None: they are read here.
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
    y: tuple[float, ...] | None = None
    x: tuple[float, ...] | None = None
    coordinates: dict[str, dict[str, Any]] = field(default_factory=dict)
    excluded: Days = ()
    station_names: dict[str, str] = field(default_factory=dict)
    dask: str | None = None

    @cached_property
    def usable(self) -> Bool[np.ndarray, "day"]:
        """Which days of the store are not declared wrong (`excluded`): scalers and means are fitted on these."""
        usable: np.ndarray = ~excluded_days(np.datetime64(self.first_day), self.n_days, self.excluded)
        return usable

    @property
    def training(self) -> slice:
        """Positions of the training period on the days of the store."""
        first, last = self.periods["train"]
        return slice((first - self.first_day).days, (last - self.first_day).days + 1)


def make_plan(config: Config, fit: bool = True) -> Plan:
    """Open every source and check that they fit together, reading series but no grid (save to derive a land mask).

    Args:
        config: what the store is to be.
        fit: whether scalers are to be fitted, so that each source must hold a day of the training period.

    Raises:
        ConfigError: the configuration asks for something impossible.
        DataError: a file is wrong, or two do not fit together.
    """
    data = config.data
    check_options(data)
    periods = periods_of(data)
    first, last = min(p[0] for p in periods.values()), max(p[1] for p in periods.values())
    codes = data.missing_values
    root = Path(data.root) if data.dask is None else absolute(data.root)  # workers run in other folders
    attributes = _attributes(data)
    sources = [
        open_modality(name, settings, root, codes, known_ids(data, attributes))
        for name, settings in data.modalities.items()
    ]
    absent = [note for source in sources for note in check_days(source, periods)]
    for source in sources if fit else ():
        check_training(source, periods["train"])
    grids = bring_to_target(
        [source for source in sources if source.settings.kind == "grid"], data.target_grid, data.grid.crs
    )
    series = spelled_alike([source for source in sources if source.settings.kind == "series"], attributes)
    n_days = (last - first).days + 1
    stations = _stations(config, series, attributes, periods, np.datetime64(first) + np.arange(n_days))
    arranged = {source.name: source for source in (*grids, *stations.series)}
    land = find_land(config, grids, first, last) if grids else None
    places = grid_places(grids, data.grid)
    done = (note for source in (*grids, *series) for note in (*source.notes, *source.doubts))
    return Plan(
        sources=tuple(arranged[source.name] for source in sources),
        land=land,
        attributes=stations.attributes,
        station_ids=stations.ids,
        members=stations.members,
        notes=(*stations.notes, *absent, *done, *(land.notes if land else ())),
        periods=periods,
        first_day=first,
        n_days=n_days,
        y=places.y,
        x=places.x,
        coordinates=places.coordinates,
        excluded=data.exclude_dates,
        station_names=_station_names(stations),
        dask=data.dask,
    )


def _station_names(stations: Stations) -> dict[str, str]:
    """The names of the stations, in their order; those of the table of attributes come before those of the series."""
    names_of = dict(stations.attributes.station_names) if stations.attributes else {}
    for piece in (piece for source in stations.series for piece in source.pieces):
        for part in (piece, *piece.origins):
            if STATION_NAME in part.values.coords:
                ids, names = part.values["station"].values, part.values[STATION_NAME].values
                names_of = {
                    str(i): name for i, name in zip(ids, names, strict=True) if isinstance(name, str)
                } | names_of
    return {station: names_of[station] for station in stations.ids if names_of.get(station)}


def _attributes(data: DataConfig) -> Attributes | None:
    """The table of attributes, where there are series whose stations it describes."""
    has_series = any(settings.kind == "series" for settings in data.modalities.values())
    return open_attributes(data) if has_series else None


def _stations(
    config: Config,
    series: Sequence[Source],
    attributes: Attributes | None,
    periods: dict[str, Period],
    days: np.ndarray,
) -> Stations:
    """The stations of the store as `data.aggregate` and `data.station_order` ask for them."""
    data = config.data
    order = station_order(series, attributes, data)
    ids, notes = with_enough(order, series, periods["train"], data.exclude_dates)
    aligned = tuple(source.for_stations(ids) for source in series)
    stations = Stations(ids, aligned, attributes.of(ids) if attributes else None, notes=tuple(notes))
    if not series:
        return stations
    if data.aggregate is not None:
        first, last = (np.datetime64(day) for day in periods["train"])
        wrong = excluded_days(days[0], len(days), data.exclude_dates)
        training = np.flatnonzero((days >= first) & (days <= last) & ~wrong)
        stations = aggregated(stations, data.aggregate, data.attributes.area, days, training)
    if data.station_order == "spatial":
        stations = in_spatial_order(stations, config.model.series_patch_size)
    return stations


def check_options(data: DataConfig) -> None:
    """Raise ConfigError where the data section asks for something impossible."""
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
        if settings.per_area and not is_flow(settings.units):
            raise ConfigError(f"{key}.per_area needs units m3/s, not {settings.units}; set it to false")
        if settings.scaling_per == "station" and settings.kind == "grid":
            raise ConfigError(f"{key}.scaling_per station is for series; set it to all")
        for option, kind in (("regrid", "grid"), ("row_order", "grid"), ("max_missing", "series")):
            given, default = getattr(settings, option), ModalityConfig.model_fields[option].default
            if settings.kind != kind and given != default:
                raise ConfigError(f"{key}.{option} has no effect on a {settings.kind}; leave it out")


def periods_of(data: DataConfig) -> dict[str, Period]:
    """The configured splits."""
    given = {"train": data.train, "val": data.val, "test": data.test}
    return {split: period for split, period in given.items() if period is not None}


def open_attributes(data: DataConfig) -> Attributes | None:
    """Read the table of attributes, if one is named; see `read_attributes`."""
    if data.attributes.path is None:
        return None
    path = place_of(data.root, data.attributes.path)
    attributes = read_attributes(path, data.attributes, data.missing_values)
    asking = [name for name, settings in data.modalities.items() if settings.per_area]
    if asking and attributes.areas is None:
        raise DataError(
            f"{path}: has no column {data.attributes.area}, the area that data.modalities.{asking[0]}.per_area needs; "
            f"set data.attributes.area to its column, or per_area to false"
        )
    return attributes


def known_ids(data: DataConfig, attributes: Attributes | None) -> tuple[str, ...]:
    """Ids that are known to be stations, whatever they look like: those of the attributes, and those to be left out."""
    return (*(attributes.ids if attributes else ()), *data.exclude_stations)


def station_order(series: Sequence[Source], attributes: Attributes | None, data: DataConfig) -> tuple[str, ...]:
    """The stations of the series less the excluded ones, in the order of the attributes, else sorted.

    Raises:
        ConfigError: an excluded station is unknown.
        DataError: a series has a station that the attributes lack, or none is left.
    """
    source_of = {station: source for source in reversed(series) for station in source.station_ids}
    kept = without_excluded(source_of, data.exclude_stations, attributes.ids if attributes else ()) if series else ()
    if attributes is None:
        return tuple(sorted_ids(kept))
    unknown = sorted_ids(set(kept) - set(attributes.ids))
    if unknown:
        more = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
        raise DataError(
            f"{_path_of(source_of[unknown[0]], unknown[0])}: unknown station {unknown[0]}{more}, which "
            f"{data.attributes.path} lacks; add its row there, take it out of the series, or name it in "
            f"data.exclude_stations"
        )
    chosen = set(kept)
    return tuple(station for station in attributes.ids if station in chosen)


def _path_of(source: Source, station: str) -> Path:
    """The file or folder that holds a station."""
    return source.path_of(source.last_day, station)
