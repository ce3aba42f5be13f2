"""Floods and droughts of a held-out period: forecast with a run that has quantiles, and scored."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import xarray as xr

from hydromae.base.errors import ConfigError, RunError
from hydromae.base.given import as_names
from hydromae.base.shell import command
from hydromae.config import Period
from hydromae.evaluation.event_scores import WARN_AT
from hydromae.evaluation.tables import ScoreTable
from hydromae.runs.directory import RunDirectory
from hydromae.store.store import Store
from hydromae.tasks.extreme_ensemble import Ensemble, fitted_ensemble
from hydromae.tasks.forecast_baselines import REGIMES, OnStage, forcing_of, regimes_of, series_of
from hydromae.tasks.score_extremes import EXTREMES, PARTS, Kind, leads_of, score_extremes
from hydromae.tasks.scored_period import ScoredPeriod, scored_period

_QUANTILES: Final = "model.quantiles=[0.01,0.05,0.25,0.5,0.75,0.95,0.99]"
_NEEDS: Final = {
    "flood": "10 water years (from 1 October) of 330 observed days",
    "drought": "365 observed days, and for the streamflow index 280 spans of 30 days in each calendar month",
}


def evaluate_extremes(
    kind: Kind,
    runs: str | Path | Sequence[str | Path],
    output: str | Path | None = None,
    *,
    split: str | None = None,
    every: int = 5,
    horizon: int = 7,
    forcing: Sequence[str] = REGIMES,
    data: str | Path | Store | None = None,
    warn_at: float = WARN_AT,
    esp: bool = True,
    allow_overlap: bool = False,
    device: str = "auto",
    on_stage: OnStage = lambda what, done: None,
    together: bool = False,
) -> tuple[ScoreTable, ...]:
    """Forecast a split with a run that has quantiles, and score its probabilities of floods or droughts.

    Lead times are 1 to 7 days and, with a horizon of 14 days or more, the weeks in it as means of 7 days.

    Args:
        kind: flood or drought, see `hydromae.evaluation.extremes`.
        runs: run directory; the forecasts of several are averaged.
        output: folder for what `score_extremes` writes; None is `evaluation/<kind>_<split>` in the first run.
        split: val, test or train; None is val where there is one, else test.
        every: days between issue times.
        horizon: longest lead time in days.
        forcing: regimes, of none and perfect.
        data: other data than the run's, a store or a configuration, with the training period and this split.
        warn_at: probability from which on a forecast is a warning.
        esp: compare with ensemble streamflow prediction, for which GR4J is calibrated at every station.
        allow_overlap: score days that a run was trained on, too; every row says so.
        device: auto, cpu or cuda.
        on_stage: called with what is being done and the share that is done.
        together: let several issue times share a window, see `forecast`.

    Returns:
        The tables that a reader asks for first.

    Raises:
        RunError: a run, its data or its model cannot be used, or it has no quantiles.
        ConfigError: the split, the regimes or the horizon cannot be used, a run was trained on the days of the split,
            or the training period is too short for any threshold.
        DataError: nothing can be scored, or the disk refuses.
    """
    if not 0 < warn_at <= 1:
        raise ConfigError(
            f"warnings at a probability of {warn_at:g} cannot be; give one above 0, at most 1 (--warn-at)"
        )
    paths = [runs] if isinstance(runs, str | Path) else list(runs)
    regimes = regimes_of(as_names(forcing) or ())
    require_quantiles(paths)
    period = scored_period(paths, data, split, every, horizon, 1, allow_overlap)
    groups = leads_of(horizon)
    files = [f"{regime}_{group}_{part}.nc" for regime in regimes for group in groups for part in PARTS]
    folder = period.folder(output, kind, [*files, "table.md", "table.csv", "warnings.csv", "reliability.csv"])
    require_thresholds(kind, period.measured, period.target, period.train)
    forecasts = period.forecasts(paths, horizon, regimes, device, on_stage, together)
    made = {regime: made_so[f"{period.target}_quantiles"] for regime, made_so in forecasts.items()}
    return score_extremes(
        kind,
        made,
        period.measured,
        period.train,
        folder,
        title=period.title,
        warn_at=warn_at,
        ensemble=_ensemble(period, made["none"], on_stage) if esp and "none" in made else None,
        overlap=period.overlap,
        on_stage=on_stage,
    )


def require_quantiles(runs: Sequence[str | Path]) -> None:
    """Refuse runs without two quantiles.

    Raises:
        RunError: a run has fewer.
    """
    for run in runs:
        if len(RunDirectory.open(run).config().model.quantiles) < 2:
            raise RunError(
                f"{run}: has fewer than two quantiles (model.quantiles), which probabilities come from; "
                f"teach it some with `{command('finetune', run, '--task', 'forecast', _QUANTILES)}`"
            )


def require_thresholds(kind: Kind, store: Store, target: str, train: Period) -> None:
    """Refuse a training period from which no station has any threshold.

    Raises:
        ConfigError: there is none.
    """
    observed = series_of(store, store.station_ids)[target].sel(time=slice(str(train[0]), str(train[1])))
    if not any(extreme.defined for extreme in EXTREMES[kind](observed)):
        raise ConfigError(
            f"{store.path}: the training period, {train[0]} to {train[1]}, gives no station a threshold of a {kind}, "
            f"which needs {_NEEDS[kind]}; evaluate a run that was trained on more years of {target} (data.train)"
        )


def _ensemble(period: ScoredPeriod, made: xr.DataArray, on_stage: OnStage) -> Ensemble | None:
    """Fitted on the stations and the horizon of a forecast."""
    on_stage("Calibrating GR4J for ESP", 0.0)
    series = series_of(period.measured, [str(station) for station in made["station"].values])
    weather = forcing_of(period.measured, [period.target])
    fitted = fitted_ensemble(series, period.target, weather, period.train, made.sizes["lead_time"])
    on_stage("Calibrating GR4J for ESP", 1.0)
    return fitted
