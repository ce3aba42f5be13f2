"""The main job from end to end on the embedded sample: make data, prepare, train, reconstruct, report."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hydromae.config_io import load_config
from hydromae.data.prepare import prepare
from hydromae.data.sample import Sample, SampleSize, write_sample
from hydromae.files import write_text
from hydromae.report import write_report
from hydromae.tasks.reconstruct import reconstruct
from hydromae.training.listener import Listener
from hydromae.training.run_directory import RunDirectory
from hydromae.training.runs import continue_run, is_finished, new_run

# What a laptop trains in minutes: a narrow model, short windows, and series tokens of one station over five days.
MODEL = {
    "d_model": 64,
    "nhead": 2,
    "img_encoder_layers": 2,
    "vec_encoder_layers": 2,
    "decoder_dim": 64,
    "decoder_layers": 2,
    "vector_patch_size": 1,
    "vector_patch_days": 5,
    "dropout": 0.0,
}
WINDOW = 15
TRAINING = {"batch_size": 4, "lr": 2e-3, "warmup_epochs": 1, "weight_decay": 0.01, "workers": 0}
# Windows of a sample: days of its training period by the stride; epochs make some 1,000 steps, fewer for tiny.
EPOCHS: dict[SampleSize, int] = {"tiny": 16, "small": 11, "full": 50}


@dataclass(frozen=True)
class Demo:
    """What the demo leaves.

    Attributes:
        run: the run directory.
        page: the report.
        scores: as in the run's `scores.json`.
    """

    run: RunDirectory
    page: Path
    scores: dict[str, Any]


def sample_config(sample: Sample, size: SampleSize, relative_to: Path) -> dict[str, Any]:
    """A configuration that trains a small model on a sample, its paths relative to the sample's directory."""

    def inside(path: Path) -> str:
        return str(path.relative_to(sample.directory))

    grids: dict[str, Any] = {name: {"paths": [inside(p) for p in paths]} for name, paths in sample.grids.items()}
    # Scores are squared errors in mm/d, which a model of log(1 + rain) does not aim at.
    grids["precip"]["scaling"] = "standard"
    series = {name: {"paths": [inside(sample.series)]} for name in ("evap", "riverflow")}
    return {
        "name": "demo",
        "data": {
            "root": str(sample.directory),
            "store": str(relative_to / "store"),
            "modalities": grids | series,
            "attributes": {"path": inside(sample.attributes)},
            "land_mask": inside(sample.land_mask),
            "train": [str(d) for d in sample.train],
            "val": [str(d) for d in sample.val],
            "window": WINDOW,
            "stride": 10,
        },
        "model": MODEL,
        "training": {**TRAINING, "epochs": EPOCHS[size]},
        "logging": {"log_every": 10, "checkpoint_every": 1},
        "output": str(relative_to / "run"),
    }


def run_demo(
    directory: Path,
    size: SampleSize = "small",
    seed: int = 0,
    on_stage: Callable[[str, float], None] = lambda stage, done: None,
    listener: Callable[[int], Listener] = lambda total: Listener(),
) -> Demo | None:
    """Run the main job; a stage that an earlier call finished is not done again.

    Args:
        directory: gets `sample`, `demo.yaml`, `store` and `run`.
        size: of the sample.
        seed: of the sample.
        on_stage: told what is being done and the share that is done.
        listener: makes the listener of the training from its number of steps.

    Returns:
        What it leaves; None if the training was asked to stop, which the same call continues.
    """
    sample = write_sample(
        directory / "sample", size, seed, lambda what, done: on_stage(f"Making the sample: {what}", done)
    )
    config_file = directory / "demo.yaml"
    write_text(config_file, yaml.safe_dump(sample_config(sample, size, directory), sort_keys=False))
    config = load_config(config_file)
    store = prepare(config, lambda what, done: on_stage(f"Preparing the store: {what}", done))
    run = RunDirectory(config.output_path)
    run = continue_run(run, listener) if run.config_file.exists() else new_run(config, store, listener)
    if not is_finished(run):
        return None
    with reconstruct(run.path, on_progress=lambda done: on_stage("Reconstructing the held-out period", done)):
        pass
    on_stage("Drawing the page", 0.0)
    page = write_report(run.path)
    on_stage("Drawing the page", 1.0)
    return Demo(run, page, run.read_json("scores.json"))
