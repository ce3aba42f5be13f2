"""The small model beside neuralhydrology's own loops: training and forecasts on the same stations' daily series.

    python benchmarks/neural_hydrology.py --data ../shared/data/gb --store stores/gb --folder output/nh

Both train and forecast with what a user of them runs: hydromae's trainer and `forecast` with `gb`, which comes with the
package; neuralhydrology's `BaseTrainer` and tester with its generic data set, of which `benchmarks/generic_dataset.py`
writes the files, and its CudaLSTM and handoff forecast LSTM of the same width. Windows have the same days, reading them
is included, and a forecast is of seven days. CudaLSTM reads flow that is seven days old, so that a window may be scored
on its last day, its horizon, or all days that come after hydromae's own warm-up.
Times are those of the processor (`time.process_time`), the best of a few; forecasts, from the last days of the data,
are made once.
"""

import argparse
import logging
import multiprocessing
import tempfile
import time
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from generic_dataset import cudalstm, handoff, settings, write_generic
from recurrence import HORIZON, YEAR, config_of, forecast_days, seconds

from hydromae.config import Config
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.training.build import build_trainer
from hydromae.training.step import scored_values

NOT_THERE = (
    "neuralhydrology is not installed; install it in a copy of this environment with `pip install neuralhydrology`, "
    "or without touching this one: `pip install --target FOLDER --no-deps neuralhydrology numba llvmlite ruamel.yaml "
    "netCDF4 cftime tqdm tensorboard`, and put FOLDER on PYTHONPATH"
)


def require_neuralhydrology(parser: argparse.ArgumentParser) -> None:
    """End with a sentence that says how to install it, unless it is there."""
    if find_spec("neuralhydrology") is None:
        parser.error(NOT_THERE)
    logging.getLogger("neuralhydrology").setLevel(logging.ERROR)  # it warns of each station without flow


def start(keys: dict[str, Any]) -> Any:
    """A trainer of neuralhydrology, with its data read."""
    from neuralhydrology.training.basetrainer import BaseTrainer
    from neuralhydrology.utils.config import Config as TheirConfig

    trainer = BaseTrainer(TheirConfig(keys))
    trainer.initialize_training()
    return trainer


def seconds_a_step(trainer: Any, updates: int) -> tuple[float, float]:
    """Of the processor and on the clock. An epoch shuffles all windows first, which two lengths of epochs cancel."""

    def epoch(length: int) -> None:
        trainer._max_updates_per_epoch = length
        trainer._train_epoch(1)

    (short, short_clock), (long, long_clock) = seconds(lambda: epoch(1)), seconds(lambda: epoch(1 + updates))
    return (long - short) / updates, (long_clock - short_clock) / updates


def seconds_of_forecasts(trainer: Any, first: date, last: date) -> tuple[float, int]:
    """Of the processor, and the number of forecasts by neuralhydrology's own tester, of windows that end by `last`.

    The first of them is issued on the day before `first`, and the last so that its horizon ends with `last`.
    """
    from neuralhydrology.evaluation import get_tester

    trainer.cfg.update_config(
        {f"test_{end}_date": day.strftime("%d/%m/%Y") for end, day in (("start", first), ("end", last))}
    )
    trainer._save_weights_and_optimizer(1)
    began = time.process_time()
    tester = get_tester(cfg=trainer.cfg, run_dir=trainer.cfg.run_dir, period="test", init_model=True)
    results = tester.evaluate(save_results=False)
    took = time.process_time() - began
    return took, sum(len(result[frequency]["xr"]["date"]) for result in results.values() for frequency in result)


def show(name: str, windows: int, days: int, cpu: float, clock: float, targets: float) -> float:
    """Print the rates of a training step; targets a second."""
    print(
        f"  {name:46s} {cpu:7.3f} s of the processor, {clock:7.3f} s on the clock: "
        f"{windows * days / cpu:9.0f} station-days/s, {targets / cpu:9.0f} targets/s",
        flush=True,
    )
    return targets / cpu


def package_rate(config: Config, store: Store) -> float:
    """Targets a second of the package: a window read, masked, put into a batch and learnt from."""
    trainer = build_trainer(config, store)
    batches = trainer.batches()
    reading, reading_clock = seconds(lambda: next(batches))
    parts = next(batches)
    batch = trainer.stepper.batcher.batch(parts[0], trainer.stepper.masker.training(0))
    cpu, clock = seconds(lambda: trainer.train_step(parts, 0))
    name, targets = f"hydromae, batch {len(batch.day_of_year)}", float(scored_values(batch).sum())
    return show(name, len(batch.day_of_year), batch.n_days, cpu + reading, clock + reading_clock, targets)


