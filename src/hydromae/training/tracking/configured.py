"""The callbacks that `logging` asks for."""

import importlib.util

from hydromae.base.errors import ConfigError
from hydromae.config import Config
from hydromae.training.callback import Callback
from hydromae.training.loop import Trainer
from hydromae.training.tracking.pictures import Pictures
from hydromae.training.tracking.tensorboard import TensorBoard
from hydromae.training.tracking.wandb import WeightsAndBiases


def check_tracking(config: Config) -> None:
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


def tracking(trainer: Trainer) -> list[Callback]:
    """Trackers first and what draws for them last; none in a process beside the first."""
    assert trainer.run is not None
    if not trainer.world.is_main:
        return []
    settings, run = trainer.config.logging, trainer.run.path
    callbacks: list[Callback] = []
    if settings.tensorboard:
        callbacks.append(TensorBoard(run / "tensorboard"))
    if settings.wandb != "off":
        callbacks.append(WeightsAndBiases(trainer.config, run))
    if settings.images and (pictures := Pictures.of(trainer, run)):
        callbacks.append(pictures)
    return callbacks
