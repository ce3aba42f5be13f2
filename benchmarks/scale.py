"""What more stations, more cells and more years cost: on paper, and measured growth of windows, a step and a forecast.

    python benchmarks/scale.py                 # both
    python benchmarks/scale.py --paper         # only tokens, memory and operations of large cases, which needs seconds
    python benchmarks/scale.py --days 40 --stations 16

On paper: `hydromae.models.cost.step_cost` runs the model on tensors that have shapes and no data. Hours are its
operations, backward pass included, at a rate that is given; nothing of that size was run.
Measured: 604 made-up stations repeated 1, 4 and 16 times, and a grid of 2,400 cells repeated 1 and 4 times, in one
process, in seconds of the processor, the best of two (of `prepare` the only one).
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import torch
from waiting import seconds

from hydromae.base.memory import peak_memory
from hydromae.config import Config, ModelConfig
from hydromae.config.read import build_config
from hydromae.models.cost import step_cost
from hydromae.models.summary import ADAMW_BYTES
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.tokens.shape import token_shape
from hydromae.training.build import build_trainer

HIDDEN, YEARS, WINDOW, EPOCHS = 0.4, 40, 30, 10
# name -> rows and columns of the grid, valid patches, stations, and changes to the default model
EUROPE = {"grid_height": 4000, "grid_width": 4000, "stations_per_window": 10_000}
CASES: dict[str, tuple[int, dict[str, int]]] = {
    "Great Britain, as configs/base.yaml": (94, {}),
    "10,000 stations, grids as there": (94, {"stations_per_window": 10_000}),
    "Europe at 1 km, patches of 10 cells": (80_000, EUROPE),
    "Europe at 1 km, patches of 100 cells, 3 days": (800, {**EUROPE, "patch_size": 100, "grid_patch_days": 3}),
}


def on_paper(cpu_rate: float, gpu_rate: float) -> None:
    """Tokens, memory, and hours of 40 years of windows of 30 days, ten epochs, stride 20."""
    windows = YEARS * 365.25 / 20 * EPOCHS
    print(
        f"windows of {WINDOW} days, {YEARS} years, stride 20, {EPOCHS} epochs: {windows:.0f} windows, one at once, bf16"
    )
    print("| case | tokens a window | parameters, M | memory, GB | TFLOP a window | core-hours | GPU-hours |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name, (patches, changes) in CASES.items():
        config = ModelConfig(valid_patches=patches, **changes)
        counts, total = {}, 0
        for modality in config.modalities:
            tokens = token_shape(config, modality, patches).tokens(WINDOW)
            hidden = round(HIDDEN * tokens)
            counts[modality], total = (tokens - hidden, hidden), total + tokens
        cost = step_cost(config, patches, counts, WINDOW, 1, torch.device("cpu"), torch.bfloat16)
        operations = 3 * cost.operations * windows
        memory = cost.parameters * ADAMW_BYTES + cost.saved
        hours = [operations / rate / 3600 for rate in (cpu_rate * 1e9, gpu_rate * 1e12)]
        print(
            f"| {name} | {total:,} | {cost.parameters / 1e6:.1f} | {memory / 1e9:,.0f} | "
            f"{3 * cost.operations / 1e12:,.1f} | {hours[0]:,.0f} | {hours[1]:,.1f} |",
            flush=True,
        )


def repeated(folder: Path, days: int, stations: int, cells: int) -> Config:
    """Series of `stations` stations and a grid of `cells` times 2,400 cells; the configuration that names them."""
    folder.mkdir()
    chance = np.random.default_rng(0)
    when = pd.date_range("2001-01-01", periods=days)
    ids = np.arange(1000, 1000 + stations)
    flow = np.tile(chance.gamma(2, 1, (days, 8)), (1, -(-stations // 8)))[:, :stations].astype("f4")
    table = {"date": np.repeat(when, stations), "ID": np.tile(ids, days), "discharge_spec": flow.ravel()}
    pd.DataFrame(table).to_parquet(folder / "series.parquet", index=False)
    place = {"id": ids, "latitude": 51 + 0.001 * np.arange(stations), "longitude": np.zeros(stations)}
    pd.DataFrame({**place, "catchment-area": np.full(stations, 9.0)}).to_csv(folder / "attributes.csv", index=False)
    rows, columns = 40, 60 * cells
    with h5py.File(folder / "rain.h5", "w") as file:
        rain = np.tile(chance.gamma(0.5, 4, (days, rows, 60)), (1, 1, cells)).round(2).astype("f4")
        file.create_dataset("data", data=rain, chunks=(1, rows, columns), compression="gzip")
        file.create_dataset("dates", data=np.array([str(day.date()) for day in when], "S10"))
    modalities = {
        "precip": {"paths": ["rain.h5"]},
        "riverflow": {"paths": ["series.parquet"], "variable": "discharge_spec", "units": "mm/d", "per_area": False},
    }
    names = ["latitude", "longitude", "catchment-area"]
    data = {"root": str(folder), "store": str(folder / "store"), "modalities": modalities, "window": 10, "stride": 5}
    data |= {"train": [str(when[0].date()), str(when[-1].date())]}
    data |= {"attributes": {"path": "attributes.csv", "columns": names}}
    model = {"d_model": 64, "nhead": 4, "grid_encoder_layers": 2, "series_encoder_layers": 2, "decoder_dim": 64}
    training = {"batch_size": 2, "workers": 0, "threads": 1}
    return build_config({"data": data, "model": {**model, "decoder_layers": 2}, "training": training})


def measured(days: int, stations: Sequence[int], cells: Sequence[int]) -> None:
    """Seconds and their multiples of the first row, by stations and by cells."""
    sizes = [(count, 1) for count in stations] + [(stations[0], count) for count in cells[1:]]
    print(
        "| stations | cells | prepare | 100 x 2 windows | a step | forward only | store, MB | peak of the process, GB |"
    )
    print("|--:|--:|--:|--:|--:|--:|--:|--:|")
    base: list[float] = []
    with tempfile.TemporaryDirectory(prefix="scale_") as folder:
        prepare(repeated(Path(folder) / "data", 60, 8, 1))  # so that what is imported is imported
    for count, times in sizes:
        with tempfile.TemporaryDirectory(prefix="scale_") as folder:
            config = repeated(Path(folder) / "data", days, count, times)
            began = time.process_time()
            store: Store = prepare(config)
            took = [time.process_time() - began]
            trainer = build_trainer(config, store)
            parts = next(trainer.batches())
            batch = trainer.stepper.batcher.batch(parts[0], trainer.stepper.masker.training(0))
            took.append(seconds(lambda t=trainer: [t.reader.read([0, 5], 10) for _ in range(100)]))
            took.append(seconds(lambda t=trainer, p=parts: t.train_step(p, 0)))
            with torch.no_grad():
                took.append(seconds(lambda t=trainer, b=batch: t.model.predict(b)))
            size = sum(path.stat().st_size for path in store.path.rglob("*") if path.is_file()) / 1e6
        base = base or took
        cells_now = 2400 * times
        shown = " | ".join(f"{t:.3f} s (x {t / b:.1f})" for t, b in zip(took, base, strict=True))
        print(f"| {count} | {cells_now} | {shown} | {size:.1f} | {peak_memory() / 1e9:.2f} |", flush=True)


def main() -> None:
    """Compute, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paper", action="store_true", help="measure nothing")
    parser.add_argument("--measured", action="store_true", help="compute nothing on paper")
    parser.add_argument("--days", type=int, default=200, help="of the data that are measured")
    parser.add_argument("--stations", type=int, default=604, help="of the first row; then 4 and 16 times as many")
    parser.add_argument("--cpu-rate", type=float, default=50, help="GFLOP/s that a core keeps up in a step")
    parser.add_argument("--gpu-rate", type=float, default=200, help="bf16 TFLOP/s that a GPU keeps up in a step")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if not options.measured:
        on_paper(options.cpu_rate, options.gpu_rate)
    if not options.paper:
        measured(options.days, [options.stations * times for times in (1, 4, 16)], [1, 4])


if __name__ == "__main__":
    main()
