"""Weights & Biases, also without a network."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import wandb
from jaxtyping import UInt8

from hydromae.base.files import write_text
from hydromae.base.json_text import json_text
from hydromae.config import Config
from hydromae.training.tracking.tracker import numbers_of

KEPT = "wandb.json"


class WeightsAndBiases:
    """Sends records to Weights & Biases, or keeps them in the run for `wandb sync` (offline).

    The step is a number among the others and the axis of all of them: the client's own count only ever rises, and a
    run that goes on from a checkpoint takes steps anew, whose numbers would be dropped.

    Args:
        config: the experiment; its project, mode and every key, for the table of runs.
        run: directory of the run, which keeps the id under which a resumed run goes on.
    """

    def __init__(self, config: Config, run: Path) -> None:
        kept = run / KEPT
        known = json.loads(kept.read_text(encoding="utf-8"))["id"] if kept.is_file() else None
        self._run = wandb.init(
            project=config.logging.wandb_project,
            name=config.name,
            id=known,
            resume="allow",
            mode="offline" if config.logging.wandb == "offline" else "online",
            dir=run,
            config=config.model_dump(mode="json"),
            # The console is the training's own: the client neither writes to it nor copies what is written.
            settings=wandb.Settings(silent=True, console="off"),
        )
        self._run.define_metric("step")
        self._run.define_metric("*", step_metric="step")
        write_text(kept, json_text({"id": self._run.id}))

    def record(self, record: Mapping[str, Any]) -> None:
        """Take a record."""
        self._run.log({**numbers_of(record), "step": record["step"]})

    def picture(self, name: str, picture: UInt8[np.ndarray, "row column 3"], step: int) -> None:
        """Take a picture."""
        self._run.log({name: wandb.Image(picture), "step": step})

    def close(self) -> None:
        """Write what is still held back."""
        self._run.finish()
