"""A run on series alone, in windows of one station or of some, as tests of tasks use it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.torch import load_file

from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import load_pretrained, save_pretrained
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from support.small import small_config
from support.sources import World, make_world
from support.untrained import untrained_run

LONGITUDES = [0.1, -1.0, -2.0, -3.0, -4.0]


def series_world(root: Path, **data: Any) -> World:
    """Evaporation and river flow of four stations with coordinates and areas; keys of `data` on top."""
    world = make_world(root / "sources")
    attributes = pd.read_csv(world.root / "attributes.csv")
    attributes.insert(2, "longitude", LONGITUDES)
    attributes.to_csv(world.root / "attributes.csv", index=False)
    raw = world.raw["data"]
    raw["modalities"] = {name: raw["modalities"][name] for name in ("evap", "riverflow")}
    raw["attributes"]["columns"] = ["latitude", "longitude", "catchment-area"]
    del raw["land_mask"]
    raw |= {"stations_per_window": 1, "window": 28, "stride": 7, **data}
    world.raw["model"] = {"series_patch_days": 7}
    return world


def series_run(
    root: Path,
    model: dict[str, Any] | None = None,
    change_flow: Callable[[dict[str, Any]], dict[str, Any]] = lambda raw: raw,
    **data: Any,
) -> RunDirectory:
    """A run, untrained, on a series world under `root`; `change_flow` makes other settings of its river flow."""
    world = series_world(root, **data)
    modalities = world.raw["data"]["modalities"]
    modalities["riverflow"] = change_flow(modalities["riverflow"])
    settings = {"series_patch_size": 1, **(model or {})}
    sections: dict[str, dict[str, Any]] = {"data": world.raw["data"], "model": settings, "training": {"epochs": 1}}
    return untrained_run(world, prepare(small_config(world, root / "run", **sections)), root / "run", **sections)


def other_store(root: Path, change: Callable[[dict[str, np.ndarray]], None], **data: Any) -> Store:
    """The same sources with `change(series)` done to them, prepared under `root`."""
    world = series_world(root, **data)
    change(world.series)
    world.write_series()
    config = small_config(world, root / "run", data=world.raw["data"], model={"series_patch_size": 1})
    return prepare(config)


def move_weights(run: RunDirectory, by: float = 0.05) -> None:
    """Change all weights of a run, so that it predicts something else."""
    weights = load_file(run.model / "model.safetensors")
    moved = {name: value + by if value.is_floating_point() else value for name, value in weights.items()}
    save_pretrained(load_pretrained(run.path), run.model, moved)


def bits(values: np.ndarray) -> bytes:
    """The values as bytes, by which they are compared bit for bit."""
    return np.ascontiguousarray(values).tobytes()
