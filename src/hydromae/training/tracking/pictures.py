"""Pictures of one reconstruction, as the model gets better at it."""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from hydromae.drawing.maps import GridSample, colour_map_of
from hydromae.drawing.series import SeriesSample
from hydromae.drawing.snapshot import draw_snapshot, write_picture
from hydromae.masks.whole import forecast_modalities
from hydromae.prediction.reconstruction import reconstruct_window
from hydromae.store.maps import to_grid
from hydromae.store.store import Store
from hydromae.tokens.selection import MISSING
from hydromae.training.callback import Beginning, Callback, Picture
from hydromae.training.loop import Trainer
from hydromae.windows.neighbours import station_groups
from hydromae.windows.spans import usable_runs

logger = logging.getLogger(__name__)


PICTURE = "reconstruction"


class Pictures(Callback):
    """After each validation, draws one window of its period, always the same with the same values hidden.

    No random number is drawn, and the model stays in the mode it was in.

    Args:
        trainer: has the model.
        folder: gets a PNG of each picture.
        start: first day of the window, as days since the store's first day.
        days: in the window.
    """

    optional = True

    def __init__(self, trainer: Trainer, folder: Path, start: int, days: int) -> None:
        self.trainer, self.folder, self.start, self.days = trainer, folder, start, days

    @classmethod
    def of(cls, trainer: Trainer, run: Path) -> "Pictures | None":
        """Pictures of the middle of the validation period; None without one, or if processes share the model."""
        config, store = trainer.config, trainer.store
        if config.data.val is None:
            return None
        if trainer.engine.spread:
            logger.warning("logging.images has no effect with training.engine=fsdp: no process holds the whole model")
            return None
        runs = usable_runs(store, store.period_slice("val"), config.data.exclude_dates)
        longest = max(runs, key=lambda run: run.stop - run.start)
        days = min(config.data.window, longest.stop - longest.start)
        return cls(trainer, run / "images", (longest.start + longest.stop - days) // 2, days)

    def on_start(self, beginning: Beginning) -> None:
        for later in self.folder.glob("step_*.png"):
            # A run that continues from an earlier step draws these pictures anew.
            if later.stem[5:].isdigit() and int(later.stem[5:]) > beginning.step:
                later.unlink()

    def on_log(self, record: Mapping[str, Any]) -> None:
        if record["event"] == "validation":
            step = record["step"]
            self.trainer.callbacks.on_picture(PICTURE, self.draw(step), step)

    def draw(self, step: int) -> Picture:
        """Reconstruct, draw, and write `step_<step>.png`.

        Raises:
            DataError: the disk refuses the file.
        """
        trainer = self.trainer
        model, store = trainer.model, trainer.store
        was_training = model.training
        try:
            groups = station_groups(trainer.config.data, store)
            parts = (trainer.batcher, trainer.masker, trainer.reader)
            fields = reconstruct_window(model.eval(), *parts, self.start, self.days, groups)
        finally:
            model.train(was_training)
        time = store.days[self.start : self.start + self.days]
        grids = [name for name in fields if store.kind(name) == "grid"]
        # Flow where there is any, chosen as for a forecast.
        units = {name: store.units(name) for name in model.shapes}
        series = [name for name in forecast_modalities(units, model.shapes, None) if store.kind(name) == "series"]
        picture = draw_snapshot(
            f"step {step:,}",
            grid_sample(store, grids[0], time, *_arrays(fields[grids[0]])) if grids else None,
            series_sample(store, series[0], time, *_arrays(fields[series[0]])) if series else None,
        )
        write_picture(self.folder / f"step_{step:08d}.png", picture)
        return picture


def grid_sample(
    store: Store, name: str, time: np.ndarray, observed: np.ndarray, reconstructed: np.ndarray, state: np.ndarray
) -> GridSample:
    """A grid modality's days [T, patches, cells] of a window, on the full grid."""
    on_grid = [to_grid(store, field.astype(np.float32)) for field in (observed, reconstructed, state)]  # [T, H, W]
    return GridSample(
        name=name,
        units=store.units(name),
        colour_map=colour_map_of(f"{store.standard_name(name)} {store.long_name(name)}"),
        north_up=store.y is None or len(store.y) < 2 or bool(store.y[0] > store.y[-1]),
        time=time,
        observed=on_grid[0],
        reconstructed=on_grid[1],
        state=np.nan_to_num(on_grid[2], nan=MISSING).astype(np.int8),
    )


def series_sample(
    store: Store, name: str, time: np.ndarray, observed: np.ndarray, reconstructed: np.ndarray, state: np.ndarray
) -> SeriesSample:
    """A series modality's days [T, stations] of a window."""
    stations = tuple(store.station_ids)
    return SeriesSample(name, store.units(name), time, stations, observed, reconstructed, state.astype(np.int8))


def _arrays(fields: Iterable[Tensor]) -> list[np.ndarray]:
    return [field[0].cpu().numpy() for field in fields]
