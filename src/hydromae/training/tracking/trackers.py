"""The trackers that a configuration asks for."""

import logging
from pathlib import Path

from hydromae.config import Config
from hydromae.training.tracking.tracker import Tracker

logger = logging.getLogger(__name__)


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


def _left_out(what: str, error: Exception) -> None:
    logger.warning("%s cannot begin (%s); the training goes on without it", what, error)
