"""Configurations of trainings that launchers start."""

from pathlib import Path
from typing import Any

import yaml

from hydromae.store.store import Store
from support.small import small_raw
from support.sources import World

Prepared = tuple[World, Store]


def write_config(prepared: Prepared, output: Path, processes: int = 1, **training: Any) -> Path:
    """4 epochs of 3 steps of 4 windows, without dropout, of which every process draws its own."""
    raw = small_raw(
        prepared[0],
        output,
        model={"dropout": 0.0},
        training={"epochs": 4, "batch_size": 4 // processes, **training},
        logging={"log_every": 1, "images": False, "tensorboard": False},
    )
    raw["data"] = {**raw["data"], "store": str(prepared[1].path)}
    path = output.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(raw))
    return path
