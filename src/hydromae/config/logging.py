"""What is written while training, and how often."""

from typing import Literal

from pydantic import Field

from hydromae.config.types import Section


class LoggingConfig(Section):
    """What is written while training, and how often."""

    log_every: int = Field(10, ge=1, description="steps between two lines of metrics")
    checkpoint_every: int = Field(1, ge=1, description="epochs between two checkpoints; the last is always written")
    checkpoint_minutes: float = Field(15.0, gt=0, description="minutes between two checkpoints within an epoch")
    keep: int = Field(3, ge=1, description="newest checkpoints kept, beside the best epoch's where it wrote one")
    tensorboard: bool = Field(True, description="write TensorBoard's event files into the run")
    wandb: Literal["off", "offline", "online"] = Field(
        "off", description="Weights & Biases: offline keeps the run on disk until `wandb sync`"
    )
    wandb_project: str = Field("water-mae-pretraining", description="project of Weights & Biases")
    images: bool = Field(
        True, description="a picture of a reconstruction at each validation, for the trackers and in images/"
    )
    console: Literal["live", "lines", "quiet"] = Field(
        "live", description="live: one table that changes (lines where nobody watches a terminal); quiet: only errors"
    )
    log_file: str | None = Field(None, description="file that messages are also written to, for batch systems")
