"""The small model that people run, beside an LSTM alone: station-days and targets a second, and a year of forecasts.

    python benchmarks/recurrence.py --data ../shared/data/gb --store stores/gb
    python benchmarks/recurrence.py --data ../shared/data/gb --store stores/gb --model gb_flow --issue-days 4 36

The model is `gb` or `gb_flow`, which come with the package, on its own data: 604 stations, windows of 182 days, each of
one station. The store is prepared if it is not there. The LSTM alone has the same width and reads the same windows as
scaled values and whether they are there. It is trained as neuralhydrology trains its CudaLSTM: one issue time a window,
a linear head, a mean squared error, AdamW. It reads, masks, scales and logs nothing, so no such loop is faster.
Times are those of the processor (`time.process_time`), which other work on the machine disturbs least, the best of a
few; the time on the clock is given beside them. Forecasts of each number of issue times run in a process of their own,
so that peak memory is their own; a year is extrapolated from each number.
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
import yaml
from torch import Tensor, nn

from hydromae.base.memory import peak_memory
from hydromae.batch.batch import Batch
from hydromae.config import Config
from hydromae.config.read import build_config
from hydromae.models.station_states import visible_days
from hydromae.runs.shipped import located
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.tasks.forecast import forecast
from hydromae.training.build import build_trainer
from hydromae.training.step import scored_values

HORIZON, REPEATS, YEAR = 7, 3, 365


class Alone(nn.Module):
    """An LSTM and a linear head: [B, T, inputs] to the horizon after the window's last day but `HORIZON`."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, width, batch_first=True)
        self.head = nn.Linear(width, 1)

    def forward(self, days: Tensor) -> Tensor:
        states, _ = self.lstm(days)
        return self.head(states[:, -HORIZON:])[..., 0]  # [B, horizon]


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Of the processor and on the clock, the best of a few after one to warm up."""
    work()
    took = []
    for _ in range(REPEATS):
        began = time.process_time(), time.perf_counter()
        work()
        took.append((time.process_time() - began[0], time.perf_counter() - began[1]))
    return min(cpu for cpu, _ in took), min(clock for _, clock in took)


def config_of(model: str, data: Path, store: Path, windows: int) -> Config:
    """The settings of the packaged model, with paths."""
    raw = yaml.safe_load((located(model) / "config.yaml").read_text(encoding="utf-8"))
    raw["data"] |= {"root": str(data.absolute()), "store": str(store.absolute())}
    raw["training"] |= {"batch_size": windows}
    return build_config(raw)


def inputs_of(batch: Batch) -> Tensor:
    """What the LSTM alone reads: every series as value and whether it is there, and the attributes, [B, T, inputs]."""
    series = torch.cat([visible_days(tokens, batch.n_days)[:, :, 0] for tokens in batch.tokens.values()], -1)
    return torch.cat([series, batch.attributes.expand(-1, batch.n_days, -1)], -1)


def compare_training(config: Config, store: Store) -> None:
    """A step of the package, of which kind its masks are drawn, beside a step of the LSTM alone."""
    trainer = build_trainer(config, store)
    parts = next(trainer.batches())
    stepper = trainer.stepper
    batch = stepper.batcher.batch(parts[0], stepper.masker.training(0))
    windows, days = len(batch.day_of_year), batch.n_days
    targets = float(scored_values(batch).sum())
    if (issued := next((t.issued for t in batch.tokens.values() if t.issued is not None), None)) is not None:
        print(f"each window is forecast from every {issued.step} days on, after the first {issued.first}")
    print(f"training on {windows} windows of {days} days, {targets:.0f} targets of one such batch")
    alone = Alone(inputs_of(batch).shape[-1], config.model.recurrent_dim)
    optimizer = torch.optim.AdamW(alone.parameters(), fused=True)
    inputs, truth = inputs_of(batch), torch.zeros(windows, HORIZON)

    def step_alone() -> None:
        nn.functional.mse_loss(alone(inputs), truth).backward()
        optimizer.step()
        optimizer.zero_grad()

    def show(name: str, cpu: float, clock: float, scored: float) -> float:
        print(
            f"  {name:28s} {cpu:7.3f} s of the processor, {clock:7.3f} s on the clock: "
            f"{windows * days / cpu:9.0f} station-days/s, {scored / cpu:9.0f} targets/s"
        )
        return scored / cpu

    ours = show("a step of the package", *seconds(lambda: trainer.train_step(parts, 0)), targets)
    theirs = show("a step of the LSTM alone", *seconds(step_alone), windows * HORIZON)
    print(f"  targets a second, times those of the LSTM alone: {ours / theirs:.2f}")


def forecast_days(
    model: str, store: Path, days: int, threads: int, together: bool, forcing: str
) -> tuple[float, float, float]:
    """Seconds (processor, clock) and peak GB of forecasts of all stations from some issue times, in this process."""
    torch.set_num_threads(threads)
    data = Store.open(store)
    issues = [str(day) for day in data.days[-HORIZON - days : -HORIZON]]
    began = time.process_time(), time.perf_counter()
    forecast(model, issues, data=data, horizon=HORIZON, together=together, forcing=forcing)
    return time.process_time() - began[0], time.perf_counter() - began[1], peak_memory() / 1e9


def compare_forecasts(model: str, config: Config, store: Store, numbers: Sequence[int], threads: int) -> None:
    """Forecasts from more and more issue times, beside the LSTM alone, which reads one window for each."""
    stations, days = len(store.station_ids), config.data.window
    alone = Alone(2 * len(store.names) + config.model.static_attr_dim, config.model.recurrent_dim).eval()
    windows = torch.randn(stations, days, alone.lstm.input_size)
    with torch.no_grad():
        cpu_alone, _ = seconds(lambda: alone(windows))
    print(f"forecasts of {stations} stations; the LSTM alone takes {cpu_alone:.3f} s for an issue time")
    ways = [(number, False, "none") for number in numbers] + [(YEAR, True, "none"), (YEAR, True, "perfect")]
    for number, together, forcing in ways:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            arguments = (model, store.path, number, threads, together, forcing)
            cpu, clock, peak = pool.apply(forecast_days, arguments)
        said = f"{number} issue times{' together' if together else ''}, forcing {forcing}"
        print(
            f"  {said}: {cpu:7.2f} s of the processor, {clock:7.2f} s on the clock, {peak:.2f} GB; "
            f"{stations * number / cpu:.0f} forecasts/s; a year: {YEAR * cpu / number:.0f} s (the LSTM alone "
            f"{YEAR * cpu_alone:.0f} s)"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/gb"), help="folder of the two files of gb")
    parser.add_argument("--model", default="gb", help="its name, as gb or gb_flow")
    parser.add_argument("--store", type=Path, help="their store (default: prepared in a temporary folder)")
    parser.add_argument("--threads", type=int, default=1, help="of the arithmetic")
    parser.add_argument("--windows", type=int, default=64, help="in a step")
    parser.add_argument("--issue-days", type=int, nargs="+", default=[4, 36], help="numbers of issue times")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory(prefix="recurrence_") as folder:
        config = config_of(options.model, options.data, options.store or Path(folder) / "store", options.windows)
        store = prepare(config)
        compare_training(config, store)
        compare_forecasts(options.model, config, store, options.issue_days, options.threads)


if __name__ == "__main__":
    main()
