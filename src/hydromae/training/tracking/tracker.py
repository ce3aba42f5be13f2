"""What a tracker is, and which ones a run has."""

import importlib.util
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from hydromae.config import Config
from hydromae.errors import ConfigError

logger = logging.getLogger(__name__)


@runtime_checkable
class Tracker(Protocol):
    """Takes the records and pictures of a run."""

    def record(self, record: Mapping[str, Any]) -> None:
        """Take a record of the loop: event, step, loss, losses of each modality, and more numbers."""

    def picture(self, name: str, picture: UInt8[np.ndarray, "row column 3"], step: int) -> None:
        """Take a picture."""

    def close(self) -> None:
        """Write what is still held back."""


def check_trackers(config: Config) -> None:
    """See, before a run is begun, whether what `logging` asks for is there.

    Raises:
        ConfigError: a package is not installed.
    """
    if config.logging.wandb == "off":
        return
    found = importlib.util.find_spec("wandb")
    if found is None or found.origin is None:  # a folder of that name is what the client leaves where it ran
        raise ConfigError(
            f"logging.wandb is {config.logging.wandb}, but wandb is not installed; `pip install hydromae[wandb]`, "
            f"or set logging.wandb=off"
        )


def make_trackers(config: Config, run: Path, step: int) -> list[Tracker]:
    """The trackers that `logging` asks for; one that cannot begin is told of and left out.

    Args:
        config: the experiment.
        run: directory of the run.
        step: from which the run goes on; what was written of later steps is given up.
    """
    trackers: list[Tracker] = []
    try:
        if config.logging.tensorboard:
            from hydromae.training.tracking.tensorboard import TensorBoard

            trackers.append(TensorBoard(run / "tensorboard", step))
    except Exception as error:  # whatever a tracker meets, the training is worth more
        _left_out("TensorBoard", error)
    try:
        if config.logging.wandb != "off":
            from hydromae.training.tracking.wandb import WeightsAndBiases

            trackers.append(WeightsAndBiases(config, run))
    except Exception as error:
        _left_out("Weights & Biases", error)
    return trackers


def numbers_of(record: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a record under flat names: train/loss, train/precip, train/lr, validation/pinball/precip, ..."""
    event = record["event"]
    flat = {f"{event}/{name}": loss for name, loss in record["losses"].items() if loss is not None}
    flat |= {f"{event}/pinball/{name}": loss for name, loss in record.get("pinball", {}).items() if loss is not None}
    flat |= {
        f"{event}/{key}": value
        for key, value in record.items()
        if key not in ("event", "step", "losses") and isinstance(value, int | float)
    }
    return flat


def _left_out(what: str, error: Exception) -> None:
    logger.warning("%s cannot begin (%s); the training goes on without it", what, error)
