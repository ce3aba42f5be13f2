"""What each modality adds to the others: each is reconstructed again and again, another one wholly hidden each time."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr

from hydromae.base.csv_text import write_frame
from hydromae.base.devices import choose_device
from hydromae.base.errors import ConfigError
from hydromae.base.replacing import all_or_none, replacing
from hydromae.base.version import VERSION
from hydromae.batch.batcher import Batcher
from hydromae.evaluation.overlap import overlap_of
from hydromae.evaluation.paired_skills import MEAN, PairedErrors, PairedSkills, paired_skills
from hydromae.evaluation.reconstruction import SquaredErrors
from hydromae.evaluation.significance import BLOCK_DAYS, RESAMPLES
from hydromae.masks.masker import Masker
from hydromae.results.target import ARRAYS, check_target, inputs_of
from hydromae.results.write import write_result
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import load_pretrained
from hydromae.tasks.cross_modality_maps import example_maps
from hydromae.tasks.hidden_modalities import Hidden, HidingModel
from hydromae.tasks.overlap import overlap_with_training
from hydromae.tasks.task_scores import scored_days
from hydromae.windows.cells_around import cells_around
from hydromae.windows.context import context_stations
from hydromae.windows.neighbours import station_groups
from hydromae.windows.spans import usable_runs
from hydromae.windows.windows import WindowReader

NONE: Final = "none"
OTHERS: Final = "all others"
OWN: Final = ("visible", "hidden")
_DIMS: Final = ("own", "target", "hidden")


def cross_modality(
    run: str | Path,
    split: str | None = None,
    output: str | Path | None = None,
    *,
    windows: int | None = None,
    resamples: int = RESAMPLES,
    allow_overlap: bool = False,
    on_progress: Callable[[float], None] = lambda done: None,
    overwrite: bool = False,
) -> xr.Dataset:
    """Skill of reconstructing each modality while another one is wholly hidden.

    In every window the run's share of each modality's tokens is masked at random, as `reconstruct` does, with masks
    fixed by seed and window. The masked values are predicted several times: with nothing else hidden, with each other
    modality wholly hidden, and with all others hidden; each time once with the modality's own visible tokens and once
    without them. The predictions differ only in what is hidden, so their errors are paired. Attributes and dates stay
    visible.

    Args:
        run: run directory.
        split: train, val or test; None is val where there is one, else test.
        output: .nc or .zarr, with a CSV of the table beside it; None is `cross_modality.nc` in the run, which is
            replaced.
        windows: the largest number to use, spread evenly over the split; None is all.
        resamples: number of resamples of the block bootstrap over windows.
        allow_overlap: score days that the run was trained on, too; every row says so.
        on_progress: called with the share that is done.
        overwrite: replace an existing output that hydromae wrote.

    Returns:
        [own, target, hidden]: `skill` (1 - MSE / MSE of filling with the training mean, Murphy 1988), `change` (skill -
        skill with nothing else hidden), both with `_lower` and `_upper` ends of the 95 % interval, and `mse`;
        `mse_mean` and `values` [target]. `own` says whether the target's own unmasked tokens are visible. Hiding
        the target itself, the diagonal of `own` visible, is `none` of `own` hidden. Errors are measured as
        `reconstruct` measures them: flow in mm/d, and the median over stations for series. Grids are targets, and are
        drawn as `example_maps` says, where a window of the model holds all stations; else they are only hidden.

    Raises:
        RunError: the run, its data or its model cannot be used.
        ConfigError: the split is not in the data, the run was trained on its days, or it has only one modality.
    """
    directory = RunDirectory.open(run)
    config, store = directory.config(), directory.store()
    target = Path(output) if output is not None else directory.path / "cross_modality.nc"
    if output is not None:
        check_target(target, overwrite, inputs_of(store), ARRAYS)
        check_target(target.with_suffix(".csv"), overwrite, inputs_of(store))
    device = choose_device(config.training.device)
    model = load_pretrained(directory.path, device)
    if len(model.shapes) < 2:
        raise ConfigError(f"{directory.path}: has only one modality; take a run with at least two")
    split, days = scored_days(store, split)
    overlap = overlap_with_training([directory.path], store, days, f"its {split} period", allow_overlap)
    length = config.data.window
    masking = config.masking.model_copy(update={"strategies": {"random": 1.0}})
    batcher = Batcher.of_store(store, model.shapes, device, config.data.fill, cells=cells_around(model.config, store))
    masker = Masker.of_store(store, model.shapes, masking, config.seed)
    reader = WindowReader(store, model.shapes, context_stations(config.data, store))
    hiding = HidingModel(model, batcher, masker, reader, store, station_groups(config.data, store))
    runs = usable_runs(store, days, config.data.exclude_dates)
    spans = [(start, min(length, run.stop - start)) for run in runs for start in range(run.start, run.stop, length)]
    if windows is not None and windows < len(spans):
        spans = [spans[i] for i in np.linspace(0, len(spans) - 1, windows).round().astype(int)]

    names = tuple(model.shapes)
    questions = {name: _questions(name, names) for name in hiding.targets}
    errors: dict[str, list[SquaredErrors]] = {name: [] for name in questions}
    for i, span in enumerate(spans):
        for name, window_errors in hiding.errors(*span, questions).items():
            errors[name].append(window_errors)
        on_progress((i + 1) / len(spans))
    apart = (spans[-1][0] - spans[0][0]) / (len(spans) - 1) if len(spans) > 1 else float(length)
    references = {_method(own, column): _method(own, NONE) for own in OWN for column in columns(names)}
    skills = {
        name: paired_skills(PairedErrors.of_windows(of_windows), references, apart, resamples=resamples)
        for name, of_windows in errors.items()
    }
    dataset = _table(hiding, skills)
    if hiding.groups is None:
        dataset = dataset.merge(example_maps(hiding, *spans[len(spans) // 2]))
    dataset.attrs = {
        "title": f"What each modality owes to each other one, by {config.name}",
        "source": f"hydromae {VERSION}",
        "split": split,
        "period": f"{store.days[days.start]} {store.days[days.stop - 1]}",
        "windows": len(spans),
        "window_days": length,
        "mask_ratio_grid": config.masking.grid_mask_ratio,
        "mask_ratio_series": config.masking.series_mask_ratio,
        "trained_with": ", ".join(f"{name}: {weight:g}" for name, weight in config.masking.strategies.items()),
        "interval": f"95 %, {resamples} resamples of blocks of {BLOCK_DAYS} days",
    }
    dataset.attrs |= {} if overlap is None else overlap.attributes()
    _write(dataset, target)
    return dataset


def columns(names: tuple[str, ...]) -> tuple[str, ...]:
    """What may be wholly hidden: nothing, one of the modalities, all but the target."""
    return (NONE, *names, OTHERS)


def _questions(target: str, names: tuple[str, ...]) -> dict[str, Hidden]:
    """What is wholly hidden in each cell of a target's row of the table."""
    cells = {}
    for own in OWN:
        for column in columns(names):
            hidden = {NONE: set(), OTHERS: set(names) - {target}}.get(column, {column})
            cells[_method(own, column)] = frozenset(hidden | ({target} if own == OWN[1] else set()))
    return cells


