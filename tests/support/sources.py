"""Small sources in the formats users keep: HDF5 grids, long tables, attributes, a land mask."""

import shutil
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np
import pandas as pd
import torch

from hydromae.config import Config
from hydromae.config.read import build_config

MISSING = -99999.0
FIRST, TRAIN_END, LAST = date(2001, 1, 1), date(2001, 5, 20), date(2001, 7, 19)
HEIGHT, WIDTH, PATCH = 15, 10, 5


def day_range(first: date, last: date) -> np.ndarray:
    return np.arange(np.datetime64(first), np.datetime64(last) + np.timedelta64(1, "D"))


def write_grid(path: Path, values: np.ndarray, days: np.ndarray | None, variable: str = "data") -> Path:
    """Values [day, row, column], NaN as -99999; dates as bytes."""
    with h5py.File(path, "w") as file:
        filled = np.where(np.isnan(values), MISSING, values).astype(values.dtype)
        file.create_dataset(variable, data=filled, chunks=(1, *values.shape[1:]), compression="gzip")
        if days is not None:
            file.create_dataset("dates", data=np.array([str(day) for day in days], "S10"))
    return path


def write_table(path: Path, days: np.ndarray, ids: list[Any], columns: dict[str, np.ndarray]) -> Path:
    """Columns [day, station] as a long table, parquet or CSV by suffix."""
    table = pd.DataFrame(
        {
            "date": np.repeat(days.astype("datetime64[s]"), len(ids)),
            "ID": np.tile(ids, len(days)),
            **{name: values.ravel() for name, values in columns.items()},
        }
    )
    if path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    else:
        table.assign(date=table["date"].dt.strftime("%Y-%m-%d")).to_csv(path, index=False)
    return path


def write_attributes(path: Path, ids: list[Any], columns: dict[str, list[Any]]) -> Path:
    pd.DataFrame({"id": ids, **columns}).to_csv(path, index=False)
    return path


def write_mask(path: Path, land: np.ndarray) -> Path:
    if path.suffix == ".npy":
        np.save(path, land)
    else:
        torch.save(torch.from_numpy(land.astype(np.float32)), path)
    return path


@dataclass
class World:
    """A small set of sources on disk, what was written, and the raw configuration that names them."""

    root: Path
    raw: dict[str, Any]
    days: np.ndarray
    land: np.ndarray
    ids: list[str]
    grids: dict[str, np.ndarray] = field(default_factory=dict)
    series: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def n_train(self) -> int:
        return (TRAIN_END - FIRST).days + 1

    def config(self, *overrides: str) -> Config:
        return build_config(self.raw, overrides)

    def write_grids(self, name: str) -> None:
        """Write a grid anew, training and validation file."""
        n = self.n_train
        write_grid(self.root / f"{name}_train.h5", self.grids[name][:n], self.days[:n])
        write_grid(self.root / f"{name}_val.h5", self.grids[name][n:], self.days[n:])

    def write_series(self) -> None:
        columns = {"evaporation": self.series["evap"], "discharge_vol": self.series["riverflow"]}
        write_table(self.root / "series.parquet", self.days, [int(i) for i in self.ids], columns)


def make_world(root: Path, seed: int = 0) -> World:
    """Write precip, soil (grids), evap, riverflow (series of 4 stations), attributes of 5 and a mask under `root`."""
    kept, first = _first_world(seed)
    root.mkdir(parents=True, exist_ok=True)
    for path in Path(kept.name).iterdir():
        shutil.copyfile(path, root / path.name)
    world = deepcopy(first)
    world.root, data = root, world.raw["data"]
    data["root"], data["store"] = str(root), str(root.parent / "store")
    return world


@cache
def _first_world(seed: int) -> "tuple[TemporaryDirectory[str], World]":
    """The sources of a seed, written once in a process and copied from then on."""
    kept = TemporaryDirectory(prefix="world")
    return kept, _write_world(Path(kept.name), seed)


def _write_world(root: Path, seed: int) -> World:
    random = np.random.default_rng(seed)
    days = day_range(FIRST, LAST)
    land = np.ones((HEIGHT, WIDTH), bool)
    land[:5, 5:] = False  # patch 1: sea
    land[5:8, :5] = False  # patch 2: 40 % of land
    land[10, 0] = False
    ids = ["39001", "9002", "27003", "101"]
    size = (len(days), HEIGHT, WIDTH)
    precip = np.maximum(random.gamma(0.5, 4, size) - 1, 0).astype(np.float32)
    soil = random.uniform(0, 1, size).astype(np.float32)
    for grid in (precip, soil):
        grid[:, ~land] = np.nan
        grid[:, 14, 9] = np.nan  # a coastal cell without data
        grid[random.random(size) < 0.02] = np.nan
    evap = random.uniform(0, 4, (len(days), 4)).astype(np.float32)
    riverflow = random.lognormal([0, 1, 2, 3], 0.5, (len(days), 4)).astype(np.float32)
    riverflow[:10] = np.nan
    riverflow[random.random(riverflow.shape) < 0.03] = np.nan
    write_mask(root / "mask.pt", land)
    attribute_ids = [9002, 101, 55555, 39001, 27003]
    attributes = {
        "latitude": [51.0, 52.0, 53.0, 54.0, 55.0],
        "catchment-area": [100.0, 20.0, 5.0, 400.0, 80.0],
        "bfihost": [0.3, None, 0.4, 0.5, MISSING],
    }
    write_attributes(root / "attributes.csv", attribute_ids, attributes)
    raw = {
        "data": {
            "root": "",
            "store": "",
            "train": [str(FIRST), str(TRAIN_END)],
            "val": [str(TRAIN_END + timedelta(days=1)), str(LAST)],
            "land_mask": "mask.pt",
            "attributes": {"path": "attributes.csv", "columns": ["latitude", "catchment-area", "bfihost"]},
            "modalities": {
                "precip": {"paths": ["precip_train.h5", "precip_val.h5"]},
                "soil": {"paths": ["soil_train.h5", "soil_val.h5"]},
                "evap": {"paths": "series.parquet"},
                "riverflow": {"paths": "series.parquet"},
            },
        },
        "model": {"patch_size": PATCH, "grid_height": HEIGHT, "grid_width": WIDTH},
    }
    world = World(root, raw, days, land, ids, {"precip": precip, "soil": soil}, {"evap": evap, "riverflow": riverflow})
    world.write_grids("precip")
    world.write_grids("soil")
    world.write_series()
    return world
