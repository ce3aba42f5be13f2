"""Runs of models that were never trained: what holds of them holds of any."""

from pathlib import Path
from typing import Any

import torch

from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import save_pretrained
from hydromae.store.store import Store
from hydromae.training.setup import build_model
from support.small import small_config
from support.sources import World

# Windows with all stations, pairs of them in a token; windows of one station, and of one with its nearest.
ALL: dict[str, Any] = {"model": {"quantiles": [0.1, 0.5, 0.9]}}
ONE: dict[str, Any] = {
    "data": {"stations_per_window": 1, "window": 12},
    "model": {"series_patch_size": 1, "series_patch_days": 3, "quantiles": [0.1, 0.5, 0.9]},
}


def untrained_run(world: World, store: Store, output: Path, **sections: dict[str, Any]) -> RunDirectory:
    """A run directory with a model whose weights are all drawn at random, none zero."""
    config = small_config(world, output, **sections)
    run = RunDirectory.create(config, store)
    model = build_model(config, store)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    save_pretrained(model, run.model)
    return run
