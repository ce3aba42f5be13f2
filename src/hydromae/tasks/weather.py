"""Weather after an issue time, from a weather forecast in a file of the user."""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from hydromae.base.errors import ConfigError, DataError
from hydromae.base.permissions import refused
from hydromae.base.stamps import calendar_days
from hydromae.base.units import conversion, same_units
from hydromae.config import DataConfig
from hydromae.prediction.known_data import KnownData
from hydromae.readers.grib import is_grib
from hydromae.readers.guard import check_memory, reading
from hydromae.readers.labelled import open_labelled
from hydromae.sources.cleaning import first_fault, number_text, within_limits
from hydromae.store.oudin import TEMPERATURE
from hydromae.tasks.weather_catchments import catchment_points
from hydromae.tasks.weather_grib import maps_of_grib
from hydromae.tasks.weather_labelled import is_map, maps_of, series_of
from hydromae.tasks.weather_maps import Fields, Maps
from hydromae.tasks.weather_places import RULES, on_grid, over_catchments
from hydromae.tasks.weather_table import is_weather_table, open_weather_table
from hydromae.tokens.shape import TokenShape

_log = logging.getLogger(__name__)

# A note of the store on the hours that its values cover, see `hydromae.readers.cf_time`.
_COVERS: Final = re.compile(r"(?P<name>[^:]+): .*a value covers (?P<hour>\d{2}):00")


@dataclass(frozen=True)
class ForcingRules:
    """How maps of weather become what a model reads.

    Attributes:
        day_start: the hour, UTC, at which a day of the data begins, to which steps of GRIB are joined.
        regrid: how grids become those of the data; None is by the rule of each modality (`regrid`).
        outlines: GeoJSON of the catchments, over which series are averaged; None takes circles around the gauges.
    """

    day_start: int = 0
    regrid: str | None = None
    outlines: str | Path | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.day_start <= 23:
            raise ConfigError(f"a day of the weather begins at hour {self.day_start}; give one from 0 to 23, UTC")
        if self.regrid not in (None, *RULES):
            raise ConfigError(f"grids of the weather are regridded by {self.regrid}; give one of {', '.join(RULES)}")


