"""Hide values at random as in training, reconstruct them, score them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from jaxtyping import Int
from torch import Tensor

import hydromae
from hydromae.config import Period
from hydromae.data.batch import MISSING, TARGET, VISIBLE, scatter
from hydromae.data.collate import Collator
from hydromae.data.fills import nearest_day
from hydromae.data.neighbours import station_groups, windows_at_once
from hydromae.data.spans import usable_runs
from hydromae.data.store import Store
from hydromae.data.windows import WindowReader, Windows
from hydromae.errors import ConfigError
from hydromae.evaluation.reconstruction import SquaredErrors
from hydromae.files import atomic_path
from hydromae.given import Span, as_period
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.models.pretrained import load_pretrained
from hydromae.tasks.choices import chosen_days
from hydromae.tasks.fields import state_window
from hydromae.tasks.netcdf import FieldFile
from hydromae.tasks.task_scores import default_split
from hydromae.training.run_directory import RunDirectory
from hydromae.training.world import choose_device

Fields = tuple[Tensor, Tensor, Tensor]  # observed, reconstructed, state


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
    collator = Collator(store, model.shapes, config.masking, config.seed, device, config.data.fill)
    errors = {name: SquaredErrors(store.kind(name), store.specific_units(name)) for name in model.shapes}
    first, last = store.days[days.start].item(), store.days[days.stop - 1].item()
    attributes = {
        "title": f"Masked reconstruction by {config.name}",
        "source": f"hydromae {hydromae.__version__}",
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
            fields = reconstruct_window(model, collator, reader, start, length, groups)
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


@torch.no_grad()
def reconstruct_window(
    model: MultiModalMAE,
    collator: Collator,
    reader: WindowReader,
    start: int,
    days: int,
    groups: Int[np.ndarray, "group station"] | None = None,
) -> dict[str, Fields]:
    """Observed values, reconstruction (NaN where nothing was hidden) and state of one window, in physical units.

    Each is [1, T, patches, cells] or [1, T, stations]. Where windows hold few stations, `groups` of them (see
    `station_groups`), each station is reconstructed in a window of its own, and grids in that of the first.
    """
    if groups is None:
        return _fields(model, collator, reader.read([start], days))
    at_once = windows_at_once(collator.shapes, days)
    parts = [
        _fields(model, collator, reader.read([start] * len(some), days, stations=some))
        for some in np.split(groups, range(at_once, len(groups), at_once))
    ]
    joined: dict[str, Fields] = {}
    for name, first in parts[0].items():
        if collator.shapes[name].kind == "grid":
            joined[name] = (first[0][:1], first[1][:1], first[2][:1])
        else:
            values, reconstructed, state = (
                torch.cat([part[name][i][:, :, 0] for part in parts]).T[None] for i in range(3)
            )  # S x [T] -> [1, T, S]
            joined[name] = (values, reconstructed, state)
    return joined


def _fields(model: MultiModalMAE, collator: Collator, read: Windows) -> dict[str, Fields]:
    windows = read.to(model.valid_patches.device)
    days = windows.days
    batch = collator.evaluation_batch(windows)
    predicted = model.predict(batch)
    fields = {}
    for name, tokens in batch.tokens.items():
        state = state_window(tokens, days)
        stations = windows.stations if tokens.shape.kind == "series" else None
        reconstructed = collator.scalers[name].unscale(scatter(predicted[name], tokens, days), stations)
        # A hidden patch is predicted whole; what is sea or was never observed there is not offered.
        fields[name] = (windows.values[name], torch.where(state == TARGET, reconstructed, torch.nan), state)
    return fields


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
