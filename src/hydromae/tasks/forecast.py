"""Forecasts: the future of river flow is hidden, and, unless weather is given, that of everything else."""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import torch
import xarray as xr

import hydromae
from hydromae.data.areas import MM_PER_DAY, is_flow
from hydromae.data.attributes import coordinate_columns
from hydromae.data.cf import CONVENTIONS, TIME_UNITS, place_attributes, variable_attributes
from hydromae.data.collate import forecast_modalities
from hydromae.data.readers.units import same_units
from hydromae.data.store import Store
from hydromae.errors import ConfigError
from hydromae.given import Days, Names, as_days
from hydromae.tasks.choices import excluded_days, limited, predicted_stations
from hydromae.tasks.output import require_known_suffix, write_result
from hydromae.tasks.predictor import Answer, Predictor
from hydromae.tasks.several_runs import Runs, average, open_runs, require_alike
from hydromae.tasks.weather import Weather, open_weather

REGIMES: Final = ("none", "perfect")


def forecast(
    runs: Runs,
    issue_times: Days | None = None,
    output: str | Path | None = None,
    *,
    data: str | Path | Store | None = None,
    horizon: int = 7,
    forcing: str | Path = "none",
    stations: Names | None = None,
    device: str = "auto",
    on_progress: Callable[[float], None] = lambda done: None,
) -> xr.Dataset:
    """Forecast river flow, or what else the run was trained to forecast, from what is known at each issue time.

    Nothing of what is forecast is seen after the issue time. Of everything else nothing is, with `forcing="none"`; with
    "perfect" what was observed is; with a file, what that file says is. The window ends `horizon` days after the issue
    time and is as long as those of the training.

    Args:
        runs: run directory; of several, as seeds of one training, the forecasts are averaged.
        issue_times: last day known, or several; None is the last on which anything of what is forecast was observed.
        output: file, .nc, .zarr, .csv or .parquet; None writes none.
        data: other data than the run's: a store or a configuration. New days come into a store with
            `hydromae prepare CONFIG --append`.
        horizon: longest lead time in days.
        forcing: none, perfect, or a file with weather after the issue times, see `open_weather`.
        stations: ids of those to forecast; None is all.
        device: auto, cpu or cuda.
        on_progress: told the share that is done.

    Returns:
        For each modality that is forecast, `<name>` [issue_time, lead_time, station] in its unit, the mean, and
        `<name>_quantiles` [issue_time, lead_time, station, quantile] where the model has them; flow in m3/s also as
        `<name>_specific` in mm/d where areas are known, flow in mm/d also as `<name>_volume` in m3/s.

    Raises:
        RunError: a run, its data or its model cannot be used.
        ConfigError: the horizon is too long, an issue time is not in the data, or the runs do not fit each other.
        DataError: a station is unknown, or the weather file cannot be used.
    """
    if output is not None:
        require_known_suffix(Path(output))
    predictors = open_runs(runs, data, device)
    first = predictors[0]
    names = forecast_modalities(first.data.units, first.model.shapes, first.config.masking.forecast)
    _require_series(first, names)
    require_alike(predictors, names)
    chosen = np.array(predicted_stations(first, stations), dtype=np.int64)
    histories = [_history(predictor, horizon) for predictor in predictors]
    # As in training, no value of these days is seen.
    wrong = [np.flatnonzero(excluded_days(predictor.config, predictor.store)) for predictor in predictors]
    issues = _issue_places(first, names, issue_times)
    weather = None
    if forcing not in REGIMES:
        weather = open_weather(forcing, first.model.shapes, names, first.data, first.config.data.modalities)
    answers = []
    for i, issue in enumerate(issues):
        own = [
            _ask(predictor, issue, history, horizon, names, chosen, str(forcing), weather, excluded)
            for predictor, history, excluded in zip(predictors, histories, wrong, strict=True)
        ]
        answers.append({name: average([one[name] for one in own]) for name in names})
        on_progress((i + 1) / len(issues))
    result = _dataset(first, names, issues, horizon, chosen, answers)
    result.attrs |= {
        "title": f"Forecast by {', '.join(predictor.config.name for predictor in predictors)}",
        "source": f"hydromae {hydromae.__version__}",
        "forcing": str(forcing),
        "history_days": min(histories),
        "runs": ", ".join(str(predictor.run.path) for predictor in predictors),
    }
    if output is not None:
        write_result(result, Path(output))
    return result


def _require_series(first: Predictor, names: Sequence[str]) -> None:
    for name in names:
        if first.model.shapes[name].kind == "grid":
            raise ConfigError(
                f"{name}: grids are reconstructed, not forecast; name series in masking.forecast, of a run that has "
                f"some"
            )
        if not first.data.has(name):
            raise ConfigError(f"{first.store.path}: has no {name}, which is to be forecast; give data that have it")


def _history(predictor: Predictor, horizon: int) -> int:
    """Days before the issue time, that day included: whole tokens, so that the horizon begins with one."""
    if horizon < 1:
        raise ConfigError(f"the horizon is {horizon} days; give at least 1")
    history = (predictor.window - horizon) // predictor.token_days * predictor.token_days
    if history < 1:
        longest = predictor.window - predictor.token_days
        raise ConfigError(
            f"the horizon is {horizon} days, but {predictor.run.path} has windows of {predictor.window} days of which "
            f"{predictor.token_days} at least must be known; ask for {longest} days at most"
        )
    return history


