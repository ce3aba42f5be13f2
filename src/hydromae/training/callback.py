"""What a training calls as it goes on: the one way to show, record or stop it from outside."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from hydromae.training.progress import Progress

if TYPE_CHECKING:
    from hydromae.training.start_from import Start

logger = logging.getLogger(__name__)

Picture = UInt8[np.ndarray, "row column 3"]


@dataclass(frozen=True)
class Beginning:
    """What is known before the first step.

    Attributes:
        step: number of steps done before; 0 in a new run.
        total_steps: of the whole training.
        start: what was loaded from other weights; None where training starts from none, or is continued.
    """

    step: int
    total_steps: int
    start: "Start | None" = None


class Callback:
    """Takes part in a training; a subclass overrides the methods it needs, the others do nothing.

    Attributes:
        optional: whether the training goes on if the callback fails, with one warning.
    """

    optional = False

    def on_start(self, beginning: Beginning) -> None:
        """Before the first step. An optional callback that fails here is left out of the training."""

    def on_step(self, progress: Progress) -> None:
        """After each optimizer step."""

    def on_log(self, record: Mapping[str, Any]) -> None:
        """With each record: event (train, validation), step, epoch, loss, losses of each modality, more numbers.

        The record of a validation comes while the model still is as it was validated.
        """

    def on_picture(self, name: str, picture: Picture, step: int) -> None:
        """With each picture of the training."""

    def on_end(self) -> None:
        """After the last step, also where an error or a signal ended the training."""


class Callbacks(Callback):
    """Calls several callbacks in their order.

    Args:
        callbacks: those to call.
    """

    def __init__(self, callbacks: Iterable[Callback] = ()) -> None:
        self.all = list(callbacks)
        self._said: set[int] = set()

    def on_start(self, beginning: Beginning) -> None:
        for callback in list(self.all):
            try:
                callback.on_start(beginning)
            except Exception as error:  # the training is worth more than any callback
                if not callback.optional:
                    raise
                self.all.remove(callback)
                name = type(callback).__name__
                logger.warning("%s cannot begin (%s); the training goes on without it", name, error)

    def on_step(self, progress: Progress) -> None:
        self._each("on_step", progress)

    def on_log(self, record: Mapping[str, Any]) -> None:
        self._each("on_log", record)

    def on_picture(self, name: str, picture: Picture, step: int) -> None:
        self._each("on_picture", name, picture, step)

    def on_end(self) -> None:
        self._each("on_end")

    def _each(self, event: str, *arguments: object) -> None:
        for callback in self.all:
            try:
                getattr(callback, event)(*arguments)
            except Exception as error:  # a full disk, a server that is down
                if not callback.optional:
                    raise
                if id(callback) not in self._said:
                    self._said.add(id(callback))
                    logger.warning("%s: %s; the training goes on", type(callback).__name__, error)
