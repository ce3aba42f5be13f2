"""What a model is made of and what a sample costs."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from rich.table import Table
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from hydromae.config import Config
from hydromae.masks.exact import target_counts
from hydromae.models.cost import empty_batch, recurrence_operations
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.tokens.shape import TokenShape

ADAMW_BYTES = 16  # weight, gradient and two moments in fp32


@dataclass(frozen=True)
class Part:
    """Parameters of one part of a model, and the tensors they are in."""

    name: str
    parameters: int
    tensors: int


def parts(model: MultiModalMAE) -> list[Part]:
    """The model's parts in order: encoders, decoders, fusion, and all modality tokens together."""
    children = [Part(name, *_count(child.parameters())) for name, child in model.named_children()]
    tokens = [p for name, p in model.named_parameters(recurse=False)]
    return [*children, *([Part("modality tokens", *_count(iter(tokens)))] if tokens else [])]


def summary_table(model: MultiModalMAE, config: Config) -> Table:
    """Parts with their parameters, then tokens, memory and cost of a sample of the configuration's window.

    The cost is counted by torch on tensors without data, so no computation is done.
    """
    table = Table("part", "parameters", "tensors", title=f"Model of {config.name}", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    all_parts = parts(model)
    for part in all_parts:
        table.add_row(part.name, f"{part.parameters:,}", f"{part.tensors:,}")
    table.add_section()
    total = sum(p.parameters for p in all_parts)
    table.add_row("total", f"{total:,}", f"{sum(p.tensors for p in all_parts):,}")
    table.add_section()
    days = config.data.window
    ratios = {"grid": config.masking.grid_mask_ratio, "series": config.masking.series_mask_ratio}
    for name, shape in model.shapes.items():
        visible, hidden = _counts(shape, days, ratios)
        table.add_row(f"{name}: tokens in {days} days (hidden)", f"{visible + hidden:,} ({hidden:,})", "")
    table.add_row("weights, gradients and AdamW in fp32", f"{total * ADAMW_BYTES / 2**20:,.0f} MiB", "")
    cost = forward_operations(model, days, ratios)
    table.add_row("forward pass of a sample", f"{cost / 1e9:,.1f} GFLOP", "")
    return table


def forward_operations(model: MultiModalMAE, days: int, ratios: dict[str, float]) -> int:
    """Floating-point operations of the matrix products and attention in one sample's forward pass."""
    # Fake tensors have shapes and a device but no data.
    with FakeTensorMode(allow_non_fake_inputs=True):
        counts = {name: _counts(shape, days, ratios) for name, shape in model.shapes.items()}
        counter = FlopCounterMode(display=False)
        # torch counts no fused attention on a CPU; the plain form does the same products.
        with counter, nn.attention.sdpa_kernel(nn.attention.SDPBackend.MATH), torch.no_grad():
            model.predict(empty_batch(model, counts, days))
    return int(counter.get_total_flops()) + recurrence_operations(model, days)


def _count(parameters: Iterator[nn.Parameter]) -> tuple[int, int]:
    sizes = [p.numel() for p in parameters]
    return sum(sizes), len(sizes)


def _counts(shape: TokenShape, days: int, ratios: dict[str, float]) -> tuple[int, int]:
    """Visible and hidden tokens where the ratio is hidden of a window without gaps."""
    tokens = shape.tokens(days)
    hidden = target_counts([tokens], ratios[shape.kind])[0]
    return tokens - hidden, hidden
