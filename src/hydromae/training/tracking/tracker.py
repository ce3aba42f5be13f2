"""What a tracker is, and which ones a run has."""

import importlib.util
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from hydromae.base.errors import ConfigError
from hydromae.config import Config


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
