"""Pictures of one reconstruction, as the model gets better at it."""

import logging
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from hydromae.data.patches import to_grid
from hydromae.data.spans import usable_runs
from hydromae.data.store import Store
from hydromae.report.maps import GridSample, colour_map_of
from hydromae.report.series import SeriesSample
from hydromae.report.snapshot import draw_snapshot, write_picture
from hydromae.tasks.reconstruct import reconstruct_window
from hydromae.training.loop import Trainer

logger = logging.getLogger(__name__)


class Pictures:
    """Draws one window of the validation period, always the same with the same values hidden.

    Nothing random is drawn from, and the model is left in the mode it was in.

    Args:
        trainer: whose model it is.
        folder: gets a PNG of each picture.
        start: first day of the window, as days since the store's first day.
        days: in the window.
    """

    def __init__(self, trainer: Trainer, folder: Path, start: int, days: int) -> None:
        self.trainer, self.folder, self.start, self.days = trainer, folder, start, days
        for later in folder.glob("step_*.png"):
            # A run that goes on from before them draws them anew.
            if later.stem[5:].isdigit() and int(later.stem[5:]) > trainer.progress.step:
                later.unlink()

    @classmethod
    def of(cls, trainer: Trainer, run: Path) -> "Pictures | None":
        """Of the middle of the validation period; None without one, or where the model is spread over processes."""
        config, store = trainer.config, trainer.store
        if config.data.val is None:
            return None
        if trainer.engine.spread:
            logger.info("no pictures of reconstructions: with training.engine=fsdp no process holds the whole model")
            return None
        runs = usable_runs(store, store.period_slice("val"), config.data.exclude_dates)
        longest = max(runs, key=lambda run: run.stop - run.start)
        days = min(config.data.window, longest.stop - longest.start)
        return cls(trainer, run / "images", (longest.start + longest.stop - days) // 2, days)

    def draw(self, step: int) -> UInt8[np.ndarray, "row column 3"]:
        """Reconstruct, draw, and write `step_<step>.png`.

        Raises:
            DataError: the disk refuses the file.
        """
        trainer = self.trainer
        model, store = trainer.model, trainer.store
        was_training = model.training
        try:
            fields = reconstruct_window(model.eval(), trainer.collator, trainer.reader, self.start, self.days)
        finally:
            model.train(was_training)
        grids = [name for name in fields if store.kind(name) == "grid"]
        series = [name for name in fields if store.kind(name) == "series"]
        arrays = {name: [part[0].float().cpu().numpy() for part in fields[name]] for name in grids[:1] + series[-1:]}
        picture = draw_snapshot(
            f"step {step:,}",
            _grid(store, grids[0], self._time(), *arrays[grids[0]]) if grids else None,
            _series(store, series[-1], self._time(), *arrays[series[-1]]) if series else None,
        )
        write_picture(self.folder / f"step_{step:08d}.png", picture)
        return picture

    def _time(self) -> np.ndarray:
        return self.trainer.store.days[self.start : self.start + self.days]