@dataclass(frozen=True)
class Weather:
    """Weather after issue times, one forecast or an ensemble.

    Attributes:
        path: the file.
        series: modality -> [time, station], or [issue_time, lead_time, station], with `member` before station where
            there are several.
        fields: the modalities that the file has as maps, at the model's stations or patches.
        data: the data whose days and stations they have to fit.
        lacking: the run's other modalities, whose future stays hidden.
        computed: those that follow from the temperature of the file, as in the data: evaporation.
    """

    path: Path
    series: Mapping[str, xr.DataArray]
    fields: Mapping[str, Fields]
    data: KnownData
    lacking: tuple[str, ...] = ()
    computed: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The modalities that the file has, or that follow from it."""
        return (*self.series, *self.fields, *self.computed)

    @property
    def members(self) -> tuple[str, ...]:
        """The members of an ensemble; empty for one forecast."""
        of_series = (tuple(one["member"].values.tolist()) for one in self.series.values() if "member" in one.dims)
        return next(filter(None, (*of_series, *(field.members for field in self.fields.values()))), ())

    @property
    def notes(self) -> tuple[str, ...]:
        """What is done to the maps of the file, a sentence each."""
        return tuple(dict.fromkeys(note for field in self.fields.values() for note in field.notes))

    def without(self, chosen: Sequence[str]) -> list[str]:
        """Those of some stations for which the whole file has no value of some modality."""
        bare = [
            ~np.isfinite(series.sel(station=list(chosen)).values).any(axis=tuple(range(series.ndim - 1)))
            for series in self.series.values()
        ]
        places = [self.data.stations.index(station) for station in chosen]
        bare += [of.places.lacking[places] for of in self.fields.values() if of.places.lacking is not None]
        if not bare:
            return []
        return [station for station, is_bare in zip(chosen, np.any(bare, axis=0), strict=True) if is_bare]

    def lacking_days(self, issues: np.ndarray, horizon: int) -> dict[str, tuple[int, np.datetime64]]:
        """By modality, on how many days of the horizon no station has a value, the most, and after which issue time."""
        result = {}
        for name in self.names:
            days = (issues - self.data.store.first_day).astype(int)
            source = TEMPERATURE if name in self.computed else name
            if source in self.fields:  # whose maps take long to read
                held = [self.fields[source].held(issue, horizon) for issue in issues]
            else:
                ahead = (self.after(name, issue, horizon) for issue in days.tolist())
                held = [int(of_issue.isfinite().any(-1).any(0).sum()) for of_issue in ahead]
            worst = int(np.argmin(held))
            if held[worst] < horizon:
                result[name] = horizon - held[worst], issues[worst]
        return result

    def after(self, name: str, issue: int, horizon: int) -> Float[Tensor, "member lead *place"]:
        """The `horizon` days after an issue time, NaN where the file has none; one member where there is no ensemble.

        Args:
            name: modality.
            issue: days since the first day of the data.
            horizon: number of days.

        Raises:
            DataError: the file has no value for this issue time.
        """
        if name in self.computed:
            temperature = self.after(TEMPERATURE, issue, horizon).numpy()
            return torch.from_numpy(np.stack([self.data.evaporation(member, issue + 1) for member in temperature]))
        day = self.data.store.first_day + np.timedelta64(issue, "D")
        if name in self.fields:
            of_maps = torch.from_numpy(self.fields[name].after(day, horizon))
            several = bool(self.fields[name].members)
            return of_maps if several else of_maps.expand(max(1, len(self.members)), *of_maps.shape[1:])
        leads = np.arange(1, horizon + 1)
        series = self.series[name]
        if "issue_time" in series.dims:
            issued = calendar_days(series["issue_time"].values)
            if day not in issued:
                raise DataError(f"{self.path}: {name} has no issue time {day}; add it, or choose another")
            place = int(np.flatnonzero(issued == day)[0])
            ahead = series.isel(issue_time=place).reindex(lead_time=leads)
        else:
            ahead = series.reindex(time=(day + leads).astype("datetime64[ns]"))
        values = ahead.values.astype(np.float32)
        if np.isnan(values).all():
            raise DataError(f"{self.path}: {name} has no value for the {horizon} days after {day}")
        if "member" not in series.dims:
            return torch.from_numpy(values).expand(max(1, len(self.members)), *values.shape)
        return torch.from_numpy(np.moveaxis(values, 1, 0).copy())  # [lead, member, station] -> [member, lead, station]


def open_weather(
    path: str | Path,
    shapes: Mapping[str, TokenShape],
    forecast: Sequence[str],
    data: KnownData,
    settings: DataConfig,
    rules: ForcingRules = ForcingRules(),
) -> Weather:
    """Open a file of weather: netCDF, Zarr, a table or GRIB, with the names of the run's modalities.

    A variable of series has dimensions (time, station), days after the issue times, or (issue_time, lead_time,
    station), lead times in days, and `member` if it is an ensemble; other dimensions with a single entry, as height,
    are dropped. Data of one station need no dimension station. A table has columns of these names, see
    `open_weather_table`. A time stamp stands for its calendar day. Stations are ids; absent ones have no weather.

    Maps have y and x in place of the station. For a modality that is a series they are averaged over catchments, for a
    grid brought to the cells of the data, and their unit is converted. GRIB is read as weather services give it, see
    `maps_of_grib`. Their values are read when they are asked for.

    Modalities that are forecast are never read from the file. Codes that mean missing in the run's data mean missing
    here.

    Args:
        path: the file.
        shapes: of the run's modalities.
        forecast: modalities that are forecast.
        data: the data whose days, stations, cells and units they have to fit.
        settings: of the run's data: codes for missing values, and the limits of each modality.
        rules: of maps.

    Raises:
        DataError: it cannot be opened, or has no usable variable; or one has other dimensions or units, or an
            impossible value.
    """
    path = Path(path)
    if problem := refused(path):
        raise DataError(problem)
    if not path.exists():
        raise DataError(
            f"{path}: does not exist; forcing is none, perfect, or a netCDF, Zarr, GRIB, CSV or parquet file"
        )
    weather_names = tuple(name for name in shapes if name not in forecast)
    series_names = [name for name in weather_names if shapes[name].kind == "series"]
    maps: dict[str, Maps] = {}
    series_of_file: dict[str, xr.DataArray] = {}
    if is_grib(path):
        maps, found = maps_of_grib(path, weather_names, rules.day_start)
        _warn_of_hours(path, maps, data, rules.day_start)
    else:
        units = {name: data.units[name] for name in series_names}
        advice = "give netCDF, Zarr, GRIB, CSV or parquet"
        with reading(path, "cannot be read as weather", advice):
            dataset = open_weather_table(path, units) if is_weather_table(path) else open_labelled(path, advice)
            found = tuple(map(str, dataset.data_vars))
            of_maps = [name for name in weather_names if name in dataset and is_map(path, dataset, name)]
            of_stations = [name for name in series_names if name in dataset and name not in of_maps]
            maps = {name: maps_of(path, dataset, name) for name in of_maps}
            check_memory(path, dataset[of_stations].nbytes)
            for name in of_stations:
                series_of_file[name] = series_of(path, dataset[name], name, data, settings.missing_values)
    if not series_of_file and not maps:
        raise DataError(
            f"{path}: has none of the run's weather series {', '.join(series_names) or '(it has none)'}"
            f"{_and_grids(weather_names, series_names)}; name its variables so (it has {', '.join(found)})"
        )
    fields = {name: _field(name, of, shapes[name].kind, data, settings, rules) for name, of in maps.items()}
    _require_same_members(path, series_of_file, fields)
    for name, series in series_of_file.items():
        modality = settings.modalities.get(name)
        if modality is not None:
            within_limits(series.values, modality)
        fault = first_fault(series.values, modality) if modality is not None else None
        if fault is not None:
            raise DataError(
                f"{path}: {name} of station {data.stations[fault.index[-1]]} on {_when(series, fault.index)} is "
                f"{number_text(fault.value)}, {fault.reason}; write what is missing as NaN"
            )
    held = (*series_of_file, *fields)
    computed = tuple(name for name in data.computed if name not in held and TEMPERATURE in held)
    lacking = tuple(name for name in shapes if name not in (*held, *computed, *forecast))
    return Weather(path, series_of_file, fields, data, lacking, computed)


def _warn_of_hours(path: Path, names: Iterable[str], data: KnownData, day_start: int) -> None:
    """Warn where the notes of the data say that a day begins at another hour."""
    for note in data.store.provenance.notes:
        said = _COVERS.search(note)
        if said and int(said["hour"]) != day_start and said["name"] in names:
            _log.warning(
                "%s: days of %s begin at %02d:00 UTC, and in the data %s; add --forcing-day %d",
                path,
                said["name"],
                day_start,
                note.partition(": ")[2],
                int(said["hour"]),
            )


def _and_grids(names: Sequence[str], series: Sequence[str]) -> str:
    grids = [name for name in names if name not in series]
    return f" or grids {', '.join(grids)}" if grids else ""


def _field(name: str, maps: Maps, kind: str, data: KnownData, settings: DataConfig, rules: ForcingRules) -> Fields:
    """The maps of a modality at the model's places."""
    modality, units = settings.modalities.get(name), data.units[name]
    try:
        scale = (1.0, 0.0) if same_units(maps.units, units) else conversion(maps.units, units)
    except ValueError as error:
        raise DataError(f"{maps.path}: {name}: {error}; bring it to {units}") from None
    if kind == "grid":
        rule = rules.regrid or (None if modality is None else modality.regrid)
        places = on_grid(maps.path, name, maps.cells, data, rule)
    else:
        points, said = catchment_points(maps.path, data, rules.outlines)
        places = over_catchments(maps.path, maps.cells, points, said)
    converted = f"{maps.units} converted to {units}" if scale != (1.0, 0.0) else ""
    notes = tuple(f"{name}: {note}" for note in (maps.said, converted, places.said) if note)
    return Fields(name, maps, places, scale, modality, tuple(settings.missing_values), notes)


def _require_same_members(path: Path, series_of: Mapping[str, xr.DataArray], fields: Mapping[str, Fields]) -> None:
    members = {name: series["member"].values.tolist() for name, series in series_of.items() if "member" in series.dims}
    members |= {name: list(field.members) for name, field in fields.items() if field.members}
    for name, own in members.items():
        first = next(iter(members))
        if own != members[first]:
            raise DataError(f"{path}: {name} has other members than {first}; give both the same, in the same order")


def _when(series: xr.DataArray, index: tuple[int, ...]) -> str:
    """The day of a value, with its issue time and member."""
    at = {str(dim): series[dim].values[place] for dim, place in zip(series.dims, index, strict=True)}
    member = f"member {at['member']}" if "member" in at else ""
    if "time" in at:
        return f"{np.datetime64(at['time'], 'D')}" + (f" ({member})" if member else "")
    issued = np.datetime64(at["issue_time"], "D")
    return f"{issued + int(at['lead_time'])} (issued {issued}{', ' + member if member else ''})"
