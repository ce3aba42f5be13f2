"""What follows a training on the first process: trackers and pictures, none of which can end it."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from jaxtyping import UInt8

from hydromae.training.listener import Listener
from hydromae.training.loop import Trainer
from hydromae.training.tracking.pictures import Pictures
from hydromae.training.tracking.tracker import Tracker
from hydromae.training.tracking.trackers import make_trackers

logger = logging.getLogger(__name__)

PICTURE = "reconstruction"


class Watch:
    """Hands records to trackers, and a picture after every validation.

    What one of them cannot do (a full disk, a server that is down) is told of once, and the training goes on.

    Args:
        trackers: that get them.
        draw: makes and keeps the picture of a step; None where none is wanted.
    """

    def __init__(
        self, trackers: Sequence[Tracker], draw: Callable[[int], UInt8[np.ndarray, "row column 3"]] | None = None
    ) -> None:
        self.trackers, self.draw = list(trackers), draw
        self._told: set[str] = set()

    def on_record(self, record: Mapping[str, Any]) -> None:
        """Take a record of the loop."""
        for tracker in self.trackers:
            with self._unharmed(type(tracker).__name__):
                tracker.record(record)
        if record["event"] == "validation" and self.draw is not None:
            with self._unharmed("the picture of a reconstruction"):
                picture, step = self.draw(record["step"]), record["step"]
                for tracker in self.trackers:
                    with self._unharmed(type(tracker).__name__):
                        tracker.picture(PICTURE, picture, step)

    def close(self) -> None:
        """Have everything written that is held back."""
        for tracker in self.trackers:
            with self._unharmed(type(tracker).__name__):
                tracker.close()

    @contextmanager
    def _unharmed(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # whatever it is, the training is worth more
            if what not in self._told:
                self._told.add(what)
                logger.warning("%s: %s; the training goes on", what, error)


@contextmanager
def watched(trainer: Trainer, shown: Listener) -> Iterator[Listener]:
    """A listener that shows what `shown` does and has the run followed as `logging` asks; only the first process does.

    Args:
        trainer: about to train in its run directory.
        shown: told first.
    """
    assert trainer.run is not None
    if not trainer.world.is_main:
        yield shown
        return
    settings, step = trainer.config.logging, trainer.progress.step
    pictures = Pictures.of(trainer, trainer.run.path) if settings.images else None
    watch = Watch(make_trackers(trainer.config, trainer.run.path, step), pictures.draw if pictures else None)

    def on_record(record: dict[str, Any]) -> None:
        shown.on_record(record)
        watch.on_record(record)

    try:
        yield Listener(shown.on_step, on_record)
    finally:
        watch.close()
