"""The days on which forecasts of a run are scored, and what is needed to score them, known before any work."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import xarray as xr

from hydromae.base.errors import ConfigError
from hydromae.baselines.forecast import Regime
from hydromae.config import Config, Period
from hydromae.evaluation.overlap import Overlap
from hydromae.masks.whole import forecast_modalities
from hydromae.prediction.known_data import data_of
from hydromae.results.target import check_folder
from hydromae.runs.directory import RunDirectory
from hydromae.store.store import Store
from hydromae.tasks.enough_pairs import require_issue_times
from hydromae.tasks.forecast import forecast, issue_days
from hydromae.tasks.forecast_baselines import OnStage
from hydromae.tasks.overlap import overlap_with_training
from hydromae.tasks.task_scores import scored_days
from hydromae.tokens.shape import token_shape


@dataclass(frozen=True)
class ScoredPeriod:
    """A split on which forecasts are scored.

    Attributes:
        run: the first run.
        given: the data that were named in place of the run's; None where there are none.
        measured: the data without the days that any run's `data.exclude_dates` declares wrong.
        split: val, test or train.
        issues: issue days.
        target: the series that is scored.
        train: the training period of the data, from which baselines learn.
        overlap: scored days that a run was trained on.
        title: of the tables.
    """

    run: RunDirectory
    given: Store | None
    measured: Store
    split: str
    issues: list[date]
    target: str
    train: Period
    overlap: Overlap | None
    title: str

    def folder(self, output: str | Path | None, task: str, files: Iterable[str]) -> Path:
        """The folder of the results: `output`, or one of the first run.

        Args:
            output: None is `evaluation/<task>_<split>` in the run.
            task: name of what is scored.
            files: that will be written there; outside the run they may only replace what hydromae wrote.

        Raises:
            DataError: a file is there that hydromae did not write.
        """
        path = self.run.path
        folder = Path(output) if output is not None else path / "evaluation" / f"{task}_{self.split}"
        if not folder.resolve().is_relative_to(path.resolve()):
            check_folder(folder, files, overwrite=True)
        return folder

    def forecasts(
        self,
        runs: Sequence[str | Path],
        horizon: int,
        regimes: Sequence[Regime],
        device: str,
        on_stage: OnStage,
        together: bool = False,
    ) -> dict[Regime, xr.Dataset]:
        """The runs' forecast from every issue day, by regime; arguments and errors as of `forecast`."""
        return {
            regime: forecast(
                runs,
                self.issues,
                data=self.given,
                horizon=horizon,
                forcing=regime,
                device=device,
                on_progress=partial(on_stage, f"Forecasting, forcing {regime}"),
                together=together,
            )
            for regime in regimes
        }


def scored_period(
    runs: Sequence[str | Path],
    data: str | Path | Store | None,
    split: str | None,
    every: int,
    horizon: int,
    min_pairs: int,
    allow_overlap: bool,
) -> ScoredPeriod:
    """Issue days `every` days apart from the first day of a split, as long as the whole horizon is in the split.

    Args:
        runs: run directories.
        data: other data than the first run's.
        split: None is val where there is one, else test.
        every: days between issue times.
        horizon: longest lead time in days.
        min_pairs: days that a station needs to be scored.
        allow_overlap: score days that a run was trained on, too.

    Raises:
        RunError: a run or its data cannot be used.
        ConfigError: there is no such split, it is too short, a run was trained on its days, or no station has enough of
            them.
    """
    run = RunDirectory.open(runs[0])
    given = None if data is None else data_of(data)
    store = run.store() if given is None else given
    split, days = scored_days(store, split)
    first, last = store.periods[split]
    where = f"{store.path}: its {split} period, {first} to {last}"
    if first + timedelta(days=horizon) > last:
        raise ConfigError(f"{where}, is shorter than {horizon} days")
    issues = issue_days(first, last - timedelta(days=horizon), every)
    measured = declared_by(runs, store)
    overlap = overlap_with_training(runs, measured, days, f"its {split} period", allow_overlap)
    config = run.config()
    target = _target(config)
    if target in store.names:
        observed = store.present(target) & measured.usable[:, None]
        require_issue_times(observed, days, every, horizon, min_pairs, where)
    # Data of one's own have a training period of their own, which that of the model may not even meet.
    train = config.data.train if given is None else given.periods.get("train", config.data.train)
    assert train is not None  # else it had not been trained
    title = f"{config.name}, {issues[0]} to {issues[-1]} every {every} days"
    return ScoredPeriod(run, given, measured, split, issues, target, train, overlap, title)


def declared_by(runs: Sequence[str | Path], store: Store) -> Store:
    """A store without the days that any run's `data.exclude_dates` declares wrong: all are scored on these days."""
    for run in runs:
        store = store.with_excluded(RunDirectory.open(run).config().data.exclude_dates)
    return store


def _target(config: Config) -> str:
    """The series that is scored: the first that a run forecasts."""
    shapes = {name: token_shape(config.model, name, 1) for name in config.model.modalities}
    units = {name: modality.units for name, modality in config.data.modalities.items()}
    return forecast_modalities(units, shapes, config.masking.forecast)[0]
