"""Forecasts or simulations of anybody, scored as those of a run: same tables, same baselines, same tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import xarray as xr

from hydromae.base.errors import ConfigError, DataError
from hydromae.base.replacing import all_or_none
from hydromae.base.station_ids import named_stations, respelled
from hydromae.base.version import VERSION
from hydromae.baselines.forecast import BASELINES
from hydromae.config import Period
from hydromae.config.read import load_config
from hydromae.evaluation.compare import Comparison
from hydromae.evaluation.standing import MODEL
from hydromae.evaluation.tables import ScoreTable
from hydromae.metrics.pairs import MIN_PAIRS
from hydromae.prediction.known_data import data_of
from hydromae.readers.predictions import Predictions, open_predictions
from hydromae.results.target import check_folder
from hydromae.store.cf import QUANTILE, STATION_ID, TIME_ATTRIBUTES, variable_attributes
from hydromae.store.store import Store
from hydromae.tasks.evaluate_forecast import SIMULATION, check_reference, evaluate_forecasts
from hydromae.tasks.forecast_baselines import REGIMES, BaselineChoice, OnStage, regimes_of
from hydromae.tasks.forecast_events import is_river_flow
from hydromae.tasks.forecast_tables import shown_tables, verdict_of
from hydromae.tasks.unit_conversion import unit_conversion

_OF_SIMULATIONS: Final = ("climatology",)  # the other baselines start from the flow of the day before
_DESCRIBED: Final[dict[str, dict[str, str]]] = {
    "issue_time": {"standard_name": "forecast_reference_time", "long_name": "last day known"},
    "lead_time": {"standard_name": "forecast_period", "long_name": "lead time", "units": "days"},
    "time": dict(TIME_ATTRIBUTES),
    "station": dict(STATION_ID),
    "quantile": dict(QUANTILE),
}


@dataclass(frozen=True)
class PredictionScores:
    """The scores of a file.

    Attributes:
        output: folder with the written files.
        comparisons: by regime of the baselines' forcing, or under `SIMULATION`.
        title: of the tables.
        notes: which days and stations are scored, and what was decided on the way.
    """

    output: Path
    comparisons: Mapping[str, Comparison]
    title: str
    notes: tuple[str, ...]

    @property
    def tables(self) -> list[ScoreTable]:
        """For a person to read."""
        return [table for regime, one in self.comparisons.items() for table in shown_tables(one, regime, self.title)]

    @property
    def verdict(self) -> str:
        """What they say in a sentence; empty where there is no baseline."""
        return verdict_of(self.comparisons)


def evaluate_predictions(
    path: str | Path,
    data: str | Path | Store,
    output: str | Path | None = None,
    *,
    variable: str | None = None,
    split: str | None = None,
    forcing: Sequence[str] | None = None,
    baselines: BaselineChoice | None = None,
    reference: str | None = None,
    min_pairs: int = MIN_PAIRS,
    overwrite: bool = False,
    on_stage: OnStage = lambda what, done: None,
) -> PredictionScores:
    """Score the forecasts or the simulation of a file beside baselines fitted on the training period of some data.

    All issue times and lead times of the file are scored, of which no day lies in the training period, since the
    baselines learnt from it; with `split` those whose days all lie in it. Stations are those that both have. Units are
    converted, flow also between m3/s and mm/d by the areas of the data.

    Args:
        path: netCDF, Zarr, CSV or parquet, see `open_predictions`.
        data: the observations: a store or a configuration, with a training period.
        output: folder for what `evaluate_forecasts` writes; None is `<name>_scores` beside the file.
        variable: of the file; None is the one named as the series, or the only one.
        split: val, test or train; None is all days outside of the training period.
        forcing: regimes of the baselines, of none and perfect; None is what the file says of its own, else none.
        baselines: see `evaluate_forecast`; beside a simulation stands only climatology, the others know yesterday's
            flow.
        reference: the forecast that the others are tested against, see `evaluate_forecasts`.
        min_pairs: days that a station needs to be scored.
        overwrite: replace the scores of an earlier evaluation in `output`.
        on_stage: called with what is being done and the share that is done.

    Raises:
        DataError: the file cannot be read, or fits the data in no day, station or unit; or as for `evaluate_forecasts`.
        ConfigError: the data have no training period, no such split, or no river flow that the file could be of.
    """
    path, choice = Path(path), baselines or BaselineChoice()
    folder = Path(output) if output is not None else path.with_name(f"{path.name.split('.')[0]}_scores")
    files = [f"{name}{part}.nc" for name in (*REGIMES, SIMULATION) for part in ("", "_scores", "_stations")]
    check_folder(folder, [*files, "table.md", "table.csv"], overwrite, [path])
    store = _store(data)
    if "train" not in store.periods:
        raise ConfigError(f"{store.path}: has no training period (data.train), from which the baselines would learn")
    series = [name for name in store.names if store.kind(name) == "series"]
    flows = [name for name in series if is_river_flow(store.units(name), f"{name} {store.long_name(name)}")]
    given = open_predictions(path, variable, [*flows, *(name for name in series if name not in flows)])
    target = str(given.values.name) if given.values.name in series else next(iter(flows), None)
    if target is None:
        raise ConfigError(
            f"{store.path}: has no series {given.values.name} and no river flow; name the variable of {path} as the "
            f"series of the data that it predicts: {', '.join(series) or 'they have none'}"
        )
    notes = list(given.notes)
    if given.values.name != target:
        notes.append(f"{given.values.name} is scored as {target} of the data")
    model = _name_of(path, given)
    made = _as_data(path, given, store, target, notes)
    made = _on_days(path, made, store, split, notes)
    regimes: tuple[str, ...] = (SIMULATION,)
    if given.is_forecast:
        own = str(given.attributes.get("forcing", ""))
        regimes = regimes_of(forcing) if forcing else regimes_of([own if own in REGIMES else "none"])
        if own not in REGIMES:
            notes.append(f"what weather {path} knows is not known here; the baselines know {_weather(regimes)}")
    else:
        left = [name for name in choice.names if name not in _OF_SIMULATIONS]
        choice = replace(choice, names=tuple(name for name in choice.names if name in _OF_SIMULATIONS))
        if left:
            notes.append(
                f"{', '.join(left)} start from flow of the day before, which a simulation does not know: left out"
            )
    notes.append(f"on which days and stations the model behind {path} was trained is not checked here")
    check_reference(choice, reference, model)
    if choice.keep is None:
        choice = replace(choice, keep=folder / "lstm")
    title = f"{path.name}, {_span(made)}"
    with all_or_none(folder):
        comparisons = evaluate_forecasts(
            dict.fromkeys(regimes, made),
            store,
            store.periods["train"],
            folder,
            choice,
            title=title,
            model=model,
            notes=notes,
            reference=reference,
            min_pairs=min_pairs,
            on_stage=on_stage,
        )
    return PredictionScores(folder, comparisons, title, tuple(notes))


def _store(data: str | Path | Store) -> Store:
    """The data, without the days that a configuration declares wrong."""
    store = data_of(data)
    if not isinstance(data, Store) and Path(data).suffix in (".yaml", ".yml"):
        store = store.with_excluded(load_config(data).data.exclude_dates)
    return store


def _name_of(path: Path, given: Predictions) -> str:
    """What the tables call it: our own name for a file of ours, else that of the file."""
    if given.is_forecast and str(given.attributes.get("source", "")).startswith("hydromae "):
        return MODEL
    name = path.name.split(".")[0]
    return f"{name} (file)" if name in BASELINES or name == MODEL else name


def _as_data(path: Path, given: Predictions, store: Store, target: str, notes: list[str]) -> xr.Dataset:
    """The predictions at the stations and in the unit of the data, under the name of their series."""
    ids = [str(station) for station in given.values["station"].values]
    spelled = respelled(ids, store.station_ids, str(path))
    here = [station for station in store.station_ids if station in set(spelled)]
    if not here:
        raise DataError(
            f"{path}: none of its stations ({named_stations(ids)}) is in {store.path} "
            f"({named_stations(store.station_ids)}); write the ids as the data have them"
        )
    strange = [station for station in spelled if station not in set(here)]
    absent = [station for station in store.station_ids if station not in set(here)]
    notes.append(f"{len(here)} of the {len(ids)} stations of {path} are scored, {_these(here)}")
    if strange:
        notes.append(f"not in the data, so not scored: {named_stations(strange)}")
    if absent:
        notes.append(f"in the data, but not in the file: {named_stations(absent)}")
    factor, offset = unit_conversion(path, given, store, target, here, notes)
    variables = {}
    both = {target: given.values} | ({} if given.quantiles is None else {f"{target}_quantiles": given.quantiles})
    for name, values in both.items():
        values = values.assign_coords(station=np.array(spelled, dtype=object)).sel(station=here)
        scaled = (values * factor + offset).astype(np.float32) if (factor is not None) else values
        described = variable_attributes(store, target)
        variables[name] = scaled.transpose(*values.dims).assign_attrs(described).rename(name)
    data = xr.Dataset(variables)
    for dim, attributes in _DESCRIBED.items():
        if dim in data.coords:
            data[dim].attrs = dict(attributes)
    kept = {key: given.attributes[key] for key in ("forcing", "not_trained_for") if key in given.attributes}
    return data.assign_attrs({"title": f"Predictions of {path.name}", "source": f"hydromae {VERSION}", **kept,
                              "predictions": str(path), "data": str(store.path)})  # fmt: skip


def _on_days(path: Path, made: xr.Dataset, store: Store, split: str | None, notes: list[str]) -> xr.Dataset:
    """The issue times, or days, that are scored."""
    forecast = "issue_time" in made.dims
    dim = "issue_time" if forecast else "time"
    days = made[dim].values.astype("datetime64[D]")
    horizon = np.timedelta64(int(made["lead_time"].max()) if forecast else 0, "D")
    after = np.timedelta64(int(made["lead_time"].min()) if forecast else 0, "D")
    held = (days >= store.days[0]) & (days <= store.days[-1])
    what = "issue times" if forecast else "days"
    if split is None:
        first, last = _as_days(store.periods["train"])
        kept = held & ((days + horizon < first) | (days + after > last))
        why = (
            f"outside of the data ({store.days[0]} to {store.days[-1]}) or in their training period ({first} to {last})"
        )
    else:
        if split not in store.periods:
            raise ConfigError(f"{store.path}: has no {split} period; it has {', '.join(store.periods)}")
        first, last = _as_days(store.periods[split])
        kept = held & (days >= first) & (days + horizon <= last)
        why = f"outside of the {split} period ({first} to {last})"
    if not kept.any():
        way = "; to score days that the baselines learnt from, name --split train (split=)" if split is None else ""
        raise DataError(
            f"{path}: none of its {len(days)} {what}, {days.min()} to {days.max()}, can be scored: all are {why}{way}"
        )
    scored = made.isel({dim: np.flatnonzero(kept)})
    leads = f", lead times {_leads(made)} days" if forecast else ""
    notes.append(f"{int(kept.sum())} of the {len(days)} {what} are scored, {days[kept][0]} to {days[kept][-1]}{leads}")
    if not kept.all():
        notes.append(f"{int((~kept).sum())} {what} are not scored, since they are {why}")
    if split == "train":
        notes.append("the baselines learnt from the days that are scored")
    return scored


def _as_days(period: Period) -> tuple[np.datetime64, np.datetime64]:
    return np.datetime64(period[0], "D"), np.datetime64(period[1], "D")


def _leads(made: xr.Dataset) -> str:
    leads = made["lead_time"].values.tolist()
    whole = leads == list(range(leads[0], leads[-1] + 1))
    return f"{leads[0]} to {leads[-1]}" if whole and len(leads) > 1 else ", ".join(map(str, leads))


def _span(made: xr.Dataset) -> str:
    dim, what = ("issue_time", "issue times") if "issue_time" in made.dims else ("time", "days")
    days = made[dim].values.astype("datetime64[D]")
    return f"{made.sizes['station']} stations, {len(days)} {what} from {days[0]} to {days[-1]}"


def _these(stations: Sequence[str]) -> str:
    return named_stations(stations) if len(stations) < 6 else f"{stations[0]} to {stations[-1]}"


def _weather(regimes: Sequence[str]) -> str:
    known = {"none": "none after the issue time", "perfect": "what was observed"}
    return " and, once more, ".join(known[regime] for regime in regimes) + " (--forcing)"
