"""Hide values at random as in training, reconstruct them and score them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from hydromae.base.devices import choose_device
from hydromae.base.errors import ConfigError
from hydromae.base.given import Span, as_period
from hydromae.base.version import VERSION
from hydromae.batch.batcher import Batcher
from hydromae.batch.fills import nearest_day
from hydromae.config import Period
from hydromae.evaluation.reconstruction import SquaredErrors
from hydromae.masks.masker import Masker
from hydromae.prediction.choices import chosen_days
from hydromae.prediction.reconstruction import reconstruct_window
from hydromae.results.target import check_target, inputs_of, refuse_inputs
from hydromae.results.write import Block, to_come, write_streamed
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import load_pretrained
from hydromae.store.cf import flag_attributes, outline, variable_attributes
from hydromae.store.maps import to_grid
from hydromae.store.store import Store
from hydromae.tasks.task_scores import default_split
from hydromae.tokens.selection import MISSING, STATE_MEANINGS, TARGET, VISIBLE
from hydromae.windows.cells_around import cells_around
from hydromae.windows.context import context_stations
from hydromae.windows.neighbours import station_groups
from hydromae.windows.spans import usable_runs
from hydromae.windows.windows import WindowReader


def reconstruct(
    run: str | Path,
    output: str | Path | None = None,
    split: str | None = None,
    period: Span | None = None,
    on_progress: Callable[[float], None] = lambda done: None,
    overwrite: bool = False,
) -> xr.Dataset:
    """Reconstruct hidden values over a period with a run's best model.

    The period is cut into windows of the run's length, the last one shorter. None of them holds a day of the run's
    `data.exclude_dates`; those days are missing in the file. In each window the run's share of tokens is hidden, with
    masks fixed by seed and window. The file holds the observed values, the reconstruction where they were hidden
    (physical units), and the state of each value. `scores.json` in the run directory holds mean squared errors at the
    hidden values, beside those of filling with the training mean of the cell or station and with the nearest visible
    day.

    Args:
        run: run directory.
        output: .nc or .zarr, or, of a run with only series, a table, .csv or .parquet; None is a file of the run
            directory, see `default_output`, which is replaced.
        split: train, val or test; None is val where there is one, else test.
        period: first and last day, instead of a split.
        on_progress: called with the share that is done.
        overwrite: replace an existing output that hydromae wrote.

    Returns:
        The file, opened lazily (of a table, its content in memory): per modality `<name>`, `<name>_reconstructed` and
        `<name>_state`, over time and y, x or station.

    Raises:
        RunError: the run, its data or its model cannot be used.
        ConfigError: the period is not in the data, or the format cannot be used.
        DataError: the file exists already or cannot be written.
    """
    if output is not None:
        check_target(Path(output), overwrite)
    period = as_period(period)
    directory = RunDirectory.open(run)
    config, store = directory.config(), directory.store()
    device = choose_device(config.training.device)
    model = load_pretrained(directory.path, device)
    split = default_split(store) if split is None and period is None else split or "chosen"
    days = _days(store, split, period)
    if output is not None:
        grids = [name for name in model.shapes if store.kind(name) == "grid"]
        check_target(Path(output), overwrite, inputs_of(store), grids=grids)
    replace = overwrite or output is None
    output = Path(output) if output is not None else default_output(directory.path, split, period)
    refuse_inputs(output, inputs_of(store))
    batcher = Batcher.of_store(store, model.shapes, device, config.data.fill, cells=cells_around(model.config, store))
    masker = Masker.of_store(store, model.shapes, config.masking, config.seed)
    errors = {name: SquaredErrors(store.kind(name), store.specific_units(name)) for name in model.shapes}
    first, last = store.days[days.start].item(), store.days[days.stop - 1].item()
    attributes = {
        "title": f"Masked reconstruction by {config.name}",
        "source": f"hydromae {VERSION}",
        "period": f"{first} {last}",
        "mask_ratio_grid": config.masking.grid_mask_ratio,
        "mask_ratio_series": config.masking.series_mask_ratio,
        "mask_strategies": ", ".join(f"{name}: {weight:g}" for name, weight in config.masking.strategies.items()),
        "mask_pattern": config.masking.pattern,
        "fill": ", ".join(f"{name}: {method}" for name, method in config.data.fill.items()) or "none",
    }
    runs = usable_runs(store, days, config.data.exclude_dates)
    windows = [(start, run.stop) for run in runs for start in range(run.start, run.stop, config.data.window)]
    reader = WindowReader(store, model.shapes, context_stations(config.data, store))
    groups = station_groups(config.data, store)
    means = {name: training_mean(store, name).to(device) for name in model.shapes}

    def blocks() -> Iterator[Block]:
        """The period in order: the windows, and the days between them, which are all missing."""
        names, done = list(model.shapes), days.start
        for i, (start, end) in enumerate(windows):
            yield from _nothing_of(store, names, days, slice(done, start))
            done = min(start + config.data.window, end)
            values_of: dict[str, np.ndarray] = {}
            fields_of = reconstruct_window(model, batcher, masker, reader, start, done - start, groups)
            for name, fields in fields_of.items():
                _score(errors[name], store, name, means[name], *fields)
                values_of |= _on_grid(store, name, *(field[0].cpu().numpy() for field in fields))
            yield start - days.start, values_of
            on_progress((i + 1) / len(windows))
        yield from _nothing_of(store, names, days, slice(done, days.stop))

    def write_scores(_: Path) -> None:
        """Before the file gets its name: a file whose scores could not be written would stand in the way."""
        directory.write_json(
            scores_file(directory.path, output),
            {
                "split": split if period is None else "chosen",
                "period": [str(first), str(last)],
                "windows": len(windows),
                "modalities": {name: error.result() for name, error in errors.items()},
            },
        )

    data = _outline(store, list(model.shapes), days, attributes)
    return write_streamed(data, output, blocks(), replace, write_scores)


def _outline(store: Store, names: list[str], days: slice, attributes: dict[str, Any]) -> xr.Dataset:
    """The data set of what was observed, reconstructed and hidden, without its values."""
    data = outline(store, store.days[days], {store.kind(name) for name in names}, attributes=attributes)
    variables: dict[str, xr.Variable] = {}
    for name in names:
        dims = ("time", "y", "x") if store.kind(name) == "grid" else ("time", "station")
        described: dict[str, Any] = variable_attributes(store, name)
        long_name = described["long_name"]
        variables[name] = to_come(data.sizes, dims, "f4", {**described, "ancillary_variables": f"{name}_state"})
        described |= {"long_name": f"{long_name}, reconstructed where hidden"}
        described.pop("standard_name", None)
        variables[f"{name}_reconstructed"] = to_come(data.sizes, dims, "f4", described)
        state = flag_attributes(f"what the model was given of {long_name}", STATE_MEANINGS)
        variables[f"{name}_state"] = to_come(data.sizes, dims, "i1", state)
    return data.assign(variables)


def _on_grid(
    store: Store, name: str, values: np.ndarray, reconstructed: np.ndarray, state: np.ndarray
) -> dict[str, np.ndarray]:
    """The variables of a modality for some days, from packed values."""
    if store.kind(name) == "grid":
        values, reconstructed = to_grid(store, values), to_grid(store, reconstructed)  # [n, H, W]
        state = np.nan_to_num(to_grid(store, state.astype(np.float32)), nan=MISSING)
    return {name: values, f"{name}_reconstructed": reconstructed, f"{name}_state": state.astype(np.int8)}


def _nothing_of(store: Store, names: list[str], days: slice, absent: slice) -> Iterator[Block]:
    """Blocks for days of a period that are all missing, one day at a time."""
    for day in range(absent.start, absent.stop):
        values_of: dict[str, np.ndarray] = {}
        for name in names:
            nothing = np.full_like(store.read(name, slice(day, day + 1)), np.nan)
            values_of |= _on_grid(store, name, nothing, nothing, np.full(nothing.shape, MISSING, np.int8))
        yield day - days.start, values_of


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
    """Training mean of each place, in the unit of errors; the mean of all places where one was never observed."""
    mean = store.scaler(name).specific(torch.from_numpy(store.mean(name)))
    return torch.where(mean.isnan(), mean.nanmean(), mean)


def _days(store: Store, split: str, period: Period | None) -> slice:
    if period is None:
        return store.period_slice(split)
    if period[1] < period[0]:
        raise ConfigError(f"the period ends ({period[1]}) before it begins ({period[0]}); give the first day first")
    return chosen_days(store, period)


def default_output(run: Path, split: str, period: Period | None) -> Path:
    """`reconstruction.nc` for the held-out val period, which the report shows; else named after split or period."""
    if period is not None:
        return run / f"reconstruction_{period[0]}_{period[1]}.nc"
    return run / ("reconstruction.nc" if split == "val" else f"reconstruction_{split}.nc")


def scores_file(run: Path, output: Path) -> str:
    """Name, within the run, of the scores that belong to an output: `scores.json` for the run's own reconstruction."""
    own = output.resolve() == (run / "reconstruction.nc").resolve()
    return "scores.json" if own else f"scores_{output.stem}.json"
