"""What a run's masks can train and validate, known before the first step, and how a validation counts."""

import logging
import math
from collections.abc import Iterable, Iterator, Sequence

from hydromae.base.errors import ConfigError
from hydromae.config import Config
from hydromae.masks.planner import MaskPlanner
from hydromae.training.progress import Progress
from hydromae.windows.order import BatchOrder
from hydromae.windows.windows import WindowReader

logger = logging.getLogger(__name__)

COUNTED = "by scored windows"  # in checkpoints: their lowest validation loss is of `total_loss`


def total_loss(
    losses: Sequence[float | None], weights: Sequence[float], windows: Sequence[int] | None = None
) -> float | None:
    """The weighted sum over the modalities with scored values; None where there are none.

    Args:
        losses: mean of each modality over its scored values.
        weights: of the tasks.
        windows: number of windows in which each modality was scored. A modality that the strategies seldom hide counts
            as little here as in training, where it is hidden in few steps. None counts all alike.
    """
    most = max(windows, default=0) if windows is not None else 0
    shares = [1.0] * len(losses) if windows is None or not most else [n / most for n in windows]
    scored = [
        weight * share * loss for weight, share, loss in zip(weights, shares, losses, strict=True) if loss is not None
    ]
    return sum(scored) if scored else None


def scored_modalities(reader: WindowReader, planner: MaskPlanner, order: BatchOrder) -> Iterator[tuple[str, ...]]:
    """The modalities with hidden, and so scored, values in each window of a validation; counted on the host."""
    for request in order:
        available = reader.available(request)
        plan = planner.of_windows(available, request.days, [] if planner.always_random else request.identity)
        for i in range(len(request.starts)):
            yield tuple(name for name, hidings in plan.items() if hidings[i].hides)


def forget_other_validations(progress: Progress, scored: Iterable[tuple[str, ...]], where: str | None) -> None:
    """Choose the best epoch anew where earlier epochs were judged by other windows and modalities than from now on.

    Checkpoints without `COUNTED` come from versions in which a window in which the strategies could hide nothing was
    masked by `random`, and in which a modality had full weight however seldom it was scored.

    Args:
        progress: of such a checkpoint; changed in place.
        scored: the modalities that are scored in each window of the validation.
        where: the run, for the message; None where another process logs it.
    """
    if progress.best_step is None:
        return
    of_windows = list(scored)
    names = {name for window in of_windows for name in window}
    if all(of_windows) and len({sum(name in window for window in of_windows) for name in names}) <= 1:
        return
    progress.best_loss, progress.best_step, progress.waited = math.inf, None, 0
    if where is not None:
        logger.warning(
            "%s: its validation so far counted windows or modalities that its masks do not train; the best epoch is "
            "chosen anew from here on",
            where,
        )


def check_training(reader: WindowReader, planner: MaskPlanner, order: BatchOrder) -> None:
    """Refuse masks that hide nothing in any batch of the first epoch, so that nothing would be trained.

    Raises:
        ConfigError: no window has more than one token of a modality that is hidden.
    """
    for request in order:
        plan = planner.of_batch(reader.available(request), request.days, request.number, 0)
        if any(hiding.hides for hidings in plan.values() for hiding in hidings):
            return
    days = max(shape.days for shape in planner.shapes.values())
    longest = max(request.days for request in order)
    smaller = "" if days == 1 else ", or cut smaller tokens with model.series_patch_days and model.grid_patch_days"
    raise ConfigError(
        f"masking hides nothing in any of the {order.n_windows} training windows, so nothing would be trained: windows "
        f"of {longest} days hold no more than one token of each modality, and the mask ratio of one rounds to none; "
        f"set data.window to {2 * days} or more days{smaller}"
    )


def check_validation(config: Config, reader: WindowReader, planner: MaskPlanner, order: BatchOrder) -> str | None:
    """A sentence that says why no window of the validation period can be scored; None if some can.

    Raises:
        ConfigError: none can be scored, but `training.patience` waits for a lower validation loss.
    """
    if any(scored_modalities(reader, planner, order)):
        return None
    assert config.data.val is not None
    first, last = config.data.val
    strategies = ", ".join(planner.weights)
    problem = (
        f"in none of the {order.n_windows} windows of the validation period, {first} to {last}, was anything observed "
        f"that the run's masks ({strategies}) hide, so nothing can be validated"
    )
    if config.training.patience is not None:
        raise ConfigError(
            f"training.patience is {config.training.patience}, but {problem}; give a data.val with observed values, or "
            f"set training.patience=null"
        )
    return (
        f"{problem} and the weights of the last epoch are kept; give a data.val with observed values to have the best"
    )
