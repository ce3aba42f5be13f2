"""Experiments that train in a second, on the small sources of the data tests."""

from pathlib import Path
from typing import Any

import torch

from hydromae.config import Config
from hydromae.config.read import build_config
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.store.store import Store
from hydromae.training.setup import build_model
from hydromae.windows.cells_around import cells_around
from hydromae.windows.context import context_stations
from hydromae.windows.windows import WindowReader
from support.batches import BatchMaker
from support.sources import World

SMALL: dict[str, Any] = {
    "model": {
        "d_model": 16,
        "nhead": 2,
        "grid_encoder_layers": 1,
        "series_encoder_layers": 1,
        "decoder_dim": 8,
        "decoder_layers": 1,
        "series_patch_size": 2,
        "dropout": 0.1,
    },
    "data": {"window": 8, "stride": 14},
    "training": {"epochs": 2, "batch_size": 4, "lr": 1e-3, "warmup_epochs": 1, "workers": 0, "threads": 1},
    "logging": {"log_every": 2, "tensorboard": False, "images": False},
}


def small_raw(world: World, output: Path, **sections: dict[str, Any]) -> dict[str, Any]:
    """The raw configuration of a small experiment on a world, changed section by section."""
    raw: dict[str, Any] = {"name": "small", "output": str(output), **world.raw}
    for changes in (SMALL, sections):
        for section, values in changes.items():
            raw[section] = {**raw.get(section, {}), **values}
    return raw


def small_config(world: World, output: Path, **sections: dict[str, Any]) -> Config:
    """A small experiment: 9 windows in 3 steps an epoch, dropout on."""
    return build_config(small_raw(world, output, **sections))


def small_parts(config: Config, store: Store, seed: int = 0) -> tuple[MultiModalMAE, WindowReader, BatchMaker]:
    """Model in eval mode, reader and maker, as the trainer makes them."""
    model = build_model(config, store).eval()
    reader = WindowReader(store, model.shapes, context_stations(config.data, store))
    cells = cells_around(model.config, store)
    return model, reader, BatchMaker(store, model.shapes, config.masking, seed, torch.device("cpu"), cells=cells)
