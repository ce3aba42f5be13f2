"""What it costs to compare a store with its hashes (data.verify): GB/s, and the share of an epoch and of a forecast.

    python benchmarks/verify.py                  # makes the small sample in a temporary folder
    python benchmarks/verify.py --size full      # the first user's sizes: 290 x 180 cells, 604 stations, three years

Times are those of the processor, one thread, all in the page cache. An epoch is that of the demo's configuration: its
blocks are compared in the first epoch of a process only. A forecast is one issue day of an untrained model.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from hydromae.app.demo import sample_config
from hydromae.config.read import build_config
from hydromae.config.types import Verify
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import save_pretrained
from hydromae.sample.write import write_sample
from hydromae.store.checked_blocks import CheckedBlocks
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.tasks.forecast import forecast
from hydromae.training.build import build_trainer


def seconds(work: Callable[[], Any]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def read_all(path: Path, checking: Verify) -> None:
    CheckedBlocks._known.clear()  # as in a process that has read nothing
    store = Store.open(path).with_checking(checking)
    for name in store.names:
        for day in range(0, store.n_days, store.block_days):
            store.read(name, slice(day, day + store.block_days)).sum()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--size", choices=("tiny", "small", "full"), default="small")
    size = arguments.parse_args().size
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="verify_") as temporary:
        folder = Path(temporary)
        raw = sample_config(write_sample(folder / "sample", size, 0), size, folder)
        config = build_config(
            raw, ["logging.tensorboard=false", "logging.images=false", "masking.strategies.forecast=1"]
        )
        store = prepare(config)
        gigabytes = sum(path.stat().st_size for path in (store.path / "values").iterdir()) / 1e9
        read_all(store.path, "first")  # into the page cache
        unchecked = min(seconds(lambda: read_all(store.path, "never")) for _ in range(3))
        checked = min(seconds(lambda: read_all(store.path, "first")) for _ in range(3))
        speed = gigabytes / (checked - unchecked)
        print(f"values: {1000 * gigabytes:.0f} MB; comparing them: {checked - unchecked:.3f} s, {speed:.2f} GB/s")

        trainer = build_trainer(config, store)
        parts = next(trainer.batches())
        per_step, steps = min(seconds(lambda: trainer.train_step(parts, 0)) for _ in range(3)), len(trainer.order)
        epoch = (checked - unchecked) / (steps * per_step)
        print(f"a training step: {per_step:.3f} s; {steps} steps an epoch, the first takes at most {epoch:.1%} more")

        run = RunDirectory.create(config, store)
        save_pretrained(build_trainer(config, store).model, run.model)
        day = str(store.days[-30])
        whole, times = run.config_file.read_text(), dict[str, float]()

        def once() -> float:
            CheckedBlocks._known.clear()
            return seconds(lambda: forecast(run.path, day, horizon=7))

        for checking in ("never", "first"):
            run.config_file.write_text(whole.replace("verify: first", f"verify: {checking}"))
            times[checking] = min(once() for _ in range(4))
        more = times["first"] - times["never"]
        print(f"a forecast: {times['never']:.2f} s, and {more:.3f} s to compare ({more / times['never']:.1%} more)")


if __name__ == "__main__":
    main()