def compare_training(config: Config, store: Store, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Print the rates of training; neuralhydrology's trainers that forecast seven days."""
    weather = write_generic(store, folder)
    width, window, learnt = config.model.recurrent_dim, config.data.window, config.data.train[1]
    print(f"training on windows of {window} days of {len(store.station_ids)} stations, width {width}")
    ours = package_rate(config, store)
    cuda, hand = cudalstm(weather, HORIZON), handoff(weather, HORIZON, width, "perfect")
    every_day = window - config.masking.warm_up
    ways = [
        ("CudaLSTM", cuda, 1),
        ("CudaLSTM", cuda, every_day),
        ("CudaLSTM", cuda, HORIZON),
        ("handoff", hand, HORIZON),
    ]
    trainers = {}
    for name, model, scored in ways:
        years = date(learnt.year - options.years, 1, 1), learnt
        sizes = {"hidden_size": width, "seq_length": window, "batch_size": options.batch, "predict_last_n": scored}
        trainers[name] = start(settings(store, folder, model, years, years, **sizes))
        label = f"neuralhydrology, {name}, batch {options.batch}, last {scored}"
        took = seconds_a_step(trainers[name], options.updates)
        rate = show(label, options.batch, window, *took, options.batch * scored)
        print(f"    targets a second of hydromae, times that: {ours / rate:.2f}", flush=True)
    return trainers


def compare_forecasts(config: Config, store: Store, trainers: dict[str, Any], options: argparse.Namespace) -> None:
    """Print the rates of forecasts from each number of issue days, and what a year takes beyond the largest."""
    stations, last = len(store.station_ids), store.days[-1].item()
    print(f"forecasts of {stations} stations, seven days ahead")
    found: dict[str, dict[int, float]] = {}

    def show_forecasts(name: str, number: int, took: float) -> None:
        found.setdefault(name, {})[number] = took
        rate = stations * number / took
        print(
            f"  {name:26s} {number:4d} issue days: {took:7.1f} s of the processor, {rate:6.0f} forecasts/s", flush=True
        )

    for number in sorted(options.issue_days):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            took, _, _ = pool.apply(forecast_days, ("gb", store.path, number, options.threads, False, "none"))
        show_forecasts("hydromae forecast", number, took)
        for name, trainer in trainers.items():
            took, made = seconds_of_forecasts(trainer, store.days[1 - HORIZON - number].item(), last)
            if made != number * stations:
                raise RuntimeError(f"neuralhydrology made {made} forecasts in place of {number * stations}")
            show_forecasts(f"neuralhydrology, {name}", number, took)
    for name, times in found.items():
        year = seconds_of_a_year(times)
        print(f"  {name:26s} a year, extrapolated: {year:.0f} s, {stations * YEAR / year:.0f} forecasts/s")


def seconds_of_a_year(times: dict[int, float]) -> float:
    """A year of daily issue days, from the seconds of some numbers of them: each more day costs alike."""
    fewest, most = min(times), max(times)
    day = (times[most] - times[fewest]) / (most - fewest) if most > fewest else times[most] / most
    return times[most] + (YEAR - most) * day


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/gb"), help="folder of the two files of gb")
    parser.add_argument("--store", type=Path, help="their store (default: prepared in a temporary folder)")
    parser.add_argument("--folder", type=Path, help="of neuralhydrology's files and runs (default: a temporary one)")
    parser.add_argument("--threads", type=int, default=1, help="of the arithmetic")
    parser.add_argument("--windows", type=int, default=64, help="in a step of hydromae")
    parser.add_argument("--batch", type=int, default=256, help="windows in a step of neuralhydrology")
    parser.add_argument("--updates", type=int, default=5, help="steps of neuralhydrology that are timed together")
    parser.add_argument("--years", type=int, default=2, help="neuralhydrology's windows end in the last so many years")
    parser.add_argument("--issue-days", type=int, nargs="+", default=[4, 36], help="numbers of issue days")
    options = parser.parse_args()
    require_neuralhydrology(parser)
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory(prefix="neural_hydrology_") as temporary:
        config = config_of("gb", options.data, options.store or Path(temporary) / "store", options.windows)
        store = prepare(config)
        trainers = compare_training(config, store, (options.folder or Path(temporary) / "nh").absolute(), options)
        compare_forecasts(config, store, trainers, options)


if __name__ == "__main__":
    main()
