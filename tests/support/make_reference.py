"""Write the reference runs and what they give: `python -m support.make_reference` from tests/."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from hydromae.store.prepare import prepare
from hydromae.training.runs import new_run
from support.reference import FOLDER, GAUGES, GRIDS, STRATEGIES, WRITTEN_AT, masks, outputs, unpacked
from support.series_run import series_world
from support.small import small_config
from support.sources import make_world

SETTINGS: dict[str, Any] = {"masking": {"strategies": dict.fromkeys(STRATEGIES, 1.0), "horizon": 3}}


def write_runs() -> None:
    """Train the two runs on sources of the tests, and keep their stores, first checkpoint and model."""
    for name in (GRIDS, GAUGES):
        root = Path(WRITTEN_AT) / name
        shutil.rmtree(root, ignore_errors=True)
        if name == GRIDS:
            world = make_world(root / "sources")
            sections = {"model": {"quantiles": [0.1, 0.5, 0.9]}}
        else:
            world = series_world(root, stations_per_window=3)
            sections = {"data": world.raw["data"], "model": {"series_patch_size": 1, "quantiles": [0.1, 0.5, 0.9]}}
        config = small_config(world, root / "run", **SETTINGS, **sections)
        run = new_run(config, prepare(config))
        shutil.rmtree(FOLDER / name, ignore_errors=True)
        shutil.copytree(root / "store", FOLDER / name / "store")
        shutil.copytree(run.path, FOLDER / name / "run")
        kept = sorted((FOLDER / name / "run/checkpoints").iterdir())
        for file in kept[2:]:
            file.unlink()


def write_outputs() -> None:
    """Write what the kept runs give, compressed."""
    for name in (GRIDS, GAUGES):
        with tempfile.TemporaryDirectory() as folder:
            run = unpacked(name, Path(folder))
            np.savez_compressed(FOLDER / name / "masks.npz", **masks(run))
            np.savez_compressed(FOLDER / name / "outputs.npz", **outputs(run, name, Path(folder)))


if __name__ == "__main__":
    write_runs()
    write_outputs()
