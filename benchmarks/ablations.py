"""Train the demo with each switch of the model and compare: loss, seconds a step, peak memory.

    python benchmarks/ablations.py --steps 300 --threads 2 --output docs/ablations.md

Every variant trains on the same sample, windows and masks from the same seed, each in a process of its own, so that its
peak memory is its own. The loss is that of the validation period: mean squared error of scaled hidden values.
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from rich.progress import track

from hydromae.app.demo import sample_config
from hydromae.base.files import write_text
from hydromae.base.memory import peak_memory
from hydromae.config import Config
from hydromae.config.read import build_config
from hydromae.sample import write_sample
from hydromae.store.prepare import prepare
from hydromae.training.build import build_trainer

# name -> changes to the demo's model; all but the last group hide the same values.
VARIANTS: dict[str, dict[str, Any]] = {
    "demo": {},
    "no fusion": {"fusion": "none"},
    "fusion by concatenation (shared_depth 0)": {"shared_depth": 0},
    "two shared layers": {"shared_depth": 2},
    "static tokens not fused": {"fuse_static_tokens": False},
    "no modality tokens": {"modality_tokens": False},
    "no FiLM": {"film": False, "decoder_film": False},
    "no FiLM in the decoders": {"decoder_film": False},
    "no calendar": {"calendar": False},
    "learned positions of stations": {"series_position": "learned"},
    "weighted feature maps": {"use_weighted_fm": True},
    "weighted feature maps with input": {"use_weighted_fm": True, "use_input": True},
    "decoder with self-attention": {"decoder_self_attn": True},
    "standard MAE decoder": {"use_cross_attn": False},
    "post-norm, ReLU": {"norm_first": False, "activation": "relu"},
    "learned missing attributes": {"missing_attributes": "learned"},
    "validity embedding": {"validity_embedding": True},
    "tokens of 8 stations x 1 day *": {"series_patch_size": 8, "series_patch_days": 1},
    "tokens of 1 station x 3 days *": {"series_patch_days": 3},
    "grid tokens of 3 days *": {"grid_patch_days": 3},
}


def train(config: Config, steps: int, threads: int) -> dict[str, Any]:
    """Train for some steps; losses, seconds a step and peak memory in MiB."""
    torch.set_num_threads(threads)
    epochs = steps // (len(build_trainer(config, prepare(config)).order)) + 1
    config = config.model_copy(update={"training": config.training.model_copy(update={"epochs": epochs})})
    trainer = build_trainer(config, prepare(config))
    seconds, done = 0.0, 0
    for epoch in range(epochs):
        trainer.order.epoch = epoch
        for windows in trainer.batches():
            if done == steps:
                break
            began = time.perf_counter()
            trainer.train_step(windows, epoch)
            seconds += time.perf_counter() - began
            done += 1
    validation = trainer.validate()
    assert validation is not None
    parameters = sum(p.numel() for p in trainer.model.parameters())
    peak = peak_memory() / 2**20
    return {**validation, "seconds": seconds / steps, "memory": peak, "parameters": parameters}


def in_own_process(config: Config, steps: int, threads: int) -> dict[str, Any]:
    """`train` in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(train, (config, steps, threads))


def main() -> None:
    """Train all variants and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300, help="optimizer steps of each variant")
    parser.add_argument("--threads", type=int, default=2, help="threads of the arithmetic")
    parser.add_argument("--size", default="small", choices=("tiny", "small"), help="size of the sample")
    parser.add_argument("--output", type=Path, help="also write the table there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        base = sample_config(write_sample(directory / "sample", options.size), options.size, directory)
        prepare(build_config(base))
        results = {}
        for name, changes in track(VARIANTS.items(), description="Training variants"):
            config = build_config({**base, "model": {**base["model"], **changes}})
            results[name] = in_own_process(config, options.steps, options.threads)
            print(name, results[name], flush=True)
    table = render(results, options)
    print(table)
    if options.output:
        write_text(options.output, table)


def render(results: dict[str, dict[str, Any]], options: argparse.Namespace) -> str:
    """The results as Markdown; speed and memory as ratios to the demo's."""
    names = list(results["demo"]["losses"])
    base = results["demo"]
    lines = [
        "# Ablations",
        "",
        f"The demo's model on the `{options.size}` sample, one switch changed at a time, {options.steps} steps each.",
        "Validation loss: mean squared error of scaled hidden values, by variable and summed; lower is better.",
        f"Time and memory are ratios to the first row's ({base['seconds']:.2f} s a step on {options.threads} threads, "
        f"{base['memory']:.0f} MiB with",
        "Python and torch), which other work on the machine disturbs. One seed: small differences mean nothing.",
        "",
        f"    python benchmarks/ablations.py --steps {options.steps} --threads {options.threads} "
        f"--size {options.size} --output docs/ablations.md",
        "",
        f"| variant | parameters | total | {' | '.join(names)} | time | memory |",
        f"|---|--:|--:|{'--:|' * len(names)}--:|--:|",
    ]
    for name, found in results.items():
        losses = " | ".join(f"{found['losses'][n]:.3f}" for n in names)
        time_ratio, memory = found["seconds"] / base["seconds"], found["memory"] / base["memory"]
        lines.append(
            f"| {name} | {found['parameters']:,} | {found['loss']:.3f} | {losses} | {time_ratio:.2f} | {memory:.2f} |"
        )
    lines += [
        "",
        "\\* cuts tokens otherwise, so what is hidden is another: its losses do not compare with the rest.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
