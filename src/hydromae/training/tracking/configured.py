"""The callbacks that `logging` asks for."""

import importlib.util
import logging

from hydromae.base.errors import ConfigError
from hydromae.config import Config
from hydromae.training.callback import Callback
from hydromae.training.loop import Trainer
from hydromae.training.tracking.pictures import Pictures
from hydromae.training.tracking.tensorboard import TensorBoard
from hydromae.training.tracking.wandb import WeightsAndBiases

_log = logging.getLogger(__name__)


def check_tracking(config: Config) -> None:
    """Check, before a run begins, that the packages that `logging` needs are installed.

    Raises:
        ConfigError: a package is not installed.
    """
    if config.logging.wandb == "off":
        return
    if not _is_installed("wandb"):
        raise ConfigError(
            f"logging.wandb is {config.logging.wandb}, but wandb is not installed; `pip install hydromae[wandb]`, "
            f"or set logging.wandb=off"
        )


def tracking(trainer: Trainer) -> list[Callback]:
    """Trackers first, and the callback that draws pictures for them last; none in any process but the first."""
    assert trainer.run is not None
    if not trainer.world.is_main:
        return []
    settings, run = trainer.config.logging, trainer.run.path
    callbacks: list[Callback] = []
    if settings.tensorboard and _is_installed("tensorboard"):
        callbacks.append(TensorBoard(run / "tensorboard"))
    elif settings.tensorboard:
        _log.warning(
            "tensorboard is not installed, so the run has no event files, and the losses are in metrics.jsonl only; "
            "`pip install hydromae[tensorboard]`, or set logging.tensorboard=false"
        )
    if settings.wandb != "off":
        callbacks.append(WeightsAndBiases(trainer.config, run))
    if settings.images and (pictures := Pictures.of(trainer, run)):
        callbacks.append(pictures)
    return callbacks


def _is_installed(name: str) -> bool:
    """Whether a package is there; a folder of that name, as wandb leaves one where it ran, has no origin."""
    package = importlib.util.find_spec(name)
    return package is not None and package.origin is not None
