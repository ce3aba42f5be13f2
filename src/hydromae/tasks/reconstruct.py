"""Hide values at random as in training, reconstruct them, score them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from hydromae.base.devices import choose_device
from hydromae.base.errors import ConfigError
from hydromae.base.files import atomic_path
from hydromae.base.given import Span, as_period
from hydromae.base.version import VERSION
from hydromae.batch.batcher import Batcher
from hydromae.batch.fills import nearest_day
from hydromae.config import Period
from hydromae.evaluation.reconstruction import SquaredErrors
from hydromae.masks.masker import Masker
from hydromae.prediction.choices import chosen_days
from hydromae.prediction.reconstruction import reconstruct_window
from hydromae.results.netcdf import FieldFile
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import load_pretrained
from hydromae.store.store import Store
from hydromae.tasks.task_scores import default_split
from hydromae.tokens.selection import MISSING, TARGET, VISIBLE
from hydromae.windows.neighbours import station_groups
from hydromae.windows.spans import usable_runs
from hydromae.windows.windows import WindowReader


def reconstruct(
    run: str | Path,
    output: str | Path | None = None,
    split: str | None = None,
    period: Span | None = None,
    on_progress: Callable[[float], None] = lambda done: None,
) -> xr.Dataset:
    """Reconstruct hidden values over a period with a run's best model.

    The period is cut into windows of the run's length, the last one shorter, none of which holds a day of the run's
    `data.exclude_dates`; those days are missing in the file. In each window the run's share of tokens is hidden, with
    masks fixed by seed and window. Written are the observed values, the reconstruction where they were hidden (physical
    units), and the state of each value; and `scores.json` in the run directory, mean squared errors at the hidden
    values against filling with the training mean of the cell or station and with the nearest visible day.

    Args:
        run: run directory.
        output: netCDF file; None writes it into the run directory, see `default_output`.
        split: train, val or test; None is val where there is one, else test.
        period: first and last day, instead of a split.
        on_progress: told the share that is done.

    Returns:
        The file, opened lazily: per modality `<name>`, `<name>_reconstructed` and `<name>_state`, over time and y, x
        or station.

    Raises:
        RunError: the run, its data or its model cannot be used.
        ConfigError: the period is not in the data.
    """
    period = as_period(period)
    directory = RunDirectory.open(run)
    config, store = directory.config(), directory.store()
    device = choose_device(config.training.device)
    model = load_pretrained(directory.path, device)
    split = default_split(store) if split is None and period is None else split or "chosen"
    days = _days(store, split, period)
    output = Path(output) if output is not None else default_output(directory.path, split, period)
    batcher = Batcher.of_store(store, model.shapes, device, config.data.fill)
    masker = Masker.of_store(store, model.shapes, config.masking, config.seed)
    errors = {name: SquaredErrors(store.kind(name), store.specific_units(name)) for name in model.shapes}
    first, last = store.days[days.start].item(), store.days[days.stop - 1].item()
    attributes = {
        "title": f"Masked reconstruction by {config.name}",
        "source": f"hydromae {VERSION}",
        "period": f"{first} {last}",
        "mask_ratio_grid": config.masking.image_mask_ratio,
        "mask_ratio_series": config.masking.vector_mask_ratio,
        "mask_strategies": ", ".join(f"{name}: {weight:g}" for name, weight in config.masking.strategies.items()),
        "mask_pattern": config.masking.pattern,
        "fill": ", ".join(f"{name}: {method}" for name, method in config.data.fill.items()) or "none",
    }
    runs = usable_runs(store, days, config.data.exclude_dates)
    windows = [(start, run.stop) for run in runs for start in range(run.start, run.stop, config.data.window)]
    reader = WindowReader(store, model.shapes)
    groups = station_groups(config.data, store)
    means = {name: training_mean(store, name).to(device) for name in model.shapes}
    with (
        atomic_path(output) as temporary,
        FieldFile(temporary, store, list(model.shapes), store.days[days], attributes) as file,
    ):
        _write_missing(file, store, list(model.shapes), days, runs)
        for i, (start, end) in enumerate(windows):
            length = min(config.data.window, end - start)
            fields = reconstruct_window(model, batcher, masker, reader, start, length, groups)
            for name, (values, reconstructed, state) in fields.items():
                _score(errors[name], store, name, means[name], values, reconstructed, state)
                arrays = [field[0].cpu().numpy() for field in (values, reconstructed, state)]
                file.write(name, start - days.start, *arrays)
            on_progress((i + 1) / len(windows))
    directory.write_json(
        scores_file(directory.path, output),
        {
            "split": split if period is None else "chosen",
            "period": [str(first), str(last)],
            "windows": len(windows),
            "modalities": {name: error.result() for name, error in errors.items()},
        },
    )
    return xr.open_dataset(output, engine="h5netcdf")


def _write_missing(file: FieldFile, store: Store, names: list[str], days: slice, runs: list[slice]) -> None:
    """Say of the days of a period between the runs that nothing is known, one at a time."""
    for day in sorted(set(range(days.start, days.stop)).difference(*(range(run.start, run.stop) for run in runs))):
        for name in names:
            nothing = np.full_like(store.read(name, slice(day, day + 1)), np.nan)
            file.write(name, day - days.start, nothing, nothing, np.full(nothing.shape, MISSING, np.int8))


def _score(
    errors: SquaredErrors, store: Store, name: str, mean: Tensor, values: Tensor, reconstructed: Tensor, state: Tensor
) -> None:
    specific = store.scaler(name).specific
    truth = specific(torch.where(state == TARGET, values, torch.nan))
    visible = specific(torch.where(state == VISIBLE, values, torch.nan))
    errors.add(
        truth,
        {
            "model": specific(reconstructed),
            "mean": mean.expand_as(truth),
            "nearest_day": nearest_day(visible, mean),
        },
    )


def training_mean(store: Store, name: str) -> Tensor:
    """Training mean of each place, as errors are measured; of all places where one was never observed in training."""
    mean = store.scaler(name).specific(torch.from_numpy(store.mean(name)))
    return torch.where(mean.isnan(), mean.nanmean(), mean)


def _days(store: Store, split: str, period: Period | None) -> slice:
    if period is None:
        return store.period_slice(split)
    if period[1] < period[0]:
        raise ConfigError(f"the period ends ({period[1]}) before it begins ({period[0]}); give the first day first")
    return chosen_days(store, period)


def default_output(run: Path, split: str, period: Period | None) -> Path:
    """`reconstruction.nc` for the held-out val period, which the page shows; else a name of the split or the period."""
    if period is not None:
        return run / f"reconstruction_{period[0]}_{period[1]}.nc"
    return run / ("reconstruction.nc" if split == "val" else f"reconstruction_{split}.nc")


def scores_file(run: Path, output: Path) -> str:
    """Name, within the run, of the scores that belong to an output: `scores.json` for the run's own reconstruction."""
    own = output.resolve() == (run / "reconstruction.nc").resolve()
    return "scores.json" if own else f"scores_{output.stem}.json"
