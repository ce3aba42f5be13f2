"""Weather after an issue time, from a weather forecast in a file of the user."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from hydromae.base.errors import DataError
from hydromae.base.permissions import refused
from hydromae.base.stamps import Clocks, calendar_days, several_a_day
from hydromae.base.station_ids import id_texts, named_stations, require_distinct, respelled
from hydromae.base.units import same_units
from hydromae.config import DataConfig
from hydromae.prediction.known_data import KnownData
from hydromae.readers.guard import check_memory, reading
from hydromae.readers.labelled import open_labelled, whole_days, without_single
from hydromae.sources.cleaning import first_fault, missing_to_nan, number_text, within_limits
from hydromae.store.oudin import TEMPERATURE
from hydromae.tasks.weather_table import is_weather_table, open_weather_table
from hydromae.tokens.shape import TokenShape

_log = logging.getLogger(__name__)


# What files call the dimension of an ensemble, the last two as ECMWF and CF do.
_MEMBER: Final = ("member", "number", "realization")


@dataclass(frozen=True)
class Weather:
    """Series of weather after issue times, one forecast or an ensemble.

    Attributes:
        path: the file.
        series: modality -> [time, station], or [issue_time, lead_time, station], with `member` before station where
            there are several.
        data: the data whose days and stations they have to fit.
        lacking: the run's other modalities, whose future stays hidden.
        computed: those that follow from the temperature of the file, as in the data: evaporation.
    """

    path: Path
    series: Mapping[str, xr.DataArray]
    data: KnownData
    lacking: tuple[str, ...] = ()
    computed: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The modalities that the file has, or that follow from it."""
        return (*self.series, *self.computed)

    @property
    def members(self) -> tuple[str, ...]:
        """The members of an ensemble; empty for one forecast."""
        ensembles = (series for series in self.series.values() if "member" in series.dims)
        return next((tuple(series["member"].values.tolist()) for series in ensembles), ())

    def without(self, chosen: Sequence[str]) -> list[str]:
        """Those of some stations for which the whole file has no value of some modality."""
        bare = [
            ~np.isfinite(series.sel(station=list(chosen)).values).any(axis=tuple(range(series.ndim - 1)))
            for series in self.series.values()
        ]
        return [station for station, is_bare in zip(chosen, np.any(bare, axis=0), strict=True) if is_bare]

    def lacking_days(self, issues: np.ndarray, horizon: int) -> dict[str, tuple[int, np.datetime64]]:
        """By modality, on how many days of the horizon no station has a value, the most, and after which issue time."""
        result = {}
        for name in self.names:
            days = (issues - self.data.store.first_day).astype(int)
            held = [self.after(name, issue, horizon).isfinite().any(-1).any(0).sum() for issue in days.tolist()]
            worst = int(np.argmin(held))
            if held[worst] < horizon:
                result[name] = horizon - int(held[worst]), issues[worst]
        return result

    def after(self, name: str, issue: int, horizon: int) -> Float[Tensor, "member lead station"]:
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
) -> Weather:
    """Open a file of weather: netCDF, Zarr or a table, with the names and units of the run's series modalities.

    A variable has dimensions (time, station), days after the issue times, or (issue_time, lead_time, station), lead
    times in days, and `member` if it is an ensemble; other dimensions with a single entry, as height, are dropped.
    Data of one station need no dimension station. A table has columns of these names, see `open_weather_table`. A time
    stamp stands for its calendar day. Stations are ids; absent ones have no weather. Modalities that are forecast are
    never read from the file. Codes that mean missing in the run's data mean missing here.

    Args:
        path: the file.
        shapes: of the run's modalities.
        forecast: modalities that are forecast.
        data: the data whose stations and units they have to fit.
        settings: of the run's data: codes for missing values, and the limits of each modality.

    Raises:
        DataError: it cannot be opened, or has no usable variable; or one has other dimensions or units, or an
            impossible value.
    """
    path = Path(path)
    if problem := refused(path):
        raise DataError(problem)
    if not path.exists():
        raise DataError(f"{path}: does not exist; forcing is none, perfect, or a netCDF, Zarr, CSV or parquet file")
    weather_names = [name for name, shape in shapes.items() if shape.kind == "series" and name not in forecast]
    units = {name: data.units[name] for name in weather_names}
    advice = "give netCDF, Zarr, CSV or parquet"
    with reading(path, "cannot be read as weather", advice):
        dataset = open_weather_table(path, units) if is_weather_table(path) else open_labelled(path, advice)
        held = [name for name in weather_names if name in dataset]
        check_memory(path, dataset[held].nbytes)
        series_of = {name: _series(path, dataset[name], name, data, settings.missing_values) for name in held}
    if not series_of:
        raise DataError(
            f"{path}: has none of the run's weather series {', '.join(weather_names) or '(it has none)'}; "
            f"name its variables so (it has {', '.join(map(str, dataset.data_vars))})"
        )
    _require_same_members(path, series_of)
    for name, series in series_of.items():
        modality = settings.modalities.get(name)
        if modality is not None:
            within_limits(series.values, modality)
        fault = first_fault(series.values, modality) if modality is not None else None
        if fault is not None:
            raise DataError(
                f"{path}: {name} of station {data.stations[fault.index[-1]]} on {_when(series, fault.index)} is "
                f"{number_text(fault.value)}, {fault.reason}; write what is missing as NaN"
            )
    computed = tuple(name for name in data.computed if name not in series_of and TEMPERATURE in series_of)
    lacking = tuple(name for name in shapes if name not in (*series_of, *computed, *forecast))
    return Weather(path, series_of, data, lacking, computed)


