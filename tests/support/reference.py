"""What the package gave on one day for one store, run and checkpoint: masks, and the outputs of every task.

The files in `tests/reference` were written by `python -m support.make_reference`, and are not written again when the
code is only arranged anew: stores, runs and checkpoints of users must be read as these are.
"""

import shutil
from datetime import date
from pathlib import Path

import numpy as np
import torch
import xarray as xr

import hydromae
from hydromae.batch.batch import Batch
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import load_pretrained
from hydromae.windows.neighbours import station_groups
from hydromae.windows.windows import WindowReader
from support.batches import BatchMaker

FOLDER = Path(__file__).parents[1] / "reference"
WRITTEN_AT = "/data/reference"  # where the sources and the stores lay, as the runs say
GRIDS, GAUGES = "grids", "gauges"  # windows of everything; windows of three stations each
PERIOD = (date(2001, 5, 25), date(2001, 6, 20))
STRATEGIES = ("random", "span", "gap", "place", "modality", "forecast")


def unpacked(name: str, folder: Path) -> RunDirectory:
    """A copy of a reference run beside its store, with paths that lead there."""
    shutil.copytree(FOLDER / name, folder / name)
    for file in ("config.yaml", "data.json"):
        path = folder / name / "run" / file
        path.write_text(path.read_text().replace(WRITTEN_AT, str(folder)))
    return RunDirectory.open(folder / name / "run")


def masks(run: RunDirectory) -> dict[str, np.ndarray]:
    """Masks of each strategy in two epochs and in validation: places of the tokens, and the cells of gaps."""
    config, store = run.config(), run.store()
    model = load_pretrained(run.path)
    reader = WindowReader(store, model.shapes)
    groups = station_groups(config.data, store)
    starts = (0, 20, 41, 90)
    windows = reader.read(starts, config.data.window, 5, None if groups is None else groups[: len(starts)])
    found = {}
    for strategy in STRATEGIES:
        masking = config.masking.model_copy(update={"strategies": {strategy: 1.0}})
        maker = BatchMaker(store, model.shapes, masking, config.seed, torch.device("cpu"))
        batches = {f"epoch_{epoch}": maker.training_batch(windows, epoch) for epoch in (0, 3)}
        batches["validation"] = maker.evaluation_batch(windows)
        for when, batch in batches.items():
            found |= {f"{strategy}/{when}/{key}": value for key, value in _of_batch(batch).items()}
    return found


def outputs(run: RunDirectory, name: str, folder: Path) -> dict[str, np.ndarray]:
    """What every task gives, as arrays under the names of task and variable."""
    path = run.path
    results = {
        "reconstruct": hydromae.reconstruct(path, folder / "reconstruction.nc", period=PERIOD),
        "infill": hydromae.infill(path, folder / "infilled.nc", period=PERIOD),
        "ungauged": hydromae.ungauged(path, folder / "ungauged.nc", period=PERIOD),
        "cross_modality": hydromae.cross_modality(path, output=folder / "across.nc", windows=2, resamples=20),
    }
    issues = [np.datetime64(day) for day in ("2001-04-10", "2001-06-30")]
    for forcing in ("none", "perfect"):
        results[f"forecast_{forcing}"] = hydromae.forecast(path, issues, horizon=3, forcing=forcing)
    if name == GRIDS:
        results["infill_grids"] = hydromae.infill(path, folder / "grids.nc", period=PERIOD, grids=True)
    else:
        results["ungauged_donors"] = hydromae.ungauged(
            path, folder / "donors.nc", period=PERIOD, stations=["39001"], donors=True
        )
    return {f"{task}/{key}": value for task, result in results.items() for key, value in _numbers(result).items()}


def _of_batch(batch: Batch) -> dict[str, np.ndarray]:
    found = {}
    for name, tokens in batch.tokens.items():
        for what, selection in (("visible", tokens.visible), ("target", tokens.target)):
            # -1 where an entry is padding, whatever place it holds.
            places = torch.where(selection.real, selection.index, -1)
            found[f"{name}/{what}"] = places.numpy().astype(np.int16)
        for what, cells in (("readable", tokens.readable), ("scored", tokens.scored)):
            if cells is not None:
                found[f"{name}/{what}"] = np.packbits(cells.numpy())
    return found


def _numbers(result: xr.Dataset) -> dict[str, np.ndarray]:
    arrays = {str(name): variable.values for name, variable in result.variables.items()}
    return {name: array for name, array in arrays.items() if np.issubdtype(array.dtype, np.number)}
