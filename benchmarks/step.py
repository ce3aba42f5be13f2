"""One training step of the full model: this package's way against the straightforward one, in one run.

    python benchmarks/step.py            # both ways at 6 days
    python benchmarks/step.py --days 30  # the fused way alone: the other needs the memory that is printed
    python benchmarks/step.py --days 30 --divided  # besides, the fused way with `model.attention: divided`

The model is the default one (290 x 180 cells, 92 valid patches, 604 stations, d_model 256), batch 1, random data, about
40 % hidden.
The straightforward way keeps whole score matrices and a mask, as nn.TransformerEncoderLayer does under attention
dropout of 0.1. Each way runs in a process of its own, so that its peak memory is its own.
"""

import argparse
import multiprocessing
import os
import time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from einops import rearrange
from torch import Tensor

from hydromae.base.memory import peak_memory
from hydromae.config import ModelConfig
from hydromae.models import attention as layers
from hydromae.models.multimodal_mae import MultiModalMAE

STEPS = 2
STRAIGHTFORWARD_DAYS = 12  # above it the straightforward way asks for more memory than small machines have


def naive_attend(q: Tensor, k: Tensor, v: Tensor, heads: int, padding: Tensor | None, dropout: float = 0.0) -> Tensor:
    """Softmax over whole score matrices with a mask and dropout of 0.1."""
    q, k, v = (rearrange(x, "b n (h c) -> b h n c", h=heads) for x in (q, k, v))
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5  # [B, H, n, m]
    mask = torch.zeros(k.shape[0], k.shape[2], dtype=torch.bool) if padding is None else padding
    weights = scores.masked_fill(mask[:, None, None, :], float("-inf")).softmax(-1)
    weights = torch.nn.functional.dropout(weights, 0.1)
    return rearrange(weights @ v, "b h n c -> b n (h c)")


def plain_batch(config: ModelConfig, days: int) -> dict[str, Tensor]:
    """Random windows and masks with about 40 % hidden."""
    generator = torch.Generator().manual_seed(0)
    batch = {}
    for name, kind in config.modalities.items():
        if kind == "grid":
            values = torch.randn(1, days, config.grid_height, config.grid_width, generator=generator)
            shape = (1, days, config.all_patches)
        else:
            values = torch.randn(1, config.stations_per_window, days, generator=generator)
            shape = (1, -(-config.stations_per_window // config.series_patch_size), days)
        batch[name] = values
        batch[f"{name}_mask"] = torch.rand(shape, generator=generator) < 0.4
    batch["static_attr"] = torch.randn(1, config.stations_per_window, config.static_attr_dim, generator=generator)
    return batch


def measure(fused: bool, days: int, attention: str = "full") -> tuple[float, float]:
    """Processor seconds a step (the best of a few) and peak memory in GiB."""
    torch.manual_seed(0)
    if not fused:
        layers.attend = naive_attend
    config = ModelConfig(valid_patches=92, attention=attention, max_time_steps=max(days, 90))
    model = MultiModalMAE(config)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    batch = model.as_batch(plain_batch(config, days))
    seconds = []
    for _ in range(STEPS):
        began = time.process_time()
        loss, _ = model(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seconds.append(time.process_time() - began)
    return min(seconds), peak_memory() / 2**30


def in_own_process(fused: bool, days: int, attention: str = "full") -> tuple[float, float]:
    """`measure` in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (fused, days, attention))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=6, help="days in the window")
    parser.add_argument("--divided", action="store_true", help="measure divided attention, too")
    options = parser.parse_args()
    days = options.days
    seconds, memory = in_own_process(True, days)
    print(f"fused, {days} days: {seconds:.2f} s a step, {memory:.2f} GiB")
    if options.divided:
        shorter, smaller = in_own_process(True, days, "divided")
        print(f"fused and divided, {days} days: {shorter:.2f} s a step, {smaller:.2f} GiB")
        print(f"ratios: time {seconds / shorter:.1f}, memory {memory / smaller:.1f}")
    if days <= STRAIGHTFORWARD_DAYS:
        slow, large = in_own_process(False, days)
        print(f"straightforward, {days} days: {slow:.2f} s a step, {large:.2f} GiB")
        print(f"ratios: time {slow / seconds:.1f}, memory {large / memory:.1f}")
    else:
        config = ModelConfig(valid_patches=92)
        visible_share = 0.6
        grid = visible_share * days * 92
        series = visible_share * days * -(-config.stations_per_window // config.series_patch_size)
        layers = {grid: 3 * config.grid_encoder_layers, series: 2 * config.series_encoder_layers}
        kinds = list(config.modalities.values())
        fused_tokens = kinds.count("grid") * grid + kinds.count("series") * series
        pairs = sum(n * n * count for n, count in layers.items()) + fused_tokens**2
        queries = (kinds.count("grid") * grid + kinds.count("series") * series) / 0.6 * 0.4
        pairs += config.decoder_layers * queries * fused_tokens
        # Scores, weights and dropped weights are kept for the backward pass, and a byte of dropout mask.
        print(f"straightforward, {days} days: score matrices alone {pairs * config.nhead * 13 / 2**30:.0f} GiB")


if __name__ == "__main__":
    main()
