"""The main job from end to end on the embedded sample: make data, prepare, train, reconstruct, forecast, report.

The model that was pretrained on windows with parts hidden is trained further on forecasts from every week of longer
windows. Its rain is only a grid, which drives the states of the stations.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pandas as pd
import xarray as xr
import yaml

from hydromae.base.files import write_text
from hydromae.config.read import load_config
from hydromae.evaluation.compare import Comparison
from hydromae.evaluation.standing import MODEL
from hydromae.results.target import CONFIGURATIONS, check_target
from hydromae.results.write import write_result
from hydromae.runs.directory import RunDirectory
from hydromae.sample import Sample, SampleSize, write_sample
from hydromae.sample.landscape import BRITISH_NATIONAL_GRID, first_centres
from hydromae.store.prepare import prepare
from hydromae.tasks.enough_pairs import days_between_issues
from hydromae.tasks.evaluate_forecast import evaluate_forecast
from hydromae.tasks.forecast_baselines import BaselineChoice
from hydromae.tasks.reconstruct import reconstruct
from hydromae.training.callback import Callback
from hydromae.training.finetune import finetune
from hydromae.training.runs import continue_run, is_finished, new_run

# Epochs of the samples other than small, for which demo.yaml is made: some 1,000 steps of full. Those of tiny, which is
# part of the check of a change, suffice for errors below those of the mean and of the nearest day.
EPOCHS: dict[SampleSize, int] = {"tiny": 16, "full": 50}
HORIZON: Final = 7
# Some 100 steps of two windows, which hold all stations and are forecast from each of their weeks.
_ROLLING = ("data.window=56", "data.stride=14", "masking.warm_up=14", "training.batch_size=2", "training.lr=3e-3")
# All 604 stations in a window would be too many tokens; windows of one are many, so that one pass suffices.
_BY_STATION = ("data.stations_per_window=1", "training.batch_size=32", "training.lr=1.5e-3")
FORECASTER: Final[dict[SampleSize, tuple[str, ...]]] = {
    "tiny": (*_ROLLING, "training.epochs=3"),
    "small": (*_ROLLING, "training.epochs=1"),
    "full": (*_BY_STATION, "training.epochs=1"),
}


@dataclass(frozen=True)
class Demo:
    """What the demo writes.

    Attributes:
        run: the run directory.
        forecaster: the run that was trained further, and which forecasts.
        page: the report.
        scores: as in the run's `scores.json`.
        comparisons: regime of forcing -> the forecasts of the held-out period beside the baselines.
        forecasts: netCDF files of the forecasts, one for each regime.
        table: the same forecasts as one table for a spreadsheet.
    """

    run: RunDirectory
    forecaster: RunDirectory
    page: Path
    scores: dict[str, Any]
    comparisons: dict[str, Comparison]
    forecasts: tuple[Path, ...]
    table: Path


def sample_config(sample: Sample, size: SampleSize, relative_to: Path) -> dict[str, Any]:
    """The settings of `demo.yaml` for a sample, its paths relative to the sample's directory."""

    def inside(path: Path) -> str:
        return str(path.relative_to(sample.directory))

    settings = yaml.safe_load(files("hydromae.app").joinpath("demo.yaml").read_text(encoding="utf-8"))
    data, training = settings["data"], settings["training"]
    rows, columns = first_centres(sample.shape)
    paths = {name: [inside(path) for path in pair] for name, pair in sample.grids.items()}
    paths |= {name: [inside(sample.series)] for name in ("evap", "riverflow")}
    return {
        "name": "demo",
        "data": {
            **data,
            "root": str(sample.directory),
            "store": str(relative_to / "store"),
            "modalities": {name: {"paths": own, **data["modalities"].get(name, {})} for name, own in paths.items()},
            "attributes": {"path": inside(sample.attributes)},
            "land_mask": inside(sample.land_mask),
            "grid": {"crs": BRITISH_NATIONAL_GRID, "y": list(rows), "x": list(columns)},
            "train": [str(d) for d in sample.train],
            "val": [str(d) for d in sample.val],
        },
        "model": settings["model"],
        "training": {**training, "epochs": EPOCHS.get(size, training["epochs"])},
        "logging": settings["logging"],
        "output": str(relative_to / "run"),
    }


def run_demo(
    directory: Path,
    size: SampleSize = "small",
    seed: int = 0,
    on_stage: Callable[[str, float], None] = lambda stage, done: None,
    callbacks: Sequence[Callback] = (),
) -> Demo | None:
    """Run the main job; a stage that an earlier call finished is not done again.

    Args:
        directory: gets `sample`, `demo.yaml`, `store`, `run`, `forecaster`, its store and `forecast.csv`.
        size: of the sample.
        seed: of the sample.
        on_stage: called with what is being done and the share that is done.
        callbacks: take part in each training, in their order.

    Returns:
        What it writes; None if a training was stopped, which the same call continues.
    """
    table = directory / "forecast.csv"
    check_target(table, overwrite=True)
    sample = write_sample(
        directory / "sample", size, seed, lambda what, done: on_stage(f"Making the sample: {what}", done)
    )
    config_file = directory / "demo.yaml"
    content = yaml.safe_dump(sample_config(sample, size, directory), sort_keys=False)
    if not (config_file.is_file() and config_file.read_text("utf-8") == content):  # as older versions wrote it
        check_target(config_file, overwrite=True, suffixes=CONFIGURATIONS)
    write_text(config_file, f"# Written by `hydromae demo`.\n{content}")
    config = load_config(config_file)
    store = prepare(config, lambda what, done: on_stage(f"Preparing the store: {what}", done))
    run = RunDirectory(config.output_path)
    run = continue_run(run, callbacks) if run.config_file.exists() else new_run(config, store, callbacks)
    if not is_finished(run):
        return None
    with reconstruct(run.path, on_progress=lambda done: on_stage("Reconstructing the held-out period", done)):
        pass
    forecaster = RunDirectory(directory / "forecaster")
    if forecaster.config_file.exists():
        forecaster = continue_run(forecaster, callbacks)
    else:
        keys = (*FORECASTER[size], "training.warmup_epochs=0.1")
        forecaster = finetune(
            run.path,
            "forecast",
            keys,
            forecaster.path,
            callbacks=callbacks,
            on_progress=lambda what, done: on_stage(f"Preparing the forecaster's store: {what}", done),
        )
    if not is_finished(forecaster):
        return None
    folder = run.path / "evaluation" / "forecast_val"
    comparisons = evaluate_forecast(
        forecaster.path,
        folder,
        every=days_between_issues(sample.val, HORIZON),
        horizon=HORIZON,
        baselines=BaselineChoice(("persistence", "climatology")),
        reference=MODEL,
        on_stage=on_stage,
    )
    files_of = {regime: folder / f"{regime}.nc" for regime in comparisons}
    write_table(files_of, table)
    on_stage("Drawing the page", 0.0)
    from hydromae.report import write_report  # draws with matplotlib, for which no training waits

    page = write_report(run.path)
    on_stage("Drawing the page", 1.0)
    return Demo(run, forecaster, page, run.read_json("scores.json"), comparisons, tuple(files_of.values()), table)


def write_table(files_of: dict[str, Path], output: Path) -> None:
    """All forecasts as one table, the regime in a column `forcing`."""
    made = [xr.open_dataset(path, engine="h5netcdf").load() for path in files_of.values()]
    together = xr.concat(made, pd.Index(list(files_of), name="forcing"), combine_attrs="drop_conflicts")
    write_result(together, output)
