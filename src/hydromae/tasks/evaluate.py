"""The tasks by name, each scored on a held-out period beside simple methods for the same task."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import xarray as xr

from hydromae.base.errors import ConfigError
from hydromae.base.given import as_names
from hydromae.base.html_text import html_table
from hydromae.base.replacing import all_or_none
from hydromae.evaluation.event_scores import WARN_AT
from hydromae.evaluation.overlap import overlap_of
from hydromae.evaluation.tables import ScoreTable, short
from hydromae.metrics.pairs import MIN_PAIRS
from hydromae.prediction.known_data import data_of
from hydromae.results.target import check_folder
from hydromae.runs.directory import RunDirectory
from hydromae.store.store import Store
from hydromae.tasks.cross_modality import cross_modality
from hydromae.tasks.evaluate_extremes import evaluate_extremes
from hydromae.tasks.evaluate_forecast import evaluate_forecast
from hydromae.tasks.evaluate_infill import evaluate_infill
from hydromae.tasks.evaluate_ungauged import evaluate_ungauged
from hydromae.tasks.forecast_baselines import BaselineChoice
from hydromae.tasks.forecast_tables import csv_table, shown_tables, verdict_of
from hydromae.tasks.score_extremes import Kind
from hydromae.tasks.task_scores import unseen_split

OnStage = Callable[[str, float], None]


@dataclass(frozen=True, repr=False)
class Evaluation:
    """What an evaluation gives.

    Attributes:
        output: folder with the written files.
        tables: for a person to read.
        verdict: what they say, in a sentence: against what the model wins, where not, and what to try.
        records: every score in full, as comma-separated values; empty where the tables are all there is.
    """

    output: Path
    tables: tuple[ScoreTable, ...]
    verdict: str = ""
    records: str = ""

    def __repr__(self) -> str:
        titles = "".join(f"\n  {table.title}" for table in self.tables)
        return f"Evaluation({str(self.output)!r}){titles}" + (f"\n{self.verdict}" if self.verdict else "")

    def _repr_html_(self) -> str:
        shown = (html_table(table.columns, table.rows, table.title, table.note) for table in self.tables)
        return "".join(shown) + html_table((), (), note=self.verdict)


@dataclass(frozen=True)
class Question:
    """What is to be evaluated; each task uses the attributes that concern it.

    Attributes:
        runs: run directories, whose predictions are averaged; only one for task modalities.
        split: val, test or train; None is the first of val and test that no run was trained on.
        data: other data than the run's.
        output: folder; None is `evaluation/<task>_<split>` in the first run.
        every: days between issue times of forecasts.
        horizon: longest lead time of forecasts, days.
        forcing: regimes of forecasts, none or perfect.
        baselines: of forecasts; None is all but GR4J and the LSTM.
        reference: of forecasts, see `evaluate_forecasts`.
        min_pairs: days that a station needs to be scored, of forecasts and ungauged stations.
        stations: ids of ungauged stations, see `evaluate_ungauged`.
        folds: table of folds of ungauged stations.
        fold: number of the fold that was held out.
        windows: the largest number to use in task modalities.
        warn_at: probability of a flood or drought from which on a forecast is a warning.
        esp: whether floods and droughts are compared with ensemble streamflow prediction.
        allow_overlap: score days that a run was trained on, too; every row says so.
        overwrite: replace the scores of an earlier evaluation in `output`.
        together: let several issue times of forecasts share a window, see `forecast`.
    """

    runs: tuple[str | Path, ...]
    split: str | None = None
    data: Path | Store | None = None
    output: Path | None = None
    every: int = 5
    horizon: int = 7
    forcing: tuple[str, ...] = ("none", "perfect")
    baselines: BaselineChoice | None = None
    reference: str | None = None
    min_pairs: int = MIN_PAIRS
    stations: tuple[str, ...] | None = None
    folds: Path | None = None
    fold: int = 0
    windows: int | None = None
    warn_at: float = WARN_AT
    esp: bool = True
    allow_overlap: bool = False
    overwrite: bool = False
    together: bool = False

    def folder(self, task: str) -> Path:
        """Where to write."""
        if self.output is not None:
            return self.output
        return RunDirectory.open(self.runs[0]).own_output("evaluation") / f"{task}_{self.split}"

    def only_run(self, task: str) -> str | Path:
        """The run, where there is only one.

        Raises:
            ConfigError: there are several.
        """
        if len(self.runs) != 1:
            raise ConfigError(f"task {task} is evaluated for one run at a time; name one of the {len(self.runs)}")
        return self.runs[0]


def evaluate(task: str, question: Question, on_stage: OnStage = lambda what, done: None) -> Evaluation:
    """Score a task on a held-out period and write tables and scores.

    Args:
        task: one of `TASKS`.
        question: runs, period, data and the rest.
        on_stage: called with what is being done and the share that is done.

    Raises:
        RunError: a run, its data or its model cannot be used.
        ConfigError: the task is unknown, or does not fit the run or the options; or a run was trained on the days.
        DataError: nothing can be scored, the disk refuses, or scores are in the folder already.
    """
    answer = known_task(task)
    runs = [question.runs] if isinstance(question.runs, str | Path) else question.runs
    named = as_names(question.stations)
    question = replace(
        question,
        runs=tuple(runs),
        output=None if question.output is None else Path(question.output),
        forcing=tuple(as_names(question.forcing) or ()),
        stations=None if named is None else tuple(named),
    )
    if not question.runs:
        raise ConfigError("no run is named; give the output of `hydromae train`")
    check_output(task, question.output, question.overwrite)
    if question.split is None:
        store = RunDirectory.open(question.runs[0]).store() if question.data is None else data_of(question.data)
        question = replace(question, split=unseen_split(store, question.runs))
    if question.output is None:  # files of the run, which are replaced without being asked
        return answer(question, on_stage)
    with all_or_none(Path(question.output)):
        return answer(question, on_stage)


def check_output(task: str, output: Path | None, overwrite: bool) -> None:
    """Refuse, before any work, a folder with scores of the task that must not be replaced; None is one of the run.

    Raises:
        ConfigError: the task is unknown.
        DataError: it holds such scores, or is a file.
    """
    known_task(task)
    if output is not None:
        check_folder(output, _FILES[task], overwrite)


def known_task(task: str) -> Callable[[Question, OnStage], Evaluation]:
    """The task with a name.

    Raises:
        ConfigError: there is none.
    """
    if task not in TASKS:
        raise ConfigError(f"task {task} is unknown; there are {', '.join(TASKS)}")
    return TASKS[task]


def _forecast(question: Question, on_stage: OnStage) -> Evaluation:
    folder = question.folder("forecast")
    choice = replace(question.baselines or BaselineChoice(), keep=folder / "lstm")
    comparisons = evaluate_forecast(
        question.runs,
        folder,
        split=question.split,
        every=question.every,
        horizon=question.horizon,
        forcing=question.forcing,
        baselines=choice,
        reference=question.reference,
        data=question.data,
        min_pairs=question.min_pairs,
        allow_overlap=question.allow_overlap,
        on_stage=on_stage,
        together=question.together,
    )
    tables = [table for regime, comparison in comparisons.items() for table in shown_tables(comparison, regime)]
    return Evaluation(folder, tuple(tables), verdict_of(comparisons), csv_table(comparisons))


def _infill(question: Question, on_stage: OnStage) -> Evaluation:
    folder = question.folder("infill")
    scores = evaluate_infill(
        question.runs,
        folder,
        question.data,
        question.split,
        allow_overlap=question.allow_overlap,
        on_progress=lambda done: on_stage("Filling hidden spans", done),
    )
    return Evaluation(folder, scores.tables, scores.verdict, scores.records.csv())


def _ungauged(question: Question, on_stage: OnStage) -> Evaluation:
    folder = question.folder("ungauged")
    scores = evaluate_ungauged(
        question.runs,
        folder,
        question.data,
        question.split,
        stations=question.stations,
        folds=question.folds,
        fold=question.fold,
        min_pairs=question.min_pairs,
        allow_overlap=question.allow_overlap,
        on_progress=lambda done: on_stage("Simulating ungauged stations", done),
    )
    return Evaluation(folder, scores.tables, scores.verdict, scores.records.csv())


def _extremes(kind: Kind) -> Callable[[Question, OnStage], Evaluation]:
    def answer(question: Question, on_stage: OnStage) -> Evaluation:
        folder = question.folder(kind)
        tables = evaluate_extremes(
            kind,
            question.runs,
            folder,
            split=question.split,
            every=question.every,
            horizon=question.horizon,
            forcing=question.forcing,
            data=question.data,
            warn_at=question.warn_at,
            esp=question.esp,
            allow_overlap=question.allow_overlap,
            on_stage=on_stage,
            together=question.together,
        )
        return Evaluation(folder, tables)

    return answer


def _modalities(question: Question, on_stage: OnStage) -> Evaluation:
    if question.data is not None:
        raise ConfigError("task modalities looks at the run's own data; leave --data out")
    folder = question.folder("modalities")
    scores = cross_modality(
        question.only_run("modalities"),
        question.split,
        folder / "cross_modality.nc",
        windows=question.windows,
        allow_overlap=question.allow_overlap,
        on_progress=lambda done: on_stage("Hiding each modality", done),
        overwrite=True,
    )
    return Evaluation(folder, tuple(_skills(scores, str(own)) for own in scores["own"].values))


def _skills(scores: xr.Dataset, own: str) -> ScoreTable:
    """Skill of each target with each modality hidden, one row for each target."""
    skill = scores["skill"].sel(own=own).transpose("target", "hidden")
    rows = tuple(
        (str(target), *map(short, values)) for target, values in zip(skill["target"].values, skill.values, strict=True)
    )
    columns = ("reconstructed", *(f"{hidden} hidden" for hidden in skill["hidden"].values))
    title = f"Skill against the training mean, one modality hidden wholly; the target's own unmasked tokens {own}"
    table = ScoreTable(title, columns, rows, "skill: 1 - MSE / MSE of the training mean")
    return table if (overlap := overlap_of(scores.attrs)) is None else overlap.table(table)


# Patterns of the names of what each task writes into its folder.
_REGIMES: Final = ("none", "perfect")
_FORECASTS: Final = tuple(f"{regime}{part}.nc" for regime in _REGIMES for part in ("", "_scores", "_stations"))
_EXTREMES: Final = tuple(f"{regime}_*_{part}.nc" for regime in _REGIMES for part in ("scores", "probabilities"))
_FILES: Final = {
    "forecast": (*_FORECASTS, "table.md", "table.csv"),
    "infill": ("infill_scores.md", "infill_scores.csv"),
    "ungauged": ("ungauged_scores.md", "ungauged_scores.csv"),
    "modalities": ("cross_modality.nc", "cross_modality.csv"),
    "flood": (*_EXTREMES, "table.md", "table.csv", "warnings.csv", "reliability.csv"),
    "drought": (*_EXTREMES, "table.md", "table.csv", "warnings.csv", "reliability.csv"),
}

TASKS: Final[dict[str, Callable[[Question, OnStage], Evaluation]]] = {
    "forecast": _forecast,
    "infill": _infill,
    "ungauged": _ungauged,
    "modalities": _modalities,
    "flood": _extremes("flood"),
    "drought": _extremes("drought"),
}
