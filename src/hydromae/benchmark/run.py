"""A benchmark from its files to its table: store, seeds, forecasts, scores. Finished work is not repeated."""

import hashlib
import json
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import xarray as xr

from hydromae.base.errors import ConfigError, DataError
from hydromae.base.files import sha256
from hydromae.benchmark import gb_flow_7 as definition
from hydromae.benchmark.settings import packaged_settings
from hydromae.config import Config, Period
from hydromae.config.read import build_config
from hydromae.evaluation.compare import Comparison
from hydromae.readers.labelled import load_labelled
from hydromae.results.target import check_folder
from hydromae.results.write import write_result
from hydromae.runs.changes import refuse_changes
from hydromae.runs.directory import RunDirectory
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.tasks.evaluate_forecast import check_reference, evaluate_forecasts
from hydromae.tasks.forecast import forecast
from hydromae.tasks.forecast_baselines import REGIMES, BaselineChoice, OnStage
from hydromae.tasks.overlap import overlap_with_training
from hydromae.tasks.scored_period import declared_by
from hydromae.training.callback import Callback
from hydromae.training.progress import Progress
from hydromae.training.runs import continue_run, is_finished, new_run

BENCHMARKS = ("gb-flow-7",)


@dataclass(frozen=True)
class Benchmark:
    """What a benchmark writes.

    Attributes:
        output: folder with the store, the runs, the forecasts and the tables.
        title: of its tables.
        comparisons: by regime of forcing.
    """

    output: Path
    title: str
    comparisons: dict[str, Comparison]


def benchmark_config(
    data: Path, output: Path, seed: int = 0, overrides: Sequence[str] = (), select: bool = False
) -> Config:
    """The packaged settings of one seed.

    Args:
        data: folder with the two files of the benchmark.
        output: gets the store and the runs.
        seed: of the training.
        overrides: keys to change, as `training.lr=1e-3`.
        select: hold years of the training period out, and do not use the benchmark's own.

    Raises:
        ConfigError: a key or a value is wrong.
    """
    raw = packaged_settings()
    raw["data"] |= {"root": str(data), "store": str(output / "store")}
    if select:
        raw["data"] |= {"train": _days(definition.HELD_OUT_TRAIN), "test": _days(definition.HELD_OUT)}
    raw |= {"seed": seed, "output": str(output / f"seed_{seed}")}
    return build_config(raw, overrides, where="gb-flow-7")


def run_benchmark(
    data: Path,
    output: Path,
    *,
    seeds: int = 2,
    minutes: float | None = None,
    baselines: BaselineChoice | None = None,
    runs: Sequence[Path] = (),
    select: bool = False,
    overrides: Sequence[str] = (),
    reference: str | None = None,
    on_stage: OnStage = lambda what, done: None,
    callbacks: Sequence[Callback] = (),
) -> Benchmark | None:
    """Prepare, train, forecast, score and write the table of GB-Flow-7.

    Args:
        data: folder with the two files of the benchmark.
        output: folder for all files; a second call goes on with those that are there.
        seeds: trainings whose forecasts are averaged.
        minutes: of training in this call, after which it stops and can be continued; None is as long as it takes.
        baselines: to compare with; None is all but GR4J and the LSTM.
        runs: trained runs to score in place of new ones.
        select: score the held-out years inside the training period, by which settings are to be chosen.
        overrides: keys to change in the packaged settings.
        reference: the forecast that the others are tested against; see `evaluate_forecasts`.
        on_stage: called with what is being done and the share that is done.
        callbacks: take part in each training, in their order.

    Returns:
        What it writes; None if a training was stopped, which the same call continues.

    Raises:
        ConfigError: an option or key is wrong, or differs from those with which the output was begun; or a run was
            trained on days that are scored.
        DataError: a file of the benchmark is absent or wrong.
        RunError: a run cannot be used.
    """
    choice = baselines or BaselineChoice(keep=output / "lstm")
    check_reference(choice, reference)
    if not (output / "store" / "store.json").is_file():  # else the folder is that of a benchmark already
        results = [f"{regime}{part}.nc" for regime in REGIMES for part in ("", "_scores", "_stations")]
        check_folder(output, [*results, "table.md", "table.csv"], overwrite=True)
    if seeds < 1:
        raise ConfigError(f"{seeds} seeds cannot be trained; give at least 1")
    for name in (definition.TABLE, definition.ATTRIBUTES):
        if not (data / name).is_file():
            raise DataError(f"{data / name}: is absent; --data must be the folder with the benchmark's two files")
    configs = [benchmark_config(data, output, seed, overrides, select) for seed in range(seeds)]
    store = prepare(configs[0], lambda what, done: on_stage(f"Preparing the store: {what}", done))
    if not runs:
        deadline = None if minutes is None else time.monotonic() + 60 * minutes
        for config in configs:
            if not is_finished(_train(config, store, callbacks, deadline)):
                return None
        runs = [Path(config.output_path) for config in configs]
    train = configs[0].data.train
    assert train is not None
    issues = definition.held_out_days() if select else definition.issue_days()
    measured = declared_by(runs, store)
    scored = slice(*(int((np.datetime64(day) - store.first_day).astype(int)) + 1 for day in (issues[0], issues[-1])))
    scored = slice(scored.start, scored.stop + definition.HORIZON)
    overlap_with_training(runs, measured, scored, "the days of the benchmark", remedy="score other runs (--run)")
    made = {regime: _forecast(runs, store, regime, issues, output, on_stage) for regime in REGIMES}
    if not select:
        observed = _observed(store)
        for regime in REGIMES:
            definition.require_complete(made[regime][definition.TARGET], observed)
    title = f"{'held-out years of ' if select else ''}GB-Flow-7, {len(runs)} run{'s' if len(runs) > 1 else ''}"
    comparisons = evaluate_forecasts(
        made,
        measured,
        train,
        output,
        choice,
        title=title,
        reference=reference,
        min_pairs=definition.MIN_PAIRS,
        on_stage=on_stage,
    )
    return Benchmark(output, title, comparisons)


