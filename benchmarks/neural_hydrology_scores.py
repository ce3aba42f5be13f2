"""Forecasts of GB-Flow-7 by neuralhydrology's handoff forecast LSTM, trained for some minutes of one thread.

    python benchmarks/neural_hydrology_scores.py --data ../shared/data/gb --store stores/gb --folder output/nh
    hydromae evaluate --predictions output/nh/perfect.nc --data stores/gb --forcing perfect

Windows, width, batch and training period are those of `hydromae benchmark gb-flow-7`. Learning rates begin at its rate
and fall along a cosine by epochs; all other keys are in `benchmarks/generic_dataset.py`. No setting was chosen on the
benchmark's years. With `none` the LSTM over the horizon reads the season and the attributes only.
"""

import argparse
import math
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import xarray as xr
from generic_dataset import TARGET, handoff, settings, write_generic
from neural_hydrology import require_neuralhydrology, seconds_a_step, start

from hydromae.base.files import atomic_path
from hydromae.benchmark import gb_flow_7
from hydromae.benchmark.settings import packaged_settings
from hydromae.config import Config
from hydromae.config.read import build_config
from hydromae.store.prepare import prepare
from hydromae.store.store import Store

EPOCHS = 20


def forecasts_of(results: Mapping[str, Mapping[str, Any]], horizon: int) -> xr.DataArray:
    """[issue_time, lead_time, station] in mm/d from what neuralhydrology's tester gives, never below 0."""
    stations = []
    for of_station in results.values():
        (of_frequency,) = of_station.values()
        flow = of_frequency["xr"][f"{TARGET}_sim"].rename(date="issue_time", time_step="lead_time")
        issued = pd.DatetimeIndex(flow["issue_time"].values) - pd.Timedelta(days=horizon)  # named by the last day
        leads = flow["lead_time"].values + horizon  # counted back from the last day
        stations.append(flow.assign_coords(issue_time=issued, lead_time=leads))
    together = xr.concat(stations, pd.Index(list(results), name="station"))
    together = together.transpose("issue_time", "lead_time", "station").clip(min=0)
    return together.rename(TARGET).assign_attrs(units="mm/d")


def benchmark_config(data: Path, store: Path) -> Config:
    """What `hydromae benchmark gb-flow-7` trains, with paths."""
    raw = packaged_settings()
    raw["data"] |= {"root": str(data.absolute()), "store": str(store.absolute())}
    return build_config(raw)


def trained(config: Config, store: Store, folder: Path, options: argparse.Namespace) -> Any:
    """A trainer of neuralhydrology that has trained for the minutes that were asked for."""
    horizon, width, rate = gb_flow_7.HORIZON, config.model.recurrent_dim, config.training.lr
    first, last = gb_flow_7.ISSUED
    keys = settings(
        store,
        folder,
        handoff(write_generic(store, folder), horizon, width, options.forcing),
        config.data.train,
        (first + timedelta(days=1), last + timedelta(days=horizon)),
        hidden_size=width,
        seq_length=config.data.window,
        batch_size=config.training.batch_size,
        predict_last_n=horizon,
        epochs=EPOCHS,
        learning_rate={0: rate / 10} | {1 + e: rate / 2 * (1 + math.cos(math.pi * e / EPOCHS)) for e in range(EPOCHS)},
        save_weights_every=EPOCHS,
    )
    trainer = start(keys)
    before = time.process_time()
    each, _ = seconds_a_step(trainer, 5)
    left = options.minutes * 60 - (time.process_time() - before)
    trainer._max_updates_per_epoch = max(1, round(left / each / EPOCHS))
    print(f"{each:.3f} s a step, {trainer._max_updates_per_epoch} steps an epoch, {EPOCHS} epochs", flush=True)
    trainer.train_and_validate()
    windows = EPOCHS * trainer._max_updates_per_epoch * trainer.cfg.batch_size
    weights = sum(parameter.numel() for parameter in trainer.model.parameters())
    print(
        f"{windows} windows, {weights} weights, {(time.process_time() - before) / 60:.1f} min of the processor",
        flush=True,
    )
    return trainer


def main() -> None:
    """Train, forecast, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/gb"), help="folder of the benchmark's files")
    parser.add_argument("--store", type=Path, required=True, help="their store, prepared if it is not there")
    parser.add_argument("--folder", type=Path, required=True, help="of neuralhydrology's files, runs and forecasts")
    parser.add_argument("--forcing", choices=["none", "perfect"], default="perfect", help="weather of the horizon")
    parser.add_argument("--minutes", type=float, default=15, help="of the processor, on one thread")
    options = parser.parse_args()
    require_neuralhydrology(parser)
    torch.set_num_threads(1)
    config = benchmark_config(options.data, options.store)
    trainer = trained(config, prepare(config), options.folder.absolute(), options)

    from neuralhydrology.evaluation import get_tester

    tester = get_tester(cfg=trainer.cfg, run_dir=trainer.cfg.run_dir, period="test", init_model=True)
    forecasts = forecasts_of(tester.evaluate(save_results=False), gb_flow_7.HORIZON)
    chosen = forecasts.sel(issue_time=pd.DatetimeIndex(gb_flow_7.issue_days()))
    with atomic_path(options.folder / f"{options.forcing}.nc") as path:
        chosen.to_dataset().assign_attrs(forcing=options.forcing).to_netcdf(path, engine="h5netcdf")


if __name__ == "__main__":
    main()
