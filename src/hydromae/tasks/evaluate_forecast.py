"""Forecasts beside the baselines of the same stations and years, scored, compared and written."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

import numpy as np
import pandas as pd
import xarray as xr

from hydromae.base.errors import ConfigError
from hydromae.base.given import as_names
from hydromae.base.json_text import digest
from hydromae.base.replacing import replace_text
from hydromae.base.version import VERSION
from hydromae.baselines.forecast import Baseline, Regime
from hydromae.config import Period
from hydromae.evaluation.compare import Comparison, compare
from hydromae.evaluation.forecast_scores import score_forecast
from hydromae.evaluation.forecast_verdict import UNTRAINED
from hydromae.evaluation.overlap import Overlap
from hydromae.evaluation.significance import RESAMPLES
from hydromae.evaluation.standing import MODEL, SCORED
from hydromae.metrics.pairs import MIN_PAIRS
from hydromae.prediction.trained_for import flag_of
from hydromae.results.target import write_markdown
from hydromae.results.write import write_result
from hydromae.store.store import Store
from hydromae.tasks.blended import blended
from hydromae.tasks.enough_pairs import unscored
from hydromae.tasks.forecast_baselines import (
    REGIMES,
    BaselineChoice,
    OnStage,
    fit_baselines,
    forcing_of,
    forecast_baselines,
    regimes_of,
    series_of,
)
from hydromae.tasks.forecast_tables import csv_table, markdown_tables
from hydromae.tasks.scored_period import scored_period

logger = logging.getLogger(__name__)

MEDIAN: Final = "median"
SIMULATION: Final = "simulation"  # in place of a regime, where days of a series are scored


def evaluate_forecast(
    runs: str | Path | Sequence[str | Path],
    output: str | Path | None = None,
    *,
    split: str | None = None,
    every: int = 5,
    horizon: int = 7,
    forcing: Sequence[str] = REGIMES,
    baselines: BaselineChoice | None = None,
    reference: str | None = None,
    data: str | Path | Store | None = None,
    min_pairs: int = MIN_PAIRS,
    allow_overlap: bool = False,
    device: str = "auto",
    on_stage: OnStage = lambda what, done: None,
    together: bool = False,
) -> dict[str, Comparison]:
    """Forecast a split with a run and with baselines fitted on its training period, and score them all.

    Issue times are `every` days apart from the first day of the split, as long as the whole horizon is in the split.

    Args:
        runs: run directory; the forecasts of several are averaged.
        output: folder for what `evaluate_forecasts` writes; None is `evaluation/forecast_<split>` in the first run.
        split: val, test or train; None is val where there is one, else test.
        every: days between issue times.
        horizon: longest lead time in days.
        forcing: regimes, of none and perfect.
        baselines: which to use; None is all but GR4J and the LSTM.
        reference: the forecast that the others are tested against; see `evaluate_forecasts`.
        data: other data than the run's, a store or a configuration, with the training period and this split.
        min_pairs: days that a station needs to be scored.
        allow_overlap: score days that a run was trained on, too; every row says so.
        device: auto, cpu or cuda.
        on_stage: called with what is being done and the share that is done.
        together: let several issue times share a window, see `forecast`.

    Returns:
        The comparison of each regime.

    Raises:
        RunError: a run, its data or its model cannot be used.
        ConfigError: the split, the regimes, the baselines or the reference cannot be used, a run was trained on the
            days of the split, or no station has enough of them to be scored.
        DataError: nothing can be scored, or the disk refuses.
    """
    paths = [runs] if isinstance(runs, str | Path) else list(runs)
    regimes, choice = regimes_of(as_names(forcing) or ()), baselines or BaselineChoice()
    check_reference(choice, reference)
    period = scored_period(paths, data, split, every, horizon, min_pairs, allow_overlap)
    files = [f"{regime}{part}.nc" for regime in regimes for part in ("", "_scores", "_stations")]
    folder = period.folder(output, "forecast", [*files, "table.md", "table.csv"])
    return evaluate_forecasts(
        period.forecasts(paths, horizon, regimes, device, on_stage, together),
        period.measured,
        period.train,
        folder,
        choice,
        title=period.title,
        reference=reference,
        min_pairs=min_pairs,
        overlap=period.overlap,
        on_stage=on_stage,
    )


def evaluate_forecasts(
    forecasts: Mapping[Regime, xr.Dataset] | Mapping[str, xr.Dataset],
    store: Store,
    train: Period,
    output: Path,
    choice: BaselineChoice,
    *,
    title: str = "",
    model: str = MODEL,
    notes: Sequence[str] = (),
    reference: str | None = None,
    min_pairs: int = MIN_PAIRS,
    resamples: int = RESAMPLES,
    overlap: Overlap | None = None,
    on_stage: OnStage = lambda what, done: None,
) -> dict[str, Comparison]:
    """Fit baselines, score forecasts beside theirs, and write everything.

    Writes, for each regime, `<regime>.nc` (the forecast), `<regime>_scores.nc` (quartiles over stations of every model
    and their differences from the reference) and `<regime>_stations.nc` (every metric of the forecast at every
    station, and some of every model's on the days that all have); for all of them `table.md` and `table.csv`.

    Args:
        forecasts: by regime, as `forecast` returns them, all of the same issue times; or, as the only one, a
            `SIMULATION` [time, station], beside which stands what a baseline says of a day from the day before.
        store: observations, and the series that baselines are fitted on; values on days that it declares wrong are
            neither learned from, given to a baseline nor scored, see `declared_by`.
        train: training period, on which baselines are fitted and which gives the thresholds of floods and low flows.
        output: folder.
        choice: the baselines.
        title: of the tables.
        model: what the tables call the forecast.
        notes: sentences for the page of tables.
        reference: name of the forecast that the others are tested against; None is ridge where it is among the
            baselines, else the first of them, else the model.
        min_pairs: days that a station needs to be scored.
        resamples: number of resamples of the bootstrap that tests differences.
        overlap: scored days that a run was trained on, which every row then says.
        on_stage: called with what is being done and the share that is done.

    Returns:
        The comparison of each regime. The model's mean has its name; the median of a model with quantiles, together
        with them, is `<name>, median`; of our own models there is with GR4J also their blend, see `blended`.

    Raises:
        ConfigError: a baseline or the reference is unknown.
        DataError: nothing can be scored, or the disk refuses.
    """
    reference = check_reference(choice, reference, model)
    any_forecast = next(iter(forecasts.values()))
    targets = [str(name) for name in any_forecast.data_vars if name in store.names]
    target = targets[0]
    series = series_of(store, [str(station) for station in any_forecast["station"].values])
    weather = forcing_of(store, targets)
    horizon = int(any_forecast["lead_time"].max()) if "lead_time" in any_forecast.dims else 1
    fitted = fit_baselines(choice, series, target, weather, train, horizon, data=_content(store), on_stage=on_stage)
    marks = {} if overlap is None else overlap.attributes()
    training = series[target].sel(time=slice(str(train[0]), str(train[1])))
    comparisons = {}
    for regime, made in forecasts.items():
        of_baselines = _beside(made, fitted, series, regime, on_stage)
        median = _median(made, target, model)
        together = blended(made[target], of_baselines) if model == MODEL else {}
        rows = {model: made[target], **median, **together, **of_baselines}
        _warn_of_gaps(rows, regime)
        on_stage(f"Scoring, forcing {regime}", 0.0)
        write_result(made.assign_attrs(marks), output / f"{regime}.nc")
        comparison = compare(
            rows,
            series[target],
            training=training,
            reference=reference,
            min_pairs=min_pairs,
            resamples=resamples,
        )
        if why := unscored(rows, series[target], min_pairs, choice.names):
            logger.warning("%s, forcing %s: %s", store.path, regime, why)
        said = {UNTRAINED: flag} if (flag := flag_of(made.attrs)) else {}
        said |= {SCORED: model} if model != MODEL else {}
        comparison = replace(comparison, scores=comparison.scores.assign_attrs(said))
        comparisons[str(regime)] = comparison.with_overlap(overlap).with_reason(why)
        stations = score_forecast(
            next(iter(median.values()), rows[model]), series[target], reference=training, min_pairs=min_pairs
        )
        beside = comparison.stations.reindex_like(stations[["nse"]])
        scored = {
            "title": f"Scores of forecasts, forcing {regime}. {title}".rstrip(". "),
            "source": f"hydromae {VERSION}",
        }
        scores = comparisons[str(regime)].scores
        write_result(scores.assign_attrs(scored), output / f"{regime}_scores.nc")
        write_result(stations.assign(beside.data_vars).assign_attrs(marks, **scored), output / f"{regime}_stations.nc")
        on_stage(f"Scoring, forcing {regime}", 1.0)
    said_too = [f"- {note}" for note in notes]
    write_markdown(
        output / "table.md", [*markdown_tables(comparisons, title), *(["\n".join(said_too) + "\n"] if notes else [])]
    )
    replace_text(output / "table.csv", csv_table(comparisons))
    return comparisons


def check_reference(choice: BaselineChoice, reference: str | None, model: str = MODEL) -> str:
    """The name of the reference, known before any work.

    Raises:
        ConfigError: a baseline or the reference is unknown.
    """
    choice.check()
    if reference is None:
        return "ridge" if "ridge" in choice.names else (*choice.names, model)[0]
    if reference not in (model, *choice.names):
        raise ConfigError(f"reference {reference}: is none of {', '.join((model, *choice.names))}")
    return reference


def _content(store: Store) -> str:
    """Fingerprint of the values that baselines are fitted on."""
    wrong = store.days[~store.usable]
    return (
        store.fingerprint
        if not len(wrong)
        else digest({"data": store.fingerprint, "without": wrong.astype(str).tolist()})
    )


def _beside(
    made: xr.Dataset, fitted: Mapping[str, Baseline], series: xr.Dataset, regime: str, on_stage: OnStage
) -> dict[str, xr.DataArray]:
    """What the baselines say of the days that are forecast, or simulated."""
    if "issue_time" in made.dims:
        issues = pd.DatetimeIndex(made["issue_time"].values)
        all_leads = forecast_baselines(fitted, series, issues, cast(Regime, regime), on_stage)
        return {name: one.sel(lead_time=made["lead_time"].values) for name, one in all_leads.items()}
    before = pd.DatetimeIndex(made["time"].values) - pd.Timedelta(days=1)
    first_leads = forecast_baselines(fitted, series, before, "none", on_stage)
    return {
        name: one.isel(lead_time=0, drop=True).rename(issue_time="time").assign_coords(time=made["time"].values)
        for name, one in first_leads.items()
    }


def _median(made: xr.Dataset, target: str, model: str) -> dict[str, xr.DataArray]:
    """The forecast's quantiles, of which the median is scored as a point; empty where there is no median."""
    if "quantile" not in made.dims or not np.isclose(made["quantile"].values, 0.5).any():
        return {}
    return {f"{model}, {MEDIAN}": made[f"{target}_quantiles"]}


def _warn_of_gaps(rows: Mapping[str, xr.DataArray], regime: str) -> None:
    """Warn of models that lack some forecasts: where one lacks a forecast, no model is scored."""
    for name, row in rows.items():
        lacking = row.isnull().mean().item()
        if lacking:
            logger.warning(
                "%s, forcing %s: lacks %.3g %% of its forecasts, which are scored for no model",
                name,
                regime,
                100 * lacking,
            )