def _method(own: str, column: str) -> str:
    return f"{own} {column}"


def _table(hiding: HidingModel, skills: Mapping[str, PairedSkills]) -> xr.Dataset:
    store, targets, hidden = hiding.store, list(skills), list(columns(tuple(hiding.model.shapes)))

    def cells(values: Callable[[PairedSkills], Mapping[str, Any]]) -> np.ndarray:
        return np.array([[[values(skills[t])[_method(o, h)] for h in hidden] for t in targets] for o in OWN])

    variables: dict[str, Any] = {}
    for name, values, words in (
        ("skill", cells(lambda of: of.skill), "1 - MSE / MSE of the training mean"),
        ("change", cells(lambda of: of.change), "skill - skill with nothing else hidden"),
    ):
        for i, (suffix, end) in enumerate((("", ""), ("_lower", ", lower end"), ("_upper", ", upper end"))):
            variables[name + suffix] = (_DIMS, values[..., i], {"long_name": words + end, "units": "1"})
    mse = {"long_name": "mean squared error, in the squared unit of the target"}
    variables["mse"] = (_DIMS, cells(lambda of: of.mse), mse)
    means = [skills[name].mse[MEAN] for name in targets]
    variables["mse_mean"] = ("target", means, {**mse, "long_name": f"{mse['long_name']}, of the training mean"})
    variables["values"] = ("target", [skills[name].values for name in targets], {"long_name": "values scored"})
    coordinates = {
        "own": ("own", list(OWN), {"long_name": "the target's own unmasked tokens"}),
        "target": ("target", targets, {"long_name": "what is reconstructed"}),
        "hidden": ("hidden", hidden, {"long_name": "what else is hidden wholly"}),
        "target_units": ("target", [store.specific_units(name) for name in targets], {"long_name": "unit of errors"}),
    }
    return xr.Dataset(variables, coordinates)


def _write(dataset: xr.Dataset, output: Path) -> None:
    numbers = [name for name, values in dataset.data_vars.items() if values.dims == _DIMS]
    table = dataset[numbers].to_dataframe(list(_DIMS)).reset_index()
    table = table[[*_DIMS, "target_units", *numbers]]
    if (overlap := overlap_of(dataset.attrs)) is not None:
        table["days_trained_on"] = overlap.days
    with all_or_none():
        write_result(dataset, output)
        with replacing(output.with_suffix(".csv")) as temporary:
            write_frame(table, temporary)
