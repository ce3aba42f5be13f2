"""Weights & Biases, also without a network."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydromae.base.files import write_text
from hydromae.base.json_text import json_text
from hydromae.base.secret_values import concealed
from hydromae.config import Config
from hydromae.training.callback import Beginning, Callback, Picture
from hydromae.training.tracking.numbers import numbers_of

KEPT = "wandb.json"


class WeightsAndBiases(Callback):
    """Sends records to Weights & Biases, or keeps them in the run for `wandb sync` (offline).

    The step is logged as a number and used as the axis of all others: the client's own count only ever rises, and a
    run that continues from a checkpoint repeats steps, whose numbers would be dropped.

    Args:
        config: the experiment; its project, mode and every key, for the table of runs.
        run: directory of the run, which keeps the id under which a resumed run goes on.
    """

    optional = True

    def __init__(self, config: Config, run: Path) -> None:
        self.config, self.run = config, run
        self._client: Any = None

    def on_start(self, beginning: Beginning) -> None:
        import wandb

        config, kept = self.config, self.run / KEPT
        run_id = json.loads(kept.read_text(encoding="utf-8"))["id"] if kept.is_file() else None
        self._client = wandb.init(
            project=config.logging.wandb_project,
            name=config.name,
            id=run_id,
            resume="allow",
            mode="offline" if config.logging.wandb == "offline" else "online",
            dir=self.run,
            config=concealed(config.model_dump(mode="json")),
            # The console is the training's own: the client neither writes to it nor copies what is written.
            settings=wandb.Settings(silent=True, console="off"),
        )
        self._client.define_metric("step")
        self._client.define_metric("*", step_metric="step")
        write_text(kept, json_text({"id": self._client.id}))

    def on_log(self, record: Mapping[str, Any]) -> None:
        self._client.log({**numbers_of(record), "step": record["step"]})

    def on_picture(self, name: str, picture: Picture, step: int) -> None:
        import wandb

        self._client.log({name: wandb.Image(picture), "step": step})

    def on_end(self) -> None:
        if self._client is not None:
            self._client.finish()
