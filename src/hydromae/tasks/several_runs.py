"""Several runs that answer together, as seeds of one training do: their predictions are averaged."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool

from hydromae.data.readers.units import same_units
from hydromae.data.store import Store
from hydromae.errors import ConfigError
from hydromae.tasks.choices import excluded_days
from hydromae.tasks.predictor import Answer, Predictor

Runs = str | Path | Sequence[str | Path]


def open_runs(runs: Runs, data: str | Path | Store | None = None, device: str = "auto") -> list[Predictor]:
    """Predictors of some runs, which all see the data of the first, so that a day of one is that day of all.

    Raises:
        RunError: a run, its data or its model cannot be used.
        ConfigError: no run is named, or one predicts other stations or quantiles than the first.
    """
    paths = [runs] if isinstance(runs, str | Path) else list(runs)
    if not paths:
        raise ConfigError("no run is named; give the output of `hydromae train`")
    first = Predictor(paths[0], data, device)
    predictors = [first, *(Predictor(path, first.store, device) for path in paths[1:])]
    for other in predictors[1:]:
        if other.quantiles != first.quantiles:
            levels = [list(predictor.quantiles) or "none" for predictor in (other, first)]
            raise ConfigError(f"{other.run.path}: has the quantiles {levels[0]}, but {first.run.path} {levels[1]}")
        if other.stations != first.stations:
            apart = set(other.stations) ^ set(first.stations)
            what = f"only one of them has {min(apart)}" if apart else "their order differs"
            raise ConfigError(f"{other.run.path}: predicts other stations than {first.run.path}: {what}")
    return predictors


def require_alike(predictors: Sequence[Predictor], names: Sequence[str]) -> None:
    """Refuse runs whose predictions of some modalities cannot be averaged.

    Raises:
        ConfigError: a run lacks one, or has it in another unit or of other patches than the first.
    """
    first = predictors[0]
    for other in predictors[1:]:
        for name in names:
            if name not in other.model.shapes:
                raise ConfigError(f"{other.run.path}: has no {name}, which {first.run.path} predicts")
            units = [predictor.data.units[name] for predictor in (other, first)]
            if not same_units(*units):
                raise ConfigError(f"{other.run.path}: {name} is in {units[0]}, but in {first.run.path} in {units[1]}")
            grid = first.model.shapes[name].kind == "grid"
            if grid and not torch.equal(other.model.valid_patches, first.model.valid_patches):
                raise ConfigError(f"{other.run.path}: was trained on other patches of {name} than {first.run.path}")


def require_same_windows(predictors: Sequence[Predictor]) -> None:
    """Refuse runs that cannot be asked for the same days of the same windows.

    Raises:
        ConfigError: a run has longer or shorter windows or tokens than the first.
    """
    first = predictors[0]
    for other in predictors[1:]:
        for what, one, two in (
            ("windows", other.window, first.window),
            ("tokens", other.token_days, first.token_days),
        ):
            if one != two:
                raise ConfigError(f"{other.run.path}: has {what} of {one} days, but {first.run.path} of {two}")


def excluded_by_any(predictors: Sequence[Predictor]) -> Bool[np.ndarray, "day"]:
    """Days that the configuration of any run says are wrong, which none is measured by."""
    wrong = [excluded_days(predictor.config, predictor.store) for predictor in predictors]
    return np.asarray(np.any(wrong, axis=0))


def average(answers: Sequence[Answer]) -> Answer:
    """Means of the predictions, in physical units; quantiles of one level are averaged, too."""
    mean = torch.stack([answer.mean for answer in answers]).mean(0)
    quantiles = [answer.quantiles for answer in answers if answer.quantiles is not None]
    return Answer(mean, torch.stack(quantiles).mean(0) if quantiles else None)
