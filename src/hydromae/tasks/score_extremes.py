"""Probabilities of floods or droughts, scored beside methods that need no model, and written."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pandas as pd
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.base.replacing import replace_text
from hydromae.base.version import VERSION
from hydromae.baselines.forecast import Regime
from hydromae.config import Period
from hydromae.evaluation.event_scores import WARN_AT, score_events
from hydromae.evaluation.extremes import WEEK, Extreme, droughts, floods
from hydromae.evaluation.first_warning import first_warnings
from hydromae.evaluation.overlap import Overlap
from hydromae.evaluation.significance import RESAMPLES
from hydromae.evaluation.tables import ScoreTable
from hydromae.metrics.pairs import days, valid_days
from hydromae.results.target import write_markdown
from hydromae.results.write import write_result
from hydromae.store.store import Store
from hydromae.tasks.extreme_ensemble import Ensemble, Group, ensemble_probabilities
from hydromae.tasks.extreme_probabilities import Means, Probabilities, own_probabilities, references
from hydromae.tasks.extreme_tables import extreme_records, extreme_tables
from hydromae.tasks.forecast_baselines import OnStage, series_of

Kind = Literal["flood", "drought"]
EXTREMES: Final[dict[Kind, Callable[..., list[Extreme]]]] = {"flood": floods, "drought": droughts}
BLOCK_DAYS: Final[dict[Kind, int]] = {"flood": 30, "drought": 90}  # droughts last for a season
MODEL: Final = "hydromae"
ESP: Final = "ESP"
PARTS: Final = ("probabilities", "scores")


def score_extremes(
    kind: Kind,
    forecasts: Mapping[Regime, xr.DataArray],
    store: Store,
    train: Period,
    output: Path,
    *,
    title: str = "",
    warn_at: float = WARN_AT,
    ensemble: Ensemble | None = None,
    resamples: int = RESAMPLES,
    overlap: Overlap | None = None,
    on_stage: OnStage = lambda what, done: None,
) -> tuple[ScoreTable, ...]:
    """Score the probabilities of floods or droughts of some forecasts, and write everything.

    Writes, for each regime and for lead times in days and in weeks, `<regime>_<days or weeks>_probabilities.nc` (of the
    forecast) and `<regime>_<days or weeks>_scores.nc` (every score of every method); for all of them `table.md`,
    `table.csv`, `warnings.csv` and `reliability.csv`.

    Args:
        kind: flood or drought.
        forecasts: by regime, [issue_time, lead_time, station, quantile], named after the series that they forecast.
        store: observations; values on days that it declares wrong give no threshold and are not scored.
        train: training period, the only one that gives thresholds, climatology and persistence.
        output: folder.
        title: of the tables.
        warn_at: probability from which on a forecast is a warning.
        ensemble: of past years' weather, to be compared with in regime none.
        resamples: number of resamples of the bootstrap.
        overlap: scored days that a run was trained on, which every row then says.
        on_stage: called with what is being done and the share that is done.

    Returns:
        The tables that a reader asks for first.

    Raises:
        DataError: nothing can be scored, or the disk refuses.
    """
    scores: dict[tuple[str, str], xr.Dataset] = {}
    marks = {} if overlap is None else overlap.attributes()
    for regime, quantiles in forecasts.items():
        target = str(quantiles.name).removesuffix("_quantiles")
        observed = series_of(store, [str(station) for station in quantiles["station"].values])[target]
        training = observed.sel(time=slice(str(train[0]), str(train[1])))
        groups = _groups(kind, training, quantiles.sizes["lead_time"])
        past: dict[str, list[np.ndarray]] = {}
        if ensemble is not None and regime == "none":
            issue_times = pd.DatetimeIndex(quantiles["issue_time"].values)
            report = partial(on_stage, f"Probabilities of {ESP}")
            past = ensemble_probabilities(ensemble, groups, observed, issue_times, report)
        own = own_probabilities(quantiles, groups, observed, training, partial(on_stage, "Joining days"))
        for group, (leads, extremes) in groups.items():
            means = {n: Means.of(observed, training, n) for n in {extreme.length for extreme in extremes}}
            each = []
            for position, extreme in enumerate(extremes):
                on_stage(f"Scoring, forcing {regime}, {group}", position / len(extremes))
                made = {MODEL: own[group][position]}
                made |= references(extreme, quantiles, means[extreme.length], leads)
                made |= {ESP: past[group][position]} if past else {}
                each.append(_scores(extreme, made, quantiles, means[extreme.length], leads, kind, warn_at, resamples))
            names = xr.Variable("event", np.array([extreme.name for extreme in extremes], dtype=object))
            attributes = {
                "title": f"Probabilities of {kind}s, forcing {regime}. {title}".rstrip(". "),
                "source": f"hydromae {VERSION}",
                "warn_at": warn_at,
                **marks,
            }
            together = xr.concat(each, "event", combine_attrs="override")
            scores[regime, group] = together.assign_coords(event=names).assign_attrs(attributes)
            labelled = _labelled(np.stack(own[group], -1), quantiles, leads).assign_coords(event=names)
            results = {"scores": scores[regime, group], "probabilities": labelled.assign_attrs(attributes)}
            for part in PARTS:
                write_result(results[part], output / f"{regime}_{group}_{part}.nc")
            on_stage(f"Scoring, forcing {regime}, {group}", 1.0)
    if not any(some["pairs"].any() for some in scores.values()):
        raise DataError(
            f"{store.path}: no forecast of a {kind} can be scored, since no day and station has a threshold, an "
            f"observation and a probability of every method; score other days (--split, --data)"
        )
    tables = [table for key, some in scores.items() for table in extreme_tables(some, *key, title, warn_at)]
    shown = tuple(tables if overlap is None else map(overlap.table, tables))
    write_markdown(output / "table.md", (table.markdown() for table in shown))
    for file, table in extreme_records(scores).items():
        replace_text(output / f"{file}.csv", (table if overlap is None else overlap.records(table)).csv())
    return shown


def leads_of(horizon: int) -> dict[str, np.ndarray]:
    """Lead times that are scored: days 1 to 7 and, of 14 days or more, the last day of each week."""
    by_day = {"days": np.arange(1, min(horizon, WEEK) + 1)}
    return by_day if horizon < 2 * WEEK else {**by_day, "weeks": np.arange(WEEK, horizon + 1, WEEK)}


def _groups(kind: Kind, training: xr.DataArray, horizon: int) -> dict[str, Group]:
    """Lead times and extremes that have a threshold, by day and by week."""
    lengths = {"days": 1, "weeks": WEEK}
    groups = {
        group: (leads, [extreme for extreme in EXTREMES[kind](training, lengths[group]) if extreme.defined])
        for group, leads in leads_of(horizon).items()
    }
    return {group: (leads, extremes) for group, (leads, extremes) in groups.items() if extremes}


def _scores(
    extreme: Extreme,
    probabilities: Mapping[str, Probabilities],
    quantiles: xr.DataArray,
    means: Means,
    leads: np.ndarray,
    kind: Kind,
    warn_at: float,
    resamples: int,
) -> xr.Dataset:
    issued, valid = days(quantiles["issue_time"]), valid_days(quantiles.isel(lead_time=leads - 1))
    occurred = extreme.state(means.at(valid), valid)
    scores = score_events(
        probabilities, occurred, issued, leads, warn_at=warn_at, block_days=BLOCK_DAYS[kind], resamples=resamples
    )
    state = extreme.state(means.observed, means.on)
    scores.update(first_warnings(probabilities, state, means.on, issued, leads, warn_at))
    return scores.assign_coords(station=quantiles["station"].values)


def _labelled(values: np.ndarray, quantiles: xr.DataArray, leads: np.ndarray) -> xr.Dataset:
    """Probabilities [issue_time, lead_time, station, event] with the forecast's coordinates."""
    dims = ("issue_time", "lead_time", "station")
    kept = quantiles.isel(lead_time=leads - 1, quantile=0, drop=True)
    coordinates = {name: kept[name] for name in kept.coords if set(kept[name].dims) <= set(dims)}
    words = {"long_name": "probability of the event", "units": "1"}
    return xr.Dataset({"probability": ((*dims, "event"), values, words)}, coordinates)
