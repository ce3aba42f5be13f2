"""Drawing the masks of a batch at full size, by every strategy, beside a training step of the full model.

    python benchmarks/masks.py              # windows of 30 days
    python benchmarks/masks.py --days 6     # a shorter step
    python benchmarks/masks.py --no-step    # the masks alone

Full size: 94 patches and 76 groups of 8 stations, three grids and two series, 5 % of the tokens missing. A step of
16 windows is more than a small machine can hold, so it is measured with one window, as are its masks; the masks of
16 windows are set against 16 such steps. The straightforward way hides a random part window by window, as
torch.randperm does. Everything runs on one thread.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from hydromae.batch.batch import Batch, ModalityTokens
from hydromae.config import MaskingConfig, ModelConfig
from hydromae.masks.masker import Masker
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.tokens.shape import TokenShape
from hydromae.windows.windows import Windows

PATCHES, BATCH, REPEATS = 94, 16, 7
MISSING = 0.05
KINDS: dict[str, dict[str, Any]] = {
    "random": {},
    "random, unified": {"pattern": "unified"},
    "random, per day": {"per_day": True},
    "span": {"strategies": {"span": 1}},
    "place": {"strategies": {"place": 1}},
    "modality": {"strategies": {"modality": 1}},
    "forecast": {"strategies": {"forecast": 1}},
    "all of them": {"strategies": {"random": 1, "span": 1, "place": 1, "modality": 1, "forecast": 1}},
}


def make_windows(shapes: Mapping[str, TokenShape], size: int, days: int) -> tuple[Windows, dict[str, Tensor]]:
    """Windows without values, since masks do not look at them, and which of their tokens are available."""
    generator = torch.Generator().manual_seed(0)
    available, by_slot, values = {}, {}, {}
    for name, shape in shapes.items():
        slots = torch.rand(size, days, shape.places, generator=generator) >= MISSING
        available[name] = slots.flatten(1)  # [B, tokens]
        by_slot[name] = slots.sum(2).tolist()
        values[name] = torch.empty(size, days, 0)
    return Windows(values, torch.arange(0, 20 * size, 20), by_slot), available


def milliseconds(work: Callable[[], object]) -> float:
    """The best of a few."""
    work()
    best = float("inf")
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return 1000 * best


def straightforward(available: Mapping[str, Tensor], ratio: float = 0.4) -> None:
    """Window by window and modality by modality: a permutation of the available tokens, cut in two."""
    for of_modality in available.values():
        for tokens in of_modality:
            order = tokens.nonzero()[:, 0]
            order = order[torch.randperm(len(order))]
            order[: round(ratio * len(order))].sort(), order[round(ratio * len(order)) :].sort()


def step_milliseconds(model: MultiModalMAE, masker: Masker, days: int) -> float:
    """A training step of one window."""
    windows, available = make_windows(model.shapes, 1, days)
    masks = masker.masks(windows, available, masker.plan(windows, 0), 0)
    tokens = {}
    for name, shape in model.shapes.items():
        valid = available[name][..., None].expand(-1, -1, shape.cells)
        tokens[name] = ModalityTokens(torch.randn(valid.shape) * valid, valid, *masks[name], shape)
    attributes = torch.randn(1, model.config.stations_per_window, model.config.static_attr_dim)
    batch = Batch(tokens, attributes, torch.arange(1, days + 1)[None], days)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    best = float("inf")
    for _ in range(2):
        began = time.perf_counter()
        loss, _ = model(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        best = min(best, time.perf_counter() - began)
    return 1000 * best


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=30, help="days in the window")
    parser.add_argument("--no-step", action="store_true", help="leave the step out")
    arguments = parser.parse_args()
    days = arguments.days
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = MultiModalMAE(ModelConfig(valid_patches=PATCHES))
    alone, available_alone = make_windows(model.shapes, 1, days)
    windows, available = make_windows(model.shapes, BATCH, days)
    step = None
    if not arguments.no_step:
        step = step_milliseconds(model, Masker(MaskingConfig(), model.shapes, ["riverflow"], 0), days)
        print(f"a training step of 1 window of {days} days: {step:.0f} ms")
    print(f"{'masks, ms':20s} {'1 window':>9s} {f'{BATCH} windows':>11s}", end="")
    print("" if step is None else f" {'of 1 step':>10s} {f'of {BATCH} steps':>12s}")
    for kind, masking in KINDS.items():
        masker = Masker(MaskingConfig(**masking), model.shapes, ["riverflow"], 0)
        one = milliseconds(lambda m=masker: m.masks(alone, available_alone, m.plan(alone, 0), 0))
        many = milliseconds(lambda m=masker: m.masks(windows, available, m.plan(windows, 0), 0))
        print(f"{kind:20s} {one:9.2f} {many:11.2f}", end="")
        print("" if step is None else f" {one / step:10.3%} {many / (BATCH * step):12.3%}")
    slow = milliseconds(lambda: straightforward(available))
    print(f"{'window by window':20s} {milliseconds(lambda: straightforward(available_alone)):9.2f} {slow:11.2f}")


if __name__ == "__main__":
    main()
