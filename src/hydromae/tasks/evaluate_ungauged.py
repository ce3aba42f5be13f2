"""How well a run simulates stations that it never trained on, beside estimates from other stations."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import xarray as xr

from hydromae.base.errors import ConfigError
from hydromae.base.given import Names
from hydromae.base.station_ids import places_among, respelled
from hydromae.baselines.ungauged import METHODS
from hydromae.evaluation.compare import compare
from hydromae.evaluation.standing import sentence, standing_in
from hydromae.folds.folds import Folds
from hydromae.metrics.pairs import MIN_PAIRS
from hydromae.prediction.central_days import last_days
from hydromae.prediction.choices import chosen_stations, target_series
from hydromae.prediction.predictor import Predictor
from hydromae.prediction.several_runs import Runs, open_runs
from hydromae.prediction.trained_for import beyond_ungauged
from hydromae.runs.seen import Seen, ever_seen
from hydromae.store.station_table import station_table
from hydromae.store.store import Store
from hydromae.store.view import open_store
from hydromae.tasks.enough_pairs import unscored
from hydromae.tasks.task_scores import TaskScores, folder_of, scored_days, task_overlap, usable_series
from hydromae.tasks.ungauged import Simulation

logger = logging.getLogger(__name__)

_TABLES: Final = ("nse", "kge")
_RECORDS: Final = ("nse", "kge", "kge_r", "kge_alpha", "kge_beta", "rmse", "percent_bias", "fhv", "flv", "fms")
STEM: Final = "ungauged_scores"


def evaluate_ungauged(
    runs: Runs,
    output: str | Path | None = None,
    data: str | Path | Store | None = None,
    split: str | None = None,
    stations: Names | None = None,
    folds: str | Path | Folds | None = None,
    fold: int = 0,
    donors: bool = False,
    target: str | None = None,
    min_pairs: int = MIN_PAIRS,
    allow_overlap: bool = False,
    on_progress: Callable[[float], None] = lambda done: None,
) -> TaskScores:
    """Simulate stations that were held out of the training, and score them with the baselines on the same days.

    The held-out stations are those that are named, those of a fold, or all in the data that the run has not trained on;
    none of them may be in the training. The baselines of `hydromae.baselines.ungauged` know the flow of the training's
    stations on the same days. Written are `ungauged_scores.md`, medians over stations with a block bootstrap
    against area scaling, and `ungauged_scores.csv`, with quartiles.

    Args:
        runs: run directory, trained without the stations (`data.exclude_stations`), or several, as seeds of one
            training, whose simulations are averaged.
        output: folder; None is `evaluation/ungauged_<split>` in the (first) run directory.
        data: data with the held-out stations: a store, its directory, or a configuration.
        split: the days that are scored; None is val where there is one, else test.
        stations: ids of the held-out stations.
        folds: a table of folds, or its CSV, in place of `stations`.
        fold: the fold of that table.
        donors: whether the model also sees the flow of the stations that are not held out.
        target: the series; None is the river flow, see `target_series`.
        min_pairs: stations with fewer days on which all methods have a value are not scored.
        allow_overlap: score days that a run was trained on at other stations, too; every row says so.
        on_progress: called with the share that is done.

    Returns:
        The tables; `scores` is that of `Comparison`.

    Raises:
        RunError: the run, its data or its model cannot be used.
        ConfigError: a station or the days were trained on, none is held out, a run scales flow by each station's own,
            or the runs do not fit each other.
        DataError: a station is unknown, or lacks an area or coordinates.
    """
    predictors = open_runs(runs, data)
    predictor = predictors[0]
    name = target_series(predictor.config, target)
    split, days = scored_days(predictor.store, split)
    held_out = _held_out(predictors, stations, folds, fold)
    overlap = task_overlap(predictors, split, days, allow_overlap)
    simulation = Simulation(predictors, name, held_out, donors)
    if (run := simulation.scaled_by_own_flow()) is not None:
        raise ConfigError(
            f"{run}: scales {name} by each station's own mean flow, which an ungauged station does not have; "
            f"train with data.modalities.{name}.scaling_per=all"
        )
    observed = usable_series(predictors, name).isel(time=days)
    simulated = observed.sel(station=simulation.stations).copy()
    spans = last_days(predictor, days)
    for number, (central, answer) in enumerate(simulation.run(spans)):
        inside = slice(max(central.first, days.start), min(central.stop, days.stop))
        of_central = slice(inside.start - central.first, inside.stop - central.first)
        simulated.values[inside.start - days.start : inside.stop - days.start] = answer.mean[of_central].numpy()
        on_progress((number + 1) / len(spans))
    taught = _taught(predictors)
    gauged = observed.sel(station=[station for station in predictor.stations if station in taught])
    table = station_table(open_store(predictor.store))
    rivals = {method: estimate(gauged, table, held_out=held_out) for method, estimate in METHODS.items()}
    truth = observed.sel(station=simulation.stations)
    forecasts: dict[str, xr.DataArray] = {"hydromae": simulated, **rivals}
    comparison = compare(forecasts, truth, reference=next(iter(METHODS)), min_pairs=min_pairs).with_overlap(overlap)
    if why := unscored(forecasts, truth, min_pairs):
        logger.warning("%s, its %s period: %s", predictor.store.path, split, why)
        comparison = comparison.with_reason(why)
    first, last = predictor.store.days[days.start], predictor.store.days[days.stop - 1]
    words = f"{name} of {len(held_out)} stations held out, {first} to {last}"
    tables = tuple(comparison.table(metric, f"{metric.upper()} of {words}") for metric in _TABLES)
    metrics = [metric for metric in _RECORDS if metric in comparison.scores["metric"].values]
    advice = "train for longer, on more stations and with attributes of the catchments"
    begin = f"At {len(held_out)} station{'s' if len(held_out) > 1 else ''} held out"
    stand = standing_in(comparison.scores, lambda places: "")
    verdict = sentence(begin, stand, beyond_ungauged(predictors, name), advice)
    if overlap is not None:
        verdict = f"{verdict} {overlap.note}."
    result = TaskScores(tables, comparison.records(metrics), comparison.scores, verdict)
    result.write(folder_of(predictor, output, f"ungauged_{split}"), STEM)
    return result


def _taught(predictors: Sequence[Predictor]) -> set[str]:
    """Stations that any of the runs was trained on in its own training, spelled as in the data of the first run."""
    station_ids = predictors[0].store.station_ids
    return {
        station for predictor in predictors for station in respelled(predictor.data.trained_on["stations"], station_ids)
    }


def _ever_taught(predictor: Predictor, station_ids: Sequence[str]) -> dict[str, Seen]:
    """Stations that the weights of a run were ever trained on, spelled as in `station_ids` -> in which training.

    The run's own training takes precedence over earlier ones.
    """
    trainings = reversed(ever_seen(predictor.run.path, predictor.data.trained_on))
    return {station: seen for seen in trainings for station in respelled(seen.stations, station_ids)}


def _held_out(
    predictors: Sequence[Predictor], stations: Names | None, folds: str | Path | Folds | None, fold: int
) -> list[str]:
    """The stations to simulate, none of which a run has trained on."""
    first = predictors[0]
    taught_by = [_ever_taught(predictor, first.store.station_ids) for predictor in predictors]
    taught = {station for stations_of in taught_by for station in stations_of}
    if stations is None and folds is not None:
        table = folds if isinstance(folds, Folds) else Folds.read(Path(folds))
        if not 0 <= fold < table.count:
            raise ConfigError(f"there is no fold {fold} among {table.count}; name one from 0 to {table.count - 1}")
        held = table.held_out(fold)
        places = places_among(held, first.stations).tolist()
        stations = [station for station, place in zip(held, places, strict=True) if place >= 0]
    if stations is None:
        stations = [station for station in first.stations if station not in taught]
    held_out = [first.stations[place] for place in chosen_stations(first.stations, stations)]
    if not held_out:
        raise ConfigError(
            f"{first.run.path}: was trained on all stations of {first.store.path}; train without some "
            f"(data.exclude_stations), and give data that have them"
        )
    for predictor, taught_to_run in zip(predictors, taught_by, strict=True):
        if taught_held_out := set(held_out) & taught_to_run.keys():
            station = min(taught_held_out)
            seen = taught_to_run[station]
            earlier = "" if seen.run == str(predictor.run.path) else f" by {seen.run}, which it started from"
            raise ConfigError(
                f"{predictor.run.path}: was trained on station {station}{earlier}, so it is not ungauged; "
                f"train without it (data.exclude_stations)"
            )
    return held_out