def _require_same_members(path: Path, series_of: Mapping[str, xr.DataArray]) -> None:
    members = {name: series["member"].values.tolist() for name, series in series_of.items() if "member" in series.dims}
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


def _series(path: Path, variable: xr.DataArray, name: str, data: KnownData, codes: Sequence[float]) -> xr.DataArray:
    variable = variable.rename({dim: "member" for dim in variable.dims if dim in _MEMBER})
    variable = without_single(variable, "time", "station", "issue_time", "lead_time")
    if "station" not in variable.dims and len(data.stations) == 1:
        variable = variable.drop_vars("station", errors="ignore").expand_dims(station=list(data.stations))
    dims = set(variable.dims)
    if dims - {"member"} not in ({"time", "station"}, {"issue_time", "lead_time", "station"}):
        lacking = f", and the data have {len(data.stations)} stations" if "station" not in dims else ""
        raise DataError(
            f"{path}: {name} has dimensions {', '.join(map(str, variable.dims))}{lacking}; give (time, station) or "
            f"(issue_time, lead_time, station), in a table as columns, and member if there are several"
        )
    for dim in dims - {"lead_time"}:
        if dim not in variable.indexes:
            raise DataError(f"{path}: {name} has no values of its coordinate {dim}; give them")
        if dim in ("time", "issue_time") and variable[dim].dtype.kind != "M":
            raise DataError(f"{path}: {name} has a {dim} that is no date; write it in days since 1970-01-01")
    units = data.units[name]
    given = str(variable.attrs.get("units", ""))
    if not same_units(given, units):
        raise DataError(f"{path}: {name} is in {given or 'no unit'}, the run's in {units}; bring it to that unit")
    ids = id_texts(variable["station"].values, str(path))
    require_distinct(ids, f"{path}: {name}")
    spelled = respelled(ids, data.stations, str(path))
    if not set(spelled) & set(data.stations):
        raise DataError(
            f"{path}: has weather of {named_stations(ids)}, and of none of the data's ({', '.join(data.stations[:3])}"
            f"{', ...' if len(data.stations) > 3 else ''}); name the stations as the data do"
        )
    named = variable.assign_coords(station=spelled)
    if "member" in dims:
        named = named.assign_coords(member=id_texts(named["member"].values, f"{path}: member"))
    order = ("member", "station") if "member" in dims else ("station",)
    if "lead_time" in dims:
        named = named.assign_coords(lead_time=_lead_days(path, named["lead_time"]))
        named = named.transpose("issue_time", "lead_time", *order)
    else:
        named = named.transpose("time", *order)
        clocks, stamps = Clocks(), named["time"].values
        named = named.assign_coords(time=clocks.days_of(stamps).astype("datetime64[ns]"))
        clocks.check(path)
    for dim in named.dims:
        index = named.indexes[str(dim)]
        if not index.is_unique:
            often = several_a_day(stamps[index == index[index.duplicated()][0]]) if dim == "time" else ""
            how = f", the sum for an amount such as rain, else the mean (its values are {often})" if often else ""
            raise DataError(f"{path}: {name} has a {dim} more than once; give one value a day and station{how}")
    if "time" in dims:
        for note in clocks.notes("write the local days as time"):
            _log.warning("%s: %s: %s", path, name, note)
    aligned = named.reindex(station=list(data.stations)).astype(np.float32)
    values = aligned.values.copy()
    missing_to_nan(values, codes)
    return aligned.copy(data=values)


def _lead_days(path: Path, leads: xr.DataArray) -> np.ndarray:
    """Lead times in days."""
    units = str(leads.attrs.get("units", "days")).lower()
    if np.issubdtype(leads.dtype, np.timedelta64):
        in_days = whole_days(leads.values / np.timedelta64(1, "D"))
    elif units.startswith("hour") or units == "h":
        in_days = whole_days(leads.values / 24)
    elif units in ("days", "day", "d"):
        in_days = whole_days(leads.values)
    else:
        raise DataError(f"{path}: lead_time is in {units}; give days")
    if (parts := in_days[in_days % 1 != 0]).size:
        raise DataError(f"{path}: has a lead_time of {parts[0]:g} days; give one value for each whole day, 1, 2, ...")
    return in_days
