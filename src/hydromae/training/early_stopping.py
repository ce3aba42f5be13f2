"""Ending a training whose validation loss no longer falls."""

from hydromae.base.errors import ConfigError
from hydromae.config import Config
from hydromae.training.progress import Progress


def check_patience(config: Config) -> None:
    """Refuse patience where there is no validation.

    Raises:
        ConfigError: there is no validation period.
    """
    if config.training.patience is not None and config.data.val is None:
        raise ConfigError(
            f"training.patience is {config.training.patience}, but there is no validation period; "
            f"give data.val, or leave the key out"
        )


def note_validation(progress: Progress, loss: float) -> bool:
    """Note the validation loss after an epoch in a run's progress; returns whether it is the lowest so far."""
    if not loss < progress.best_loss:
        progress.waited += 1
        return False
    progress.best_loss, progress.best_step, progress.waited = loss, progress.step, 0
    return True


def out_of_patience(progress: Progress, patience: int | None) -> bool:
    """Whether `training.patience` epochs have gone by without a lower loss (Prechelt 1998)."""
    return patience is not None and progress.waited >= patience
