"""Forecasts: the future of river flow is hidden and, unless weather is given, so is that of everything else."""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from hydromae.base.errors import ConfigError
from hydromae.base.given import Days, Names, as_days
from hydromae.base.version import VERSION
from hydromae.prediction.choices import predicted_stations
from hydromae.prediction.last_observed import days_since_observed, last_observed_variable
from hydromae.prediction.predictor import Predictor
from hydromae.prediction.several_runs import Runs, average, notes_of, open_runs, require_alike
from hydromae.prediction.trained_for import beyond_forecasts, flagged, forecast_names
from hydromae.results.target import check_target, inputs_of
from hydromae.results.write import write_result
from hydromae.store.store import Store
from hydromae.tasks.asked_run import AskedRun, history_days, warn_of_unknowns, weather_of
from hydromae.tasks.forecast_events import events_of
from hydromae.tasks.forecast_result import Outlook, forecast_result, outlook
from hydromae.tasks.shared_windows import SharedWindows, shared_history
from hydromae.tasks.weather import ForcingRules


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
    overwrite: bool = False,
    forcing_rules: ForcingRules | None = None,
    together: bool = False,
) -> xr.Dataset:
    """Forecast river flow, or what else the run was trained to forecast, from what is known at each issue time.

    The model sees nothing of the forecast modalities after the issue time. Of all others it sees nothing with
    `forcing="none"`, the observations with "perfect", and what the file says with a file. The window ends `horizon`
    days after the issue time and is as long as those of the training.

    Args:
        runs: run directory, or several, as seeds of one training, whose forecasts are averaged.
        issue_times: the last known day, or several; None is the last day with an observation of anything that is
            forecast, and with several runs the earliest of these days.
        output: file, .nc, .zarr, .csv or .parquet; None writes none.
        data: other data than the run's: a store or a configuration. New days come into a store with
            `hydromae prepare CONFIG --append`.
        horizon: longest lead time in days.
        forcing: none, perfect, or a file with weather after the issue times, see `open_weather`.
        stations: ids of the stations to forecast; None is all.
        device: auto, cpu or cuda.
        on_progress: called with the share that is done.
        overwrite: replace an existing output that hydromae wrote.
        forcing_rules: how maps in the file of weather become days, cells and means over catchments.
        together: let several issue times share a window, which makes years of forecasts many times faster; see
            `SharedWindows`.

    Returns:
        For each modality that is forecast, `<name>` [issue_time, lead_time, station] in its unit, the mean, and
        `<name>_quantiles` [issue_time, lead_time, station, quantile] where the model has them; flow in m3/s also as
        `<name>_specific` in mm/d where areas are known, flow in mm/d also as `<name>_volume` in m3/s. Of flow with
        quantiles also `<name>_threshold` [event, station] and `<name>_probability` [issue_time, lead_time, station,
        event]: flood levels and the low flow Q95, and the probability that the flow is beyond them. With an ensemble of
        weather the mean and the quantiles are those of all members together, each counting alike, and
        `<name>_members` [issue_time, lead_time, member, station] the mean of each. Also `days_since_observed`
        [issue_time, station], see `hydromae.prediction.last_observed`. The attribute
        `not_trained_for` says for which part of it the runs were not trained, and `stations_left_out` which stations
        have no forecast, `forcing_notes` what was done to maps of weather; in a table the first is a column if it
        applies.

    Raises:
        RunError: a run, its data or its model cannot be used.
        ConfigError: the horizon is too long, an issue time is not in the data, the runs do not fit each other, or they
            cannot forecast `together`.
        DataError: a station is unknown, the weather file cannot be used, or the output exists already.
    """
    if output is not None:
        check_target(Path(output), overwrite, [forcing])
    predictors = open_runs(runs, data, device, own_records=True)
    if output is not None:
        check_target(Path(output), overwrite, [forcing, *inputs_of(*(predictor.store for predictor in predictors))])
    first = predictors[0]
    names = forecast_names(first)
    require_series(predictors, names)
    require_alike(predictors, names)
    chosen = np.array(predicted_stations(first, stations), dtype=np.int64)
    histories = [(shared_history if together else history_days)(predictor, horizon) for predictor in predictors]
    issues = _issue_days(predictors, names, issue_times)
    rules = forcing_rules or ForcingRules()
    asked = [
        AskedRun(predictor, names, chosen, history, horizon, str(forcing), weather_of(predictor, names, forcing, rules))
        for predictor, history in zip(predictors, histories, strict=True)
    ]
    unobserved_days = days_since_observed(predictors, names, issues)[:, chosen]
    notes = notes_of(predictors, stations) | flagged(beyond_forecasts(predictors, horizon, str(forcing)))
    notes |= warn_of_unknowns(asked, names, issues, unobserved_days)
    found = {name: events_of(first, name, chosen) for name in names} if len(first.quantiles) > 1 else {}
    events = {name: of_name for name, of_name in found.items() if of_name is not None}
    outlooks: list[dict[str, Outlook]] = []
    sources = [SharedWindows(run, issues) for run in asked] if together else asked
    for i, issue in enumerate(issues):
        of_runs = [source.answers(issue) for source in sources]  # [run][member]
        outlooks.append({})
        for name in names:
            members = [average([answers[name] for answers in member]) for member in zip(*of_runs, strict=True)]
            outlooks[i][name] = outlook(members, chosen, first.quantiles, events.get(name))
        on_progress((i + 1) / len(issues))
    weather = asked[0].weather
    result = forecast_result(
        first, names, issues, horizon, chosen, outlooks, events, weather.members if weather is not None else ()
    )
    result["days_since_observed"] = last_observed_variable(
        unobserved_days, names, [first.store.long_name(name) for name in names]
    )
    result.attrs |= {
        "title": f"Forecast by {', '.join(predictor.config.name for predictor in predictors)}",
        "source": f"hydromae {VERSION}",
        "forcing": str(forcing),
        "history_days": min(histories),
        "shared_windows": str(together).lower(),
        "thresholds": "; ".join(of_name.said for of_name in events.values()) or "none",
        "runs": ", ".join(str(predictor.run) for predictor in predictors),
        "data": str(first.store.path),
        **notes,
    }
    if output is not None:
        write_result(result, Path(output), replace=overwrite)
    return result


