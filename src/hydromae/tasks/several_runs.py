"""Several runs that answer together, as seeds of one training do: their predictions are averaged."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool

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
        if (other.stations, other.quantiles) != (first.stations, first.quantiles):
            raise ConfigError(f"{other.run.path}: has other stations or quantiles than {first.run.path}")
    return predictors


def require_alike(predictors: Sequence[Predictor], names: Sequence[str]) -> None:
    """Refuse runs that cannot be asked for the same days of the same windows.

    Raises:
        ConfigError: a run has other windows or tokens than the first, or lacks one of its modalities.
    """
    first = predictors[0]
    for other in predictors[1:]:
        if missing := [name for name in names if name not in other.model.shapes]:
            raise ConfigError(f"{other.run.path}: has no {missing[0]}, which {first.run.path} predicts")
        if (other.window, other.token_days) != (first.window, first.token_days):
            raise ConfigError(f"{other.run.path}: has other windows or tokens than {first.run.path}")


def excluded_by_any(predictors: Sequence[Predictor]) -> Bool[np.ndarray, "day"]:
    """Days that the configuration of any run says are wrong, which none is measured by."""
    wrong = [excluded_days(predictor.config, predictor.store) for predictor in predictors]
    return np.asarray(np.any(wrong, axis=0))


def average(answers: Sequence[Answer]) -> Answer:
    """Means of the predictions, in physical units; quantiles of one level are averaged, too."""
    mean = torch.stack([answer.mean for answer in answers]).mean(0)
    quantiles = [answer.quantiles for answer in answers if answer.quantiles is not None]
    return Answer(mean, torch.stack(quantiles).mean(0) if quantiles else None)
