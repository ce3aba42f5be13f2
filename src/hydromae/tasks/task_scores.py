"""The scores of a task as tables, and where a run keeps them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from hydromae.base.errors import ConfigError
from hydromae.base.replacing import replace_text
from hydromae.evaluation.overlap import Overlap
from hydromae.evaluation.tables import ScoreTable
from hydromae.prediction.predictor import Predictor
from hydromae.prediction.several_runs import excluded_by_any
from hydromae.results.target import write_markdown
from hydromae.store.store import Store
from hydromae.tasks.overlap import overlap_with_training


@dataclass(frozen=True)
class TaskScores:
    """The scores of a model and its baselines in a task.

    Attributes:
        tables: for a person to read, one after the other.
        records: every number in full, one in each row.
        scores: of every station, as computed.
        verdict: what they say, in a sentence.
    """

    tables: tuple[ScoreTable, ...]
    records: ScoreTable
    scores: xr.Dataset
    verdict: str = ""

    def with_overlap(self, overlap: Overlap | None) -> "TaskScores":
        """The same scores, with every row saying which of the days were trained on, if any."""
        if overlap is None:
            return self
        tables = tuple(map(overlap.table, self.tables))
        scores = self.scores.assign_attrs(overlap.attributes())
        return TaskScores(tables, overlap.records(self.records), scores, f"{self.verdict} {overlap.note}.".strip())

    def write(self, folder: Path, stem: str) -> tuple[Path, Path]:
        """Write `<stem>.md` and `<stem>.csv` into a folder, and say where."""
        page, table = folder / f"{stem}.md", folder / f"{stem}.csv"
        verdict = [f"{self.verdict}\n"] if self.verdict else []
        write_markdown(page, [*verdict, *(scores.markdown() for scores in self.tables)])
        replace_text(table, self.records.csv())
        return page, table


def folder_of(predictor: Predictor, output: str | Path | None, name: str) -> Path:
    """Where scores are written: the given folder, or one of that name in the run."""
    return predictor.run.own_output("evaluation") / name if output is None else Path(output)


def default_split(store: Store) -> str:
    """The split that a task is scored on by default: val where there is one, else test.

    Raises:
        ConfigError: there is neither.
    """
    for split in ("val", "test"):
        if split in store.periods:
            return split
    raise ConfigError(f"{store.path}: has neither a val nor a test period; give data that have one, or a split")


def unseen_split(store: Store, runs: Sequence[str | Path]) -> str:
    """The first of val and test that no run was trained on; `default_split` where both were.

    Raises:
        ConfigError: there is neither.
        RunError: a run holds no model.
    """
    for split in ("val", "test"):
        if split in store.periods and not overlap_with_training(
            runs, store, store.period_slice(split), "", allowed=True
        ):
            return split
    return default_split(store)


def scored_days(store: Store, split: str | None) -> tuple[str, slice]:
    """A split, `default_split` where none is named, and its days.

    Raises:
        ConfigError: there is no such split.
    """
    split = default_split(store) if split is None else split
    return split, store.period_slice(split)


def training_period(predictor: Predictor) -> slice:
    """First and last day that baselines learn from: the training period of the data, or else that of the run."""
    first, last = predictor.store.periods.get("train", predictor.data.trained_on["period"])
    return slice(str(first), str(last))


def observed_series(predictor: Predictor, name: str) -> xr.DataArray:
    """A series over all days of the data, float32 [time, station] of the predictor's stations, with its unit."""
    values = predictor.data.read(name, 0, predictor.store.n_days)
    coordinates = {"time": predictor.store.days.astype("datetime64[s]"), "station": list(predictor.stations)}
    return xr.DataArray(values, coordinates, ("time", "station"), name, {"units": units_of(predictor, name)})


def usable_series(predictors: Sequence[Predictor], name: str) -> xr.DataArray:
    """As `observed_series` of the first predictor, without the days that the data or any run's settings declare wrong.

    Values on those days are neither learned from nor scored.
    """
    observed = observed_series(predictors[0], name)
    observed[excluded_by_any(predictors)] = np.nan
    return observed


def task_overlap(predictors: Sequence[Predictor], split: str, days: slice, allowed: bool) -> Overlap | None:
    """The scored days of a split that any run was trained on; see `overlap_with_training`."""
    store = predictors[0].store
    for predictor in predictors:
        store = store.with_excluded(predictor.config.data.exclude_dates)
    runs = [predictor.run.path for predictor in predictors]
    return overlap_with_training(runs, store, days, f"its {split} period", allowed)


def units_of(predictor: Predictor, name: str) -> str:
    """The unit of a modality in the data, or where they lack it in the training."""
    return predictor.data.units[name]
