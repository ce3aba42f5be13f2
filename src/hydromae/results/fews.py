"""A forecast as Delft-FEWS imports it (import type NETCDF-CF_TIMESERIES): one issue time, days along `time`.

https://publicwiki.deltares.nl/display/FEWSDOC/NETCDF-CF_TIMESERIES: orthogonal time series of CF 1.6, ids as
characters.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.base.given import Names, as_names
from hydromae.base.replacing import replacing
from hydromae.base.stamps import calendar_days
from hydromae.base.station_ids import id_texts, places_among
from hydromae.base.version import VERSION
from hydromae.results.target import check_target

_MINUTES: Final = "minutes since 1970-01-01 00:00:00.0 +0000"
_MISSING: Final = np.float32(9.96921e36)  # as Delft-FEWS writes it
_FORECAST: Final = {"issue_time", "lead_time", "station"}


def export_fews(
    forecast: xr.Dataset | str | Path,
    path: str | Path,
    issue_time: object = None,
    stations: Names | None = None,
    overwrite: bool = False,
) -> Path:
    """Write one issue time of a forecast for Delft-FEWS.

    `riverflow` [time, stations] is the mean, `riverflow_q05` a quantile, and `riverflow_members` [time, realization,
    stations] the members of an ensemble; `station_id`, `lat` and `lon` are those of the stations, `analysis_time` the
    issue time. Probabilities of events are left out.

    Args:
        forecast: what `forecast` gave, or its .nc or .zarr.
        path: the netCDF file.
        issue_time: the day; None is the last one.
        stations: ids; None is all.
        overwrite: replace an existing file that hydromae wrote.

    Returns:
        `path`.

    Raises:
        DataError: it is no forecast, has no such issue time or station, or `path` must not be written.
    """
    path, where = Path(path), "the forecast" if isinstance(forecast, xr.Dataset) else str(forecast)
    check_target(path, overwrite, [] if isinstance(forecast, xr.Dataset) else [forecast], (".nc",))
    with _opened(forecast, where) as data:
        series = [str(name) for name, one in data.data_vars.items() if set(one.dims) >= _FORECAST]
        if not series:
            raise DataError(
                f"{where}: is no forecast with issue_time, lead_time and station; give one of `hydromae forecast`"
            )
        days = calendar_days(data["issue_time"].values)
        day = days[-1] if issue_time is None else np.datetime64(str(issue_time)[:10], "D")
        if day not in days:
            raise DataError(f"{where}: has no issue time {day}; name one from {days[0]} to {days[-1]} (--issue-time)")
        one = (
            data.isel(issue_time=int(np.flatnonzero(days == day)[0]))
            .isel(station=_places(data, stations, where))
            .load()
        )
    written = _described(one, series, day)
    characters = {"char_dim_name": "char_leng_id"}
    encoding: dict[str, dict[str, Any]] = {str(name): {"_FillValue": _MISSING} for name in written.data_vars}
    encoding["station_id"] = characters
    encoding |= {
        name: {"_FillValue": None} for name in ("time", "analysis_time", "lat", "lon") if name in written.coords
    }
    with replacing(path, overwrite) as temporary:
        written.to_netcdf(temporary, engine="h5netcdf", encoding=encoding)
    return path


def _opened(forecast: xr.Dataset | str | Path, where: str) -> xr.Dataset:
    if isinstance(forecast, xr.Dataset):
        return forecast.copy()
    engine = "zarr" if Path(forecast).suffix == ".zarr" else "h5netcdf"
    try:
        return xr.open_dataset(forecast, engine=engine, decode_timedelta=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{where}: cannot be opened ({error}); give a .nc or .zarr of `hydromae forecast`") from None


def _places(data: xr.Dataset, stations: Names | None, where: str) -> np.ndarray:
    known = id_texts(data["station"].values, where)
    named = as_names(stations)
    if named is None:
        return np.arange(len(known))
    places = places_among(id_texts(named, "the stations"), known, where)
    if (places < 0).any():
        raise DataError(f"{where}: has no station {named[int(np.argmin(places))]}; it has {', '.join(known[:20])}")
    return places


def _minutes(days: np.ndarray) -> np.ndarray:
    return days.astype("datetime64[m]").astype(np.float64)


def _described(one: xr.Dataset, series: list[str], day: np.datetime64) -> xr.Dataset:
    """The variables under the names and dimensions of Delft-FEWS."""
    leads = np.asarray(one["lead_time"].values).astype(np.int64)
    time = {"standard_name": "time", "long_name": "time", "units": _MINUTES, "axis": "T"}
    ids = np.array([text.encode() for text in id_texts(one["station"].values, "station")])
    issued = {"standard_name": "forecast_reference_time", "long_name": "forecast reference time", "units": _MINUTES}
    coordinates: dict[str, xr.Variable] = {
        "time": xr.Variable("time", _minutes(day + leads), time),
        "analysis_time": xr.Variable("analysis_time", _minutes(np.array([day])), issued),
        "station_id": xr.Variable(
            "stations", ids, {"long_name": "station identification code", "cf_role": "timeseries_id"}
        ),
    }
    for ours, theirs, units in (("latitude", "lat", "degrees_north"), ("longitude", "lon", "degrees_east")):
        if ours in one.coords:
            words = {"standard_name": ours, "long_name": f"Station coordinates, {ours}", "units": units}
            coordinates[theirs] = xr.Variable("stations", one[ours].values.astype(np.float64), words)
    variables: dict[str, xr.Variable] = {}
    for name in series:
        values = one[name]
        said = {key: values.attrs[key] for key in ("units", "long_name", "standard_name") if key in values.attrs}
        if "member" in values.dims:
            table = values.transpose("lead_time", "member", "station").values
            variables[name] = xr.Variable(("time", "realization", "stations"), table, said)
            numbers = {"standard_name": "realization", "long_name": "index of the member of the ensemble", "units": "1"}
            coordinates["realization"] = xr.Variable("realization", np.arange(table.shape[1], dtype=np.int32), numbers)
        elif "quantile" in values.dims:
            for level in values["quantile"].values:
                percent = f"{100 * float(level):04.1f}".removesuffix(".0").replace(".", "_")
                quantile = values.sel(quantile=level).transpose("lead_time", "station").values
                long_name = {**said, "long_name": f"{said.get('long_name', name)}, {level:g}"}
                variables[f"{name.removesuffix('_quantiles')}_q{percent}"] = xr.Variable(
                    ("time", "stations"), quantile, long_name
                )
        elif set(values.dims) == {"lead_time", "station"}:
            variables[name] = xr.Variable(("time", "stations"), values.transpose("lead_time", "station").values, said)
    kept = {name: xr.Variable(v.dims, v.values.astype(np.float32), v.attrs) for name, v in variables.items()}
    attributes = {
        "Conventions": "CF-1.6",
        "title": str(one.attrs.get("title", "Forecast")),
        "source": f"hydromae {VERSION}",
        "featureType": "timeSeries",
    }
    return xr.Dataset(kept, coordinates, attributes)