def require_series(predictors: Sequence[Predictor], names: Sequence[str]) -> None:
    """Refuse what cannot be forecast: grids, a series that the data lack, and runs that do not forecast the same.

    Args:
        predictors: the runs.
        names: what the first of them forecasts.

    Raises:
        ConfigError: it is so.
    """
    first = predictors[0]
    for name in names:
        if first.model.shapes[name].kind == "grid":
            raise ConfigError(
                f"{name}: grids are reconstructed, not forecast; name series in masking.forecast, of a run that has "
                f"some"
            )
        if not first.data.has(name):
            raise ConfigError(f"{first.store.path}: has no {name}, which is to be forecast; give data that have it")
    for other in predictors[1:]:
        if set(forecast_names(other)) != set(names):
            raise ConfigError(
                f"{other.run}: forecasts {', '.join(forecast_names(other))} (masking.forecast), but "
                f"{first.run} {', '.join(names)}; take runs that forecast the same"
            )


def _issue_days(predictors: Sequence[Predictor], names: Sequence[str], issue_times: Days | None) -> np.ndarray:
    """Issue times, datetime64[D] [issue]; if none is named, the last day on which all runs have an observation."""
    if issue_times is None:
        last = []
        for predictor in predictors:
            store = predictor.store
            observed = np.flatnonzero(np.any([predictor.data.observed(name).any(axis=1) for name in names], axis=0))
            if not len(observed):
                raise ConfigError(f"{store.path}: {', '.join(names)} was never observed; name an issue time")
            last.append(store.days[observed[-1]])
        return np.array([min(last)])
    days = as_days(issue_times, "issue time") or []
    for predictor in predictors:
        store = predictor.store
        for day in days:
            if not store.days[0] <= day <= store.days[-1]:
                raise ConfigError(
                    f"issue time {day} is not within the data of {store.path}, {store.days[0]} to "
                    f"{store.days[-1]}; add newer days with `hydromae prepare CONFIG --append`"
                )
    if not days:
        raise ConfigError("there is no issue time; name at least one")
    return np.array(days)


def issue_days(first: date, last: date | None, every: int) -> list[date]:
    """Issue times from `first` to `last`, `every` days apart; only `first` where there is no last.

    Raises:
        ConfigError: they are in the wrong order, or `every` is below 1.
    """
    if every < 1:
        raise ConfigError(f"issue times every {every} days cannot be; give at least 1")
    if last is not None and last < first:
        raise ConfigError(f"the issue times end ({last}) before they begin ({first})")
    return [stamp.date() for stamp in pd.date_range(first, last or first, freq=f"{every}D")]