def _issue_places(predictor: Predictor, names: Sequence[str], issue_times: Days | None) -> list[int]:
    """Issue times as days since the first day of the data."""
    store = predictor.store
    if issue_times is None:
        observed = np.flatnonzero(np.any([store.present(name).any(axis=1) for name in names], axis=0))
        if not len(observed):
            raise ConfigError(f"{store.path}: {', '.join(names)} was never observed; name an issue time")
        return [int(observed[-1])]
    days = as_days(issue_times, "issue time") or []
    places = [int((day - store.first_day).astype(int)) for day in days]
    for day, place in zip(days, places, strict=True):
        if not 0 <= place < store.n_days:
            raise ConfigError(
                f"issue time {day} is not within the data of {store.path}, {store.days[0]} to "
                f"{store.days[-1]}; add newer days with `hydromae prepare CONFIG --append`"
            )
    if not places:
        raise ConfigError("there is no issue time; name at least one")
    return places


def _ask(
    predictor: Predictor,
    issue: int,
    history: int,
    horizon: int,
    names: Sequence[str],
    chosen: np.ndarray,
    forcing: str,
    weather: Weather | None,
    excluded: np.ndarray,
) -> dict[str, Answer]:
    first = issue - history + 1
    values = predictor.read(first, history + horizon)
    days = np.arange(first, first + history + horizon)
    wrong = torch.from_numpy(np.isin(days, excluded))
    for name, value in values.items():
        value[wrong] = torch.nan
        if name in names or forcing != "perfect":
            value[history:] = torch.nan
        if weather is not None and name in weather.names:
            value[history:] = weather.after(name, issue, horizon)
    wanted = {name: torch.zeros_like(values[name], dtype=torch.bool) for name in names}
    for want in wanted.values():
        want[history:, chosen] = True
    ahead = {}
    for name, answer in predictor.ask(first, values, wanted).items():
        possible = limited(answer, predictor.config, name)
        ahead[name] = Answer(
            possible.mean[history:], None if possible.quantiles is None else possible.quantiles[history:]
        )
    return ahead


def _dataset(
    predictor: Predictor,
    names: Sequence[str],
    issues: Sequence[int],
    horizon: int,
    chosen: np.ndarray,
    answers: Sequence[dict[str, Answer]],
) -> xr.Dataset:
    store, stations = predictor.store, np.array(predictor.stations, dtype=object)[chosen]
    issue_times = (store.first_day + np.array(issues)).astype("datetime64[s]")
    leads = np.arange(1, horizon + 1)
    valid = issue_times[:, None] + leads[None].astype("timedelta64[D]")
    encoding = {"units": TIME_UNITS, "calendar": "standard", "dtype": "int32"}
    coordinates = {
        "issue_time": xr.Variable(
            "issue_time", issue_times, {"standard_name": "forecast_reference_time", "long_name": "last day known"}
        ),
        "lead_time": xr.Variable(
            "lead_time", leads, {"standard_name": "forecast_period", "long_name": "lead time", "units": "days"}
        ),
        "station": xr.Variable("station", stations, {"long_name": "station id", "cf_role": "timeseries_id"}),
        "valid_time": xr.Variable(("issue_time", "lead_time"), valid, {"standard_name": "time"}),
    }
    for name in ("issue_time", "valid_time"):
        coordinates[name].encoding = dict(encoding)
    ids = list(store.station_ids)
    places = np.array([ids.index(station) for station in stations], dtype=np.int64)
    for place, column in coordinate_columns(store.attribute_names).items():
        located = store.attributes[places, column]
        coordinates[place] = xr.Variable("station", located, place_attributes(place))
    if predictor.quantiles:
        levels = np.array(predictor.quantiles)
        coordinates["quantile"] = xr.Variable("quantile", levels, {"long_name": "level of the quantile", "units": "1"})
    variables: dict[str, xr.Variable] = {}
    for name in names:
        attributes = variable_attributes(store, name)
        dims = ("issue_time", "lead_time", "station")
        mean = np.stack([answer[name].mean.numpy()[:, chosen] for answer in answers])  # [issue, lead, station]
        variables[name] = xr.Variable(dims, mean.astype(np.float32), attributes)
        quantiles = [answer[name].quantiles for answer in answers]
        spread = [one.numpy()[:, chosen] for one in quantiles if one is not None]
        if spread:
            described = {**attributes, "long_name": f"quantiles of {attributes['long_name']}"}
            variables[f"{name}_quantiles"] = xr.Variable((*dims, "quantile"), np.stack(spread), described)
        if store.areas is not None:
            variables |= _other_unit(name, variables[name], store.areas[places])
    return xr.Dataset(variables, coordinates, {"Conventions": CONVENTIONS})


def _other_unit(name: str, flow: xr.Variable, areas: np.ndarray) -> dict[str, xr.Variable]:
    """Flow in m3/s as mm/d, or the other way round."""
    factor = (MM_PER_DAY / areas).astype(np.float32)
    words = flow.attrs["long_name"]
    if is_flow(flow.attrs["units"]):
        attributes = {"units": "mm/d", "long_name": f"{words} over the catchment's area"}
        return {f"{name}_specific": xr.Variable(flow.dims, flow.values * factor, attributes)}
    if same_units(flow.attrs["units"], "mm/d") and "flow" in f"{name} {words}".lower():
        attributes = {"units": "m3/s", "long_name": words, "standard_name": "water_volume_transport_in_river_channel"}
        return {f"{name}_volume": xr.Variable(flow.dims, flow.values / factor, attributes)}
    return {}


def issue_days(first: date, last: date | None, every: int) -> list[date]:
    """Issue times from `first` to `last`, `every` so many days; `first` alone where there is no last.

    Raises:
        ConfigError: they are in the wrong order, or `every` is below 1.
    """
    if every < 1:
        raise ConfigError(f"issue times every {every} days cannot be; give at least 1")
    if last is not None and last < first:
        raise ConfigError(f"the issue times end ({last}) before they begin ({first})")
    return [stamp.date() for stamp in pd.date_range(first, last or first, freq=f"{every}D")]