def _train(config: Config, store: Store, callbacks: Sequence[Callback], deadline: float | None) -> RunDirectory:
    """Begin or continue one seed; a finished one stays as it is."""
    run = RunDirectory(config.output_path)
    if deadline is not None:
        callbacks = [*callbacks, _StopAt(deadline)]
    if run.config_file.is_file():
        refuse_changes(run, config)
        return continue_run(run, callbacks)
    if deadline is not None and time.monotonic() > deadline:
        return run
    return new_run(config, store, callbacks)


class _StopAt(Callback):
    """Stops a training at its deadline as Ctrl-C does: after the current step and with a checkpoint."""

    def __init__(self, deadline: float) -> None:
        self.deadline, self.asked = deadline, False

    def on_step(self, progress: Progress) -> None:
        if not self.asked and time.monotonic() > self.deadline:
            self.asked = True
            signal.raise_signal(signal.SIGINT)


def _forecast(
    runs: Sequence[Path], store: Store, regime: str, issues: Sequence[date], output: Path, on_stage: OnStage
) -> xr.Dataset:
    """The forecast of a regime, read from its file if the same models made it from the same data."""
    path, title = output / f"{regime}.nc", f"Forecasting, forcing {regime}"
    models = [sha256(run / "model" / "model.safetensors") for run in runs if (run / "model").is_dir()]
    parts = {"models": models, "data": store.fingerprint, "issue_times": [str(day) for day in issues]}
    made_of = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    if path.is_file():
        try:
            kept = load_labelled(path)
            if kept.attrs.get("made_of") == made_of:
                return kept
        except DataError:
            pass  # a damaged file is made anew
    made = forecast(
        list(runs),
        issues,
        data=store,
        horizon=definition.HORIZON,
        forcing=regime,
        on_progress=lambda done: on_stage(title, done),
    )
    if definition.TARGET not in made:
        raise ConfigError(f"{runs[0]}: does not forecast {definition.TARGET}, which the benchmark scores")
    made.attrs["made_of"] = made_of
    write_result(made, path)
    return made


def _observed(store: Store) -> xr.DataArray:
    values = store.read(definition.TARGET, slice(0, store.n_days)).astype(np.float32)
    stations = np.array(store.station_ids, dtype=object)
    return xr.DataArray(
        values, {"time": store.days, "station": stations}, ("time", "station"), attrs={"units": definition.UNITS}
    )


def _days(period: Period) -> list[str]:
    return [str(day) for day in period]
