"""Forecasts or simulations of anybody, labelled alike, from netCDF, Zarr, CSV or parquet."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.base.stamps import calendar_days
from hydromae.base.station_ids import id_texts, require_distinct
from hydromae.readers.files import require_file
from hydromae.readers.guard import reading
from hydromae.readers.labelled import open_labelled, whole_days, without_single
from hydromae.readers.predictions_table import is_predictions_table, open_predictions_table

# What others call the dimensions; `basin` and `date` are neuralhydrology's.
_NAMES: Final = {
    "station": ("station", "stations", "station_id", "ID", "id", "basin", "gauge", "gauge_id", "catchment"),
    "time": ("time", "date", "datetime", "day"),
    "issue_time": ("issue_time", "forecast_reference_time", "reference_time", "init_time", "analysis_time"),
    "lead_time": ("lead_time", "leadtime", "lead", "forecast_period", "step"),
    "member": ("member", "number", "realization", "samples"),
    "quantile": ("quantile", "quantiles"),
}
_IDS: Final = ("station_id", "gauge_id")
_FORECAST, _SERIES = ("issue_time", "lead_time", "station"), ("time", "station")
_UNITS = re.compile(r"[^(\[]*[(\[](.*)[)\]](_sim)?")  # QObs(mm_d)_sim, since no name in netCDF holds a slash
_CODES: Final = (-99999.0, -9999.0, -999.0, 1e20, 9.969209968386869e36)  # what archives write for "missing"
_DAYS: Final = {"days": 1.0, "day": 1.0, "d": 1.0, "hours": 24.0, "hour": 24.0, "h": 24.0, "hr": 24.0}
_PICKLES: Final = (".p", ".pkl", ".pickle")


@dataclass(frozen=True)
class Predictions:
    """What a file predicts of one variable.

    Attributes:
        values: [issue_time, lead_time, station] of forecasts, days after the issue day, or [time, station] of a
            simulation; NaN where there is none; `units` is an attribute, empty where the file says none.
        quantiles: the same with `quantile` last; None where there are none.
        attributes: of the file.
        notes: what was decided on the way.
    """

    values: xr.DataArray
    quantiles: xr.DataArray | None
    attributes: dict[str, object]
    notes: tuple[str, ...]

    @property
    def is_forecast(self) -> bool:
        """Whether it has issue times."""
        return "issue_time" in self.values.dims


def open_predictions(path: Path, variable: str | None, expected: Sequence[str]) -> Predictions:
    """Read what a file predicts.

    A variable of netCDF or Zarr has dimensions for the issue time, the lead time and the station, or for the time and
    the station, under any of the usual names; that of an ensemble is averaged. Quantiles are `<variable>_quantiles`
    with `quantile`, or columns `<variable>_q0.05`. Tables are described in `open_predictions_table`. Results of
    neuralhydrology (Kratzert et al. 2022, J. Open Source Softw. 7, 4050) are taken as `xarray` writes them: `basin`,
    `date`, `time_step`, of which the last is the day itself, and `<variable>_sim`.

    Args:
        path: the file, or the folder of a Zarr store.
        variable: its variable; None is one of `expected`, a name that ends in `_sim`, or else the only one there is.
        expected: what the variable may be called, the likeliest first.

    Raises:
        DataError: it cannot be read, is a pickle, has no such variable, several, or one with other dimensions or steps.
    """
    if path.suffix in _PICKLES or (path.is_file() and _is_pickle(path)):
        raise DataError(
            f"{path}: is a pickle, which runs whatever code is in it when it is opened, and is not read; write it as "
            f"netCDF where it was made: `import pickle, xarray as xr; r = pickle.load(open({path.name!r}, 'rb')); "
            f"d = xr.concat([b['1D']['xr'] for b in r.values()], xr.DataArray(list(r), dims='station', "
            f"name='station')); d.rename({{n: n.replace('/', '_') for n in d}}).to_netcdf('{path.stem}.nc')`"
        )
    if not path.is_dir():
        require_file(path)
    if is_predictions_table(path):
        data = open_predictions_table(path, variable, expected)
    else:
        data = _named(open_labelled(path))
    name = variable or _only_variable(path, data, expected)
    if name not in data.data_vars:
        raise DataError(f"{path}: has no variable {name}, only {', '.join(map(str, data.data_vars)) or 'none'}")
    notes: list[str] = []
    with reading(path):
        values = _labelled(path, data[name].load(), notes)
        spread = data[f"{name}_quantiles"].load() if f"{name}_quantiles" in data else None
    quantiles = None if spread is None else _labelled(path, spread, [])
    if "quantile" in values.dims:
        quantiles, middle = values, np.abs(values["quantile"].values - 0.5)
        if middle.min() > 1e-4:
            raise DataError(
                f"{path}: {name} has quantiles, but not that of 0.5, which is scored as the forecast; add it"
            )
        values = values.isel(quantile=int(middle.argmin()), drop=True)
        notes.append(f"{name} has quantiles and no mean: the median stands for it")
    return Predictions(values, quantiles, dict(data.attrs), tuple(notes))


def _is_pickle(path: Path) -> bool:
    with path.open("rb") as content:
        first = content.read(2)
    return len(first) == 2 and first[0] == 0x80 and first[1] in range(2, 6)


def _named(data: xr.Dataset) -> xr.Dataset:
    """The data set with our names of dimensions, and ids of stations that stand beside theirs as coordinate."""
    names = {other: own for own, others in _NAMES.items() for other in others}
    # A time that says it is the reference of a forecast is an issue time, whatever its name.
    reference = [
        str(d) for d in data.dims if d in data and data[d].attrs.get("standard_name") == "forecast_reference_time"
    ]
    renamed = {str(dim): names[str(dim)] for dim in data.dims if str(dim) in names} | dict.fromkeys(
        reference, "issue_time"
    )
    taken: set[str] = set()
    for dim, own in renamed.items():
        if dim != own and own not in taken:
            data = data.drop_vars(own, errors="ignore") if own in data.variables and own not in data.dims else data
            data = data.rename({dim: own})
        taken.add(own)
    if "station" in data.dims and "station" not in data.coords:
        beside = [n for n, v in data.variables.items() if v.dims == ("station",)]
        ids = [n for n in beside if data[n].attrs.get("cf_role") == "timeseries_id" or n in _IDS]
        if ids:
            data = data.assign_coords(station=data[ids[0]].values)
    for single in ("issue_time", "station"):
        if single in data.variables and data[single].ndim == 0:
            data = data.set_coords(single).expand_dims(single)
    return data


def _only_variable(path: Path, data: xr.Dataset, expected: Sequence[str]) -> str:
    for name in expected:
        if name in data.data_vars:
            return name
    fitting = [
        str(name)
        for name, item in data.data_vars.items()
        if item.dtype.kind in "fiu" and {"station"} < set(item.dims) and {"time", "issue_time"} & set(item.dims)
        and not str(name).endswith(("_quantiles", "_obs", "_members"))
    ]  # fmt: skip
    simulated = [name for name in fitting if name.endswith("_sim")]
    of_kind = simulated or fitting
    if len(of_kind) == 1:
        return of_kind[0]
    if not of_kind:
        held = ", ".join(f"{name} ({', '.join(map(str, item.dims))})" for name, item in data.data_vars.items())
        raise DataError(
            f"{path}: has no variable over (issue_time, lead_time, station) or (time, station), only {held or 'none'}; "
            f"give the dimensions these names"
        )
    raise DataError(f"{path}: has {', '.join(of_kind)}; say which is to be scored with --variable NAME (variable=)")


def _labelled(path: Path, values: xr.DataArray, notes: list[str]) -> xr.DataArray:
    """A variable with our dimensions in our order, whole days and ids as text."""
    name = str(values.name)
    if "time_step" in values.dims:  # of neuralhydrology: its metrics take the last, which is the day itself
        if values.sizes["time_step"] > 1:
            notes.append(
                f"{name} has {values.sizes['time_step']} values of a day (time_step), of which the last is taken"
            )
        values = values.isel(time_step=-1, drop=True)
    if "member" in values.dims:
        notes.append(f"{name} has {values.sizes['member']} members, whose mean is scored")
        values = values.mean("member", keep_attrs=True)
    values = without_single(values, "time", "station", "issue_time", "lead_time", "quantile")
    spread = ("quantile",) if "quantile" in values.dims else ()
    order = next((dims for dims in (_FORECAST, _SERIES) if set(values.dims) == {*dims, *spread}), None)
    if order is None:
        raise DataError(
            f"{path}: {name} has dimensions {', '.join(map(str, values.dims)) or 'none'}; give (issue_time, lead_time, "
            f"station) of forecasts, or (time, station) of a simulation, and member or quantile if there are several"
        )
    for dim in (*order, *spread):
        if dim not in values.coords:
            raise DataError(f"{path}: {name} has no values of its coordinate {dim}; give them")
    first = order[0]
    if values[first].dtype.kind != "M":
        raise DataError(f"{path}: {name} has a {first} that is no date; write it in days since 1970-01-01")
    days = calendar_days(values[first].values)
    ordered = np.sort(days)
    if (twice := ordered[1:][ordered[1:] == ordered[:-1]]).size:
        raise DataError(f"{path}: {name} has more than one {first} on {twice[0]}; keep one for each day")
    ids = id_texts(values["station"].values, f"{path}: station")
    require_distinct(ids, f"{path}: station")
    numbers = values.transpose(*order, *spread).values.astype(np.float32)
    _refuse_codes(path, name, numbers)
    coordinates: dict[str, object] = {first: days.astype("datetime64[s]"), "station": np.array(ids, dtype=object)}
    if "lead_time" in order:
        coordinates["lead_time"] = _leads(path, values["lead_time"])
    if spread:
        coordinates["quantile"] = levels = values["quantile"].values.astype(np.float64)
        if not ((levels > 0) & (levels < 1)).all() or len(set(levels.tolist())) < len(levels):
            raise DataError(f"{path}: {name} has the quantiles {levels.tolist()}; give each once, between 0 and 1")
    bracketed = _UNITS.fullmatch(name)
    units = str(values.attrs.get("units", "")) or (bracketed[1].replace("_", "/") if bracketed else "")
    return xr.DataArray(numbers, coordinates, (*order, *spread), name, {"units": units}).sortby(
        [first, *(dim for dim in ("lead_time", "quantile") if dim in coordinates)]
    )


def _refuse_codes(path: Path, name: str, numbers: np.ndarray) -> None:
    coded = [code for code in _CODES if (numbers == np.float32(code)).any()]
    if coded:
        raise DataError(
            f"{path}: {name} is {coded[0]:g} in places, a code for missing values, which would be scored; write "
            f"NaN or a blank in its place, or name the code in the attribute _FillValue"
        )


def _leads(path: Path, leads: xr.DataArray) -> np.ndarray:
    """Lead times in whole days from 1 on."""
    units = str(leads.attrs.get("units", "days")).lower()
    if leads.dtype.kind == "m":
        in_days = whole_days(leads.values / np.timedelta64(1, "D"))
    elif units in _DAYS:
        in_days = whole_days(leads.values / _DAYS[units])
    else:
        raise DataError(f"{path}: lead_time is in {units}; give days")
    if (wrong := in_days[in_days % 1 != 0]).size:
        raise DataError(f"{path}: has a lead_time of {wrong[0]:g} days; give one value for each whole day, 1, 2, ...")
    if in_days.size and in_days.min() < 1:
        raise DataError(
            f"{path}: has a lead_time of {in_days.min():g} days, but the issue day is the last that is known, and "
            f"lead 1 the day after it; if the issue day is forecast itself, write the day before it as issue_time and "
            f"add 1 to the lead times"
        )
    if len(set(in_days.tolist())) < len(in_days):
        raise DataError(f"{path}: has the lead times {', '.join(f'{day:g}' for day in in_days)} days; give each once")
    return in_days.astype(np.int64)
