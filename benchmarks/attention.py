"""What full and divided attention learn: errors of hidden values at equal steps and at equal processor time.

    python -m benchmarks attention
    python -m benchmarks attention --seeds 0 1 2 --epochs 24
    python -m benchmarks attention --size small --epochs 4

The masked autoencoder of the demo's sizes, without its recurrence and with a token for every day, is trained on the
synthetic sample by random masks, once for each kind of attention and seed; all else is equal. The error is the
validation's, the mean squared error of hidden scaled values, added up over the five modalities.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from hydromae.app.demo import sample_config
from hydromae.config.read import build_config
from hydromae.sample import write_sample
from hydromae.store.prepare import prepare
from hydromae.training.callback import Callback
from hydromae.training.runs import new_run

KINDS = ("full", "divided")
# What a recurrence and forecasts from every issue day need is off, since divided attention is not for them.
PLAIN: dict[str, Any] = {
    "rolling": [],
    "recurrent_dim": 0,
    "recurrent_grids": 0,
    "recurrent_context": 0,
    "recurrent_backward": False,
    "recurrent_dropout": 0.0,
    "outlook_gradient": 1.0,
    "outlook_dropout": 0.0,
    "shared_depth": 2,
    "grid_patch_days": 1,
    "series_patch_days": 1,
}


class Clock(Callback):
    """Seconds of the processor since the begin, after each step."""

    def __init__(self) -> None:
        self.began, self.after = time.process_time(), dict[int, float]()

    def on_step(self, progress: Any) -> None:
        self.after[progress.step] = time.process_time() - self.began


def errors(raw: dict[str, Any], folder: Path) -> list[tuple[float, float]]:
    """Seconds of the processor and validation error after every epoch."""
    config = build_config(raw)
    store, clock = prepare(config), Clock()
    new_run(config, store, [clock])
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    validated = [line for line in lines if line["event"] == "validation" and line["step"] in clock.after]
    return [(clock.after[line["step"]], sum(line["losses"].values())) for line in validated]


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="tiny", choices=("tiny", "small"), help="of the sample")
    parser.add_argument("--epochs", type=int, default=24, help="of each training")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of the trainings")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="attention_") as name:
        folder = Path(name)
        sample = write_sample(folder / "sample", options.size)
        for seed in options.seeds:
            made = {}
            for kind in KINDS:
                raw = sample_config(sample, options.size, folder)
                raw["output"], raw["seed"] = str(folder / f"{kind}_{seed}"), seed
                raw["model"] |= {**PLAIN, "attention": kind}
                raw["masking"] = {"strategies": {"random": 1}}
                raw["training"] |= {"epochs": options.epochs}
                made[kind] = errors(raw, folder / f"{kind}_{seed}")
                seconds, error = made[kind][-1]
                print(f"seed {seed}, {kind:8s} {error:.3f} after {options.epochs} epochs, {seconds:.0f} s", flush=True)
            whole = made["full"][-1][0]
            within = [error for seconds, error in made["divided"] if seconds <= whole]
            if within:
                print(f"seed {seed}, divided  {within[-1]:.3f} in the time of full attention", flush=True)


if __name__ == "__main__":
    main()
