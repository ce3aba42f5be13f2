"""What each modality owes to each other one: reconstruct it again and again, another one hidden wholly each time."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import torch
import xarray as xr
from torch import Tensor

import hydromae
from hydromae.data.batch import TARGET, Batch, Selection, scatter
from hydromae.data.collate import Collator
from hydromae.data.masks import order_keys, select
from hydromae.data.neighbours import station_groups
from hydromae.data.spans import usable_runs
from hydromae.data.store import Store
from hydromae.data.windows import WindowReader, Windows
from hydromae.errors import ConfigError
from hydromae.evaluation.hidden_modalities import MEAN, PairedErrors, PairedSkills, paired_skills
from hydromae.evaluation.reconstruction import SquaredErrors
from hydromae.evaluation.significance import BLOCK_DAYS, RESAMPLES
from hydromae.files import atomic_path, write_text
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.models.pretrained import load_pretrained
from hydromae.tasks.cross_modality_maps import example_maps
from hydromae.tasks.reconstruct import _mean
from hydromae.training.run_directory import RunDirectory
from hydromae.training.world import choose_device

NONE, OTHERS = "none", "all others"
OWN: Final = ("visible", "hidden")
_STATIONS_AT_ONCE = 256  # samples of a few stations each, computed together

Hidden = frozenset[str]


def cross_modality(
    run: str | Path,
    split: str = "val",
    output: str | Path | None = None,
    *,
    windows: int | None = None,
    resamples: int = RESAMPLES,
    on_progress: Callable[[float], None] = lambda done: None,
) -> xr.Dataset:
    """Skill of reconstructing each modality while another one is hidden wholly.

    In every window the run's share of each modality's tokens is hidden at random, as `reconstruct` does, with masks
    fixed by seed and window. These hidden values are predicted several times: with nothing else hidden, with each other
    modality hidden wholly, and with all others hidden; each once with the modality's own visible tokens and once
    without. All differ in what is visible alone, so their errors are paired. Attributes and dates stay known.

    Args:
        run: run directory.
        split: train, val or test.
        output: netCDF file, and a CSV of its table beside it; None is `cross_modality.nc` in the run.
        windows: the most that are looked at, spread evenly over the split; None is all.
        resamples: of the block bootstrap over windows.
        on_progress: told the share that is done.

    Returns:
        [own, target, hidden]: `skill` (1 - MSE / MSE of filling with the training mean), `change` (skill - skill with
        nothing else hidden), both with `_lower` and `_upper` ends of the 95 % interval, and `mse`; `mse_mean` and
        `values` [target]. `own` says whether the target's own visible tokens are seen; in the table of `own` visible,
        hiding the target itself (the diagonal) is what `own` hidden has at `none`. Errors are measured as `reconstruct`
        measures them (flow in mm/d; of series the median over stations). Where the model knows all stations at once,
        also one day of each grid, as `example_maps` gives it.

    Raises:
        RunError: the run, its data or its model cannot be used.
        ConfigError: the split is not in the data, or the run has one modality alone.
    """
    directory = RunDirectory.open(run)
    config, store = directory.config(), directory.store()
    device = choose_device(config.training.device)
    model = load_pretrained(directory.path, device)
    if len(model.shapes) < 2:
        raise ConfigError(f"{directory.path}: has one modality alone, which owes nothing to others")
    masking = config.masking.model_copy(update={"strategies": {"random": 1.0}})
    collator = Collator(store, model.shapes, masking, config.seed, device, config.data.fill)
    setup = _Setup(model, collator, WindowReader(store, model.shapes), store, station_groups(config.data, store))
    days = store.period_slice(split)
    runs = usable_runs(store, days, config.data.exclude_dates)
    spans = [(s, min(config.data.window, r.stop - s)) for r in runs for s in range(r.start, r.stop, config.data.window)]
    if windows is not None and windows < len(spans):
        spans = [spans[i] for i in np.linspace(0, len(spans) - 1, windows).round().astype(int)]
    errors: dict[str, list[SquaredErrors]] = {name: [] for name in setup.targets}
    for i, (start, length) in enumerate(spans):
        for name, of_window in setup.errors(start, length).items():
            errors[name].append(of_window)
        on_progress((i + 1) / len(spans))
    step = (spans[-1][0] - spans[0][0]) / max(len(spans) - 1, 1) or config.data.window
    references = {_key(own, hidden): _key(own, NONE) for own in OWN for hidden in setup.columns}
    skills = {
        name: paired_skills(PairedErrors.of_windows(of), references, step, resamples=resamples)
        for name, of in errors.items()
    }
    dataset = _dataset(setup, skills)
    if setup.groups is None and any(shape.kind == "grid" for shape in model.shapes.values()):
        dataset = dataset.merge(example_maps(setup, spans[len(spans) // 2]))
    dataset.attrs |= {
        "title": f"What each modality owes to each other one, by {config.name}",
        "source": f"hydromae {hydromae.__version__}",
        "split": split,
        "period": f"{store.days[days.start]} {store.days[days.stop - 1]}",
        "windows": len(spans),
        "window_days": config.data.window,
        "mask_ratio_grid": config.masking.image_mask_ratio,
        "mask_ratio_series": config.masking.vector_mask_ratio,
        "trained_with": ", ".join(f"{name}: {weight:g}" for name, weight in config.masking.strategies.items()),
        "resamples": resamples,
        "block_days": BLOCK_DAYS,
        "interval": "95 %, block bootstrap over windows",
    }
    _write(dataset, Path(output) if output is not None else directory.path / "cross_modality.nc")
    return dataset


def hide(batch: Batch, hidden: Collection[str], asked: Collection[str], whole: bool = False) -> Batch:
    """The same batch with some modalities hidden wholly and only some predicted.

    Args:
        batch: masked.
        hidden: none of their tokens is visible.
        asked: those whose targets are predicted.
        whole: whether every observed token of these is a target, not the masked ones alone.
    """
    changed = {}
    for name, tokens in batch.tokens.items():
        nothing = Selection(tokens.visible.index[:, :0], None)
        target = tokens.target if name in asked else nothing
        if whole and name in asked:
            available = tokens.valid.any(-1)  # [B, tokens]
            target = select(available, order_keys(available.long()))
        changed[name] = replace(tokens, visible=nothing if name in hidden else tokens.visible, target=target)
    return replace(batch, tokens=changed)


@dataclass(frozen=True)
class _Setup:
    """The model, its data, and how windows are made of them.

    Attributes:
        groups: [stations, n] the stations of each sample, its own first; None where a sample holds all.
    """

    model: MultiModalMAE
    collator: Collator
    reader: WindowReader
    store: Store
    groups: np.ndarray | None

    @property
    def targets(self) -> tuple[str, ...]:
        """The rows: all modalities, but no grid where a window holds few stations, and so all of the grid each time."""
        every = self.model.shapes.items()
        return tuple(name for name, shape in every if self.groups is None or shape.kind == "series")

    @property
    def columns(self) -> tuple[str, ...]:
        return (NONE, *self.model.shapes, OTHERS)

    def hidden(self, own: str, target: str, column: str) -> Hidden:
        """What is hidden wholly in one cell of the table."""
        every = frozenset(self.model.shapes)
        others = {NONE: frozenset(), OTHERS: every - {target}}.get(column, frozenset({column}))
        return others | {target} if own == OWN[1] else others

    def batches(self, start: int, days: int) -> Iterator[tuple[Windows, Batch]]:
        """One window, cut where it holds a sample for each station."""
        device = self.model.valid_patches.device
        if self.groups is None:
            parts = [self.reader.read([start], days)]
        else:
            cuts = range(0, len(self.groups), _STATIONS_AT_ONCE)
            stations = [self.groups[i : i + _STATIONS_AT_ONCE] for i in cuts]
            parts = [self.reader.read([start] * len(some), days, stations=some) for some in stations]
        for windows in parts:
            moved = windows.to(device)
            yield moved, self.collator.evaluation_batch(moved)

    @torch.no_grad()
    def predict(self, batch: Batch, windows: Windows) -> dict[str, Tensor]:
        """Predictions at the targets [B, T, *place] as errors are measured, of the modalities that have any."""
        found = {}
        for name, predicted in self.model.predict(batch).items():
            if batch.tokens[name].target.index.shape[1]:
                scaler, stations = self.collator.scalers[name], self.stations_of(name, windows)
                physical = scaler.unscale(scatter(predicted, batch.tokens[name], batch.n_days), stations)
                found[name] = scaler.specific(physical, stations)
        return found

    def stations_of(self, name: str, windows: Windows) -> Tensor | None:
        return windows.stations if self.model.shapes[name].kind == "series" else None

    def errors(self, start: int, days: int) -> dict[str, SquaredErrors]:
        """Squared errors of one window in every cell of the table, and of filling with the training mean."""
        cells = [(own, name, column) for own in OWN for name in self.targets for column in self.columns]
        rows: dict[Hidden, set[str]] = {}
        for cell in cells:
            rows.setdefault(self.hidden(*cell), set()).add(cell[1])
        truths: dict[str, list[Tensor]] = {name: [] for name in self.targets}
        filled: dict[tuple[str, Hidden], list[Tensor]] = {}
        for windows, batch in self.batches(start, days):
            truth = self._truth(windows, batch)
            for name in self.targets:
                truths[name].append(self._own(truth[name]))
            for hidden, names in rows.items():
                predicted = self.predict(hide(batch, hidden, names), windows)
                for name in names:
                    # Without any target in the window there is no prediction, and nothing to score.
                    filled.setdefault((name, hidden), []).append(self._own(predicted.get(name, truth[name])))
        result = {}
        for name in self.targets:
            together = torch.cat(truths[name], -1) if self.groups is not None else truths[name][0]
            mean = _mean(self.store, name).to(together.device)
            methods = {MEAN: mean.expand_as(together)}
            for own, target, column in cells:
                if target == name:
                    methods[_key(own, column)] = torch.cat(filled[name, self.hidden(own, target, column)], -1)
            result[name] = SquaredErrors(self.store.kind(name), self.store.specific_units(name))
            result[name].add(together, methods)
        return result

    def _truth(self, windows: Windows, batch: Batch) -> dict[str, Tensor]:
        from hydromae.tasks.fields import state_window

        truth = {}
        for name in self.targets:
            scaler, stations = self.collator.scalers[name], self.stations_of(name, windows)
            hidden = state_window(batch.tokens[name], windows.days) == TARGET
            truth[name] = scaler.specific(torch.where(hidden, windows.values[name], torch.nan), stations)
        return truth

    def _own(self, values: Tensor) -> Tensor:
        """Of samples of a few stations [B, T, n] what belongs to the first of each, [1, T, B]; others as they are."""
        return values if self.groups is None else values[..., 0].T[None]


def _key(own: str, hidden: str) -> str:
    return f"{own} {hidden}"


def _dataset(setup: _Setup, skills: Mapping[str, PairedSkills]) -> xr.Dataset:
    store, targets, columns = setup.store, list(skills), list(setup.columns)
    shape = (len(OWN), len(targets), len(columns), 3)
    skill, change, mse = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape[:3], np.nan)
    for i, own in enumerate(OWN):
        for j, name in enumerate(targets):
            for k, column in enumerate(columns):
                key = _key(own, column)
                mse[i, j, k] = skills[name].mse[key]
                skill[i, j, k], change[i, j, k] = skills[name].skill[key], skills[name].change[key]
    dims = ("own", "target", "hidden")
    words = {"skill": "1 - MSE / MSE of the training mean", "change": "skill - skill with nothing else hidden"}
    variables: dict[str, Any] = {}
    for name, values in (("skill", skill), ("change", change)):
        for i, (suffix, end) in enumerate((("", ""), ("_lower", ", lower end"), ("_upper", ", upper end"))):
            variables[name + suffix] = (dims, values[..., i], {"long_name": words[name] + end, "units": "1"})
    variables["mse"] = (dims, mse, {"long_name": "mean squared error in the squared unit of the target"})
    means = [skills[name].mse[MEAN] for name in targets]
    variables["mse_mean"] = ("target", means, {"long_name": "mean squared error of the training mean"})
    variables["values"] = ("target", [skills[name].values for name in targets], {"long_name": "values scored"})
    coordinates = {
        "own": ("own", list(OWN), {"long_name": "the target's own tokens that are not to be predicted"}),
        "target": ("target", targets, {"long_name": "modality that is reconstructed"}),
        "hidden": ("hidden", columns, {"long_name": "what is hidden wholly"}),
        "target_name": ("target", [store.long_name(name) for name in targets]),
        "target_units": ("target", [store.specific_units(name) for name in targets]),
    }
    return xr.Dataset(variables, coordinates)


def _write(dataset: xr.Dataset, output: Path) -> None:
    packed = {name: {"zlib": True} for name, v in dataset.data_vars.items() if {"y", "x"} <= set(v.dims)}
    with atomic_path(output) as temporary:
        dataset.to_netcdf(temporary, engine="h5netcdf", encoding=packed)
    numbers = [name for name, v in dataset.data_vars.items() if v.dims == ("own", "target", "hidden")]
    table: pd.DataFrame = dataset[[*numbers, "mse_mean", "values"]].to_dataframe(["own", "target", "hidden"])
    write_text(output.with_suffix(".csv"), table.reset_index().to_csv(index=False, lineterminator="\n"))
