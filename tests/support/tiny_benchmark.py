"""The files of the benchmark in small: three rivers under their rain, days from 2005 to 2012."""

from pathlib import Path

import numpy as np
import pandas as pd

from hydromae.benchmark import gb_flow_7
from support.sources import write_attributes, write_table

IDS = [39001, 9002, 101]
DAYS = np.arange(np.datetime64("2005-10-01"), np.datetime64("2012-10-01"))
OVERRIDES = (
    "data.train=[2005-10-01, 2009-09-30]",
    "data.window=28",
    "data.stride=28",
    "data.attributes.columns=[latitude, catchment-area, bfihost]",
    "model.d_model=16",
    "model.decoder_dim=16",
    "model.series_encoder_layers=1",
    "model.shared_depth=1",
    "model.decoder_layers=1",
    "training.epochs=1",
    "training.batch_size=16",
    "training.threads=1",
    "logging.tensorboard=false",
    "logging.images=false",
)


def rivers(seed: int = 0) -> dict[str, np.ndarray]:
    """Columns [day, station] of the table, flow in mm/d with gaps."""
    chance = np.random.default_rng(seed)
    size = (len(DAYS), len(IDS))
    season = np.cos(2 * np.pi * np.arange(len(DAYS)) / 365.25)[:, None]
    rain = (chance.random(size) < 0.4) * chance.gamma(0.8, 7.0, size)
    temperature = 9 - 6 * season + chance.normal(0, 2, size)
    rate, flow, held = np.array([0.1, 0.15, 0.25]), np.empty(size), np.full(len(IDS), 2.0)
    for day in range(len(DAYS)):
        held = held * np.exp(-rate) + 0.3 * rain[day]
        flow[day] = rate * held
    flow[chance.random(size) < 0.03] = np.nan
    return {
        "evaporation": np.maximum(1.5 - season, 0) * np.ones(size),
        "discharge_vol": flow * 10,
        "discharge_spec": flow,
        "precipitation": rain,
        "temperature": temperature,
    }


def write_benchmark(folder: Path, columns: dict[str, np.ndarray] | None = None) -> Path:
    """Both files of the benchmark in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    floats = {name: values.astype(np.float32) for name, values in (columns or rivers()).items()}
    write_table(folder / gb_flow_7.TABLE, DAYS, IDS, floats)
    attributes = {"latitude": [51.0, 55.0, 58.0], "catchment-area": [100.0, 20.0, 400.0], "bfihost": [0.3, None, 0.5]}
    write_attributes(folder / gb_flow_7.ATTRIBUTES, IDS, attributes)
    return folder


def wide(table: Path) -> pd.DataFrame:
    """Observed flow, mm/d, a column a station."""
    return pd.read_parquet(table).pivot(index="date", columns="ID", values="discharge_spec")
