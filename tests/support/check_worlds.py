"""Series of many stations over years, and grids, that look natural until a test spoils them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from hydromae.check.report import CheckReport, Problem
from hydromae.config import Config
from hydromae.config.read import build_config, load_config
from support.sources import day_range, write_attributes, write_table

DAYS = day_range(np.datetime64("2001-01-01"), np.datetime64("2004-12-31"))
N_TRAIN = int(np.searchsorted(DAYS, np.datetime64("2004-01-01")))
STATIONS = [f"{1000 + i}" for i in range(12)]


@dataclass
class Gauges:
    """Rain, evaporation and flow of 12 stations over 4 years, with attributes; `write` puts them on disk."""

    root: Path
    raw: dict[str, Any]
    values: dict[str, np.ndarray]
    attributes: dict[str, list[Any]]
    days: np.ndarray = field(default_factory=lambda: DAYS.copy())
    ids: list[str] = field(default_factory=lambda: list(STATIONS))

    def write(self) -> None:
        write_table(self.root / "series.parquet", self.days, self.ids, self.values)
        write_attributes(self.root / "attributes.csv", self.ids, self.attributes)

    def config(self, *overrides: str) -> Config:
        self.write()
        return build_config(self.raw, overrides)


def make_gauges(root: Path, seed: int = 1) -> Gauges:
    """Nothing is wrong with them: rain of 1,000 mm and runoff of some 500 mm a year, with a season."""
    root.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    n, k = len(DAYS), len(STATIONS)
    season = np.cos(2 * np.pi * np.arange(n) / 365.25)[:, None]
    rain = np.where(random.random((n, k)) < 0.5, random.gamma(0.7, 7.5, (n, k)), 0).astype(np.float32)
    evap = np.maximum(1.5 - 1.4 * season + random.normal(0, 0.2, (n, k)), 0).astype(np.float32)
    areas = np.linspace(50, 600, k)
    noise = np.zeros((n, k))
    for day in range(1, n):
        noise[day] = 0.9 * noise[day - 1] + random.normal(0, 0.25, k)
    flow = (areas * 500 / 365.25 / 86.4 * np.exp(0.5 * season + noise - 0.2)).astype(np.float32)
    attributes: dict[str, list[Any]] = {
        "latitude": np.linspace(50, 58, k).tolist(),
        "longitude": np.linspace(-5, 1, k).tolist(),
        "catchment-area": areas.tolist(),
    }
    modalities = {
        "rain": {"kind": "series", "units": "mm/d", "scaling": "log1p", "long_name": "rainfall"},
        "evap": {},
        "riverflow": {},
    }
    raw = {
        "data": {
            "root": str(root),
            "train": [str(DAYS[0]), str(DAYS[N_TRAIN - 1])],
            "val": [str(DAYS[N_TRAIN]), str(DAYS[-1])],
            "attributes": {"path": "attributes.csv", "columns": list(attributes)},
            "modalities": {name: {**given, "paths": ["series.parquet"]} for name, given in modalities.items()},
        }
    }
    values = {"rain": rain, "evaporation": evap, "discharge_vol": flow}
    return Gauges(root, raw, values, attributes)


def make_rivers(root: Path, seed: int = 3) -> Gauges:
    """24 catchments 40 km and more apart whose rain is alike nearby and whose flow is their rain, let out slowly."""
    gauges = make_gauges(root, seed)
    random, n, k = np.random.default_rng(seed), len(DAYS), 24
    gauges.ids = [f"{2000 + i}" for i in range(k)]
    row, column = np.divmod(np.arange(k), 4)
    latitude, longitude = 50 + 0.8 * row, -5 + 1.2 * column
    apart = np.hypot(latitude[:, None] - latitude, 0.6 * (longitude[:, None] - longitude))
    mixing = np.linalg.cholesky(np.exp(-apart / 2) + 1e-6 * np.eye(k))
    wet = random.normal(size=(n, k)) @ mixing.T
    rain = np.where(wet > 0.3, 9 * np.maximum(wet - 0.3, 0), 0)  # mm/d
    effective, held, flow = 0.5 * rain, np.zeros(k), np.zeros((n, k))
    for day in range(n):
        held = held + effective[day]
        flow[day] = 0.3 * held + 0.05
        held = 0.7 * held
    areas = np.exp(random.uniform(np.log(10), np.log(900), k))
    evap = np.repeat(gauges.values["evaporation"], 2, axis=1) * random.uniform(0.9, 1.1, (n, k))
    gauges.values = {
        "rain": rain.astype(np.float32),
        "evaporation": evap.astype(np.float32),
        "discharge_vol": (flow * areas / 86.4).astype(np.float32),
    }
    gauges.attributes = {
        "latitude": latitude.tolist(),
        "longitude": longitude.tolist(),
        "catchment-area": areas.tolist(),
    }
    return gauges


def problems(report: CheckReport, words: str) -> list[Problem]:
    """Those whose sentence holds the words."""
    return [problem for problem in report.problems if words in problem.text]


def without(folder: Path, raw: dict[str, Any], lines: str) -> Config:
    """The configuration that builds on `raw` and adds the lines, read as a user would have it read."""
    (folder / "base.yaml").write_text(yaml.safe_dump(raw))
    (folder / "clean.yaml").write_text(f"extends: base.yaml\n{lines}")
    return load_config(folder / "clean.yaml")
