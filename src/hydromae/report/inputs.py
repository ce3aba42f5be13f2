"""Reads a run directory into typed values; an optional file that is absent gives None."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int
from pydantic import BaseModel, ConfigDict, ValidationError

from hydromae.base.errors import DataError, RunError
from hydromae.base.json_text import unsealed
from hydromae.base.permissions import refused
from hydromae.base.shell import command
from hydromae.config import Config
from hydromae.evaluation.scores import Scores
from hydromae.readers.labelled import open_labelled
from hydromae.runs.checked_lines import read_lines
from hydromae.runs.directory import RunDirectory

REMEDY: Final = "make it again with hydromae reconstruct"

Model = TypeVar("Model", bound=BaseModel)


class Summary(BaseModel):
    """Size, time and device of the training."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    parameters: int | None = None
    seconds: float | None = None
    steps: int | None = None
    device: str | None = None
    version: str | None = None


@dataclass(frozen=True)
class Curve:
    """The records of one event, in order of step; values that a record lacks are NaN.

    `broken` marks records with a loss that is not finite; a loss is missing, not broken, if nothing was scored.
    """

    step: Int[np.ndarray, " record"]
    loss: Float[np.ndarray, " record"]
    losses: dict[str, Float[np.ndarray, " record"]]
    lr: Float[np.ndarray, " record"]
    windows_per_second: Float[np.ndarray, " record"]
    broken: Bool[np.ndarray, " record"]

    def __len__(self) -> int:
        return len(self.step)


@dataclass(frozen=True)
class Metrics:
    """The curves of a training and the number of lines that are not what was written."""

    train: Curve
    validation: Curve
    unreadable: int


@dataclass(frozen=True)
class Run:
    """Everything the page shows, except the reconstruction."""

    path: Path
    config: Config
    metrics: Metrics | None
    scores: Scores | None
    summary: Summary | None

    def label(self, name: str) -> str:
        """The modality in words."""
        modality = self.config.data.modalities.get(name)
        return (modality.long_name if modality else "") or name


def load_run(path: Path) -> Run:
    """Read a run directory.

    Raises:
        RunError: the directory or its config.yaml does not exist, or that was changed.
        ConfigError: config.yaml is wrong.
        DataError: a file exists and cannot be read.
    """
    if not (path / "config.yaml").is_file():
        raise RunError(f"{path}: holds no config.yaml; give the directory of a run, as output/experiment")
    return Run(
        path=path,
        config=RunDirectory(path).config(),
        metrics=_load_metrics(path / "metrics.jsonl"),
        scores=_load_model(path / "scores.json", Scores, command("reconstruct", path)),
        summary=_load_model(path / "summary.json", Summary, command("resume", path)),
    )


def open_reconstruction(path: Path) -> xr.Dataset:
    """Open a reconstruction lazily; the caller closes it.

    Raises:
        DataError: the file is not netCDF, or holds no modality with its reconstruction and state.
    """
    dataset = open_labelled(path, REMEDY)
    if not reconstructed_names(dataset):
        dataset.close()
        raise DataError(f"{path}: holds no modality with its _reconstructed and _state; {REMEDY}")
    return dataset


def reconstructed_names(dataset: xr.Dataset) -> list[str]:
    """The modalities of a reconstruction, in the order of the file."""
    held = set(map(str, dataset.data_vars))
    return [str(name) for name in dataset.data_vars if {f"{name}_reconstructed", f"{name}_state"} <= held]


def _load_model(path: Path, kind: type[Model], remedy: str) -> Model | None:
    if not path.is_file():
        return None
    try:
        return kind.model_validate(unsealed(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise DataError(f"{path}: {place}: {error.errors()[0]['msg']}; make it again with {remedy}") from None
    except (OSError, ValueError) as error:
        reason = refused(path, error)
        raise DataError(reason or f"{path}: is not valid JSON ({error}); make it again with {remedy}") from None


def _load_metrics(path: Path) -> Metrics | None:
    if not path.is_file():
        return None
    # A training that went back to a checkpoint writes some steps again: the later line counts.
    events: dict[str, dict[int, dict[str, Any]]] = {"train": {}, "validation": {}}
    unreadable = 0
    for record in read_lines(path.read_bytes()):
        try:
            if record is None:
                raise ValueError
            kept = events.get(record["event"])
            if kept is not None:
                kept[int(record["step"])] = record
        except (ValueError, KeyError, TypeError):
            unreadable += 1
    return Metrics(_curve(events["train"]), _curve(events["validation"]), unreadable)


def _curve(records: dict[int, dict[str, Any]]) -> Curve:
    ordered = [records[step] for step in sorted(records)]
    losses = [record.get("losses") or {} for record in ordered]
    names = dict.fromkeys(name for of_record in losses for name in of_record)
    return Curve(
        step=np.array(sorted(records), dtype=np.int64),
        loss=_floats([record.get("loss") for record in ordered]),
        losses={name: _floats([of_record.get(name) for of_record in losses]) for name in names},
        lr=_floats([record.get("lr") for record in ordered]),
        windows_per_second=_floats([record.get("windows_per_second") for record in ordered]),
        broken=np.array(
            [not _finite(record.get("loss"), *of.values()) for record, of in zip(ordered, losses, strict=True)], bool
        ),
    )


def _finite(total: Any, *losses: Any) -> bool:
    numbers = [total, *(loss for loss in losses if loss is not None)]
    return all(isinstance(number, int | float) and math.isfinite(number) for number in numbers)


def _floats(values: list[Any]) -> Float[np.ndarray, " record"]:
    numbers = [float(value) if isinstance(value, int | float) else math.nan for value in values]
    return np.array(numbers, dtype=np.float64)
