"""Sizes of patches, windows and models that fit the data."""

import math
from dataclasses import dataclass
from typing import Any

from hydromae.evaluation.benchmark.settings import packaged_settings

_WISHED_PATCH = 10
_FEW_TOKENS, _FEW_DAYS = 2500, 3653
# What configs/gb_small.yaml sets: a model that a laptop trains.
SMALL_MODEL = {
    "d_model": 64, "nhead": 2, "img_encoder_layers": 2, "vec_encoder_layers": 2, "decoder_dim": 64,
    "decoder_layers": 2, "dropout": 0.0,
}  # fmt: skip
SMALL_TRAINING = {
    "batch_size": 2, "epochs": 8, "warmup_epochs": 0.5, "lr": 1.0e-3, "weight_decay": 0.01,
}  # fmt: skip
# What of the benchmark's settings suits series alone, whatever they are.
_OF_THE_BENCHMARK = {
    "data": ("window", "stride", "stations_per_window"),
    "model": ("d_model", "nhead", "vec_encoder_layers", "shared_depth", "decoder_dim", "decoder_layers", "dropout",
              "recurrent_dim", "vector_patch_size", "vector_patch_days"),
    "training": ("batch_size", "warmup_epochs", "lr"),
}  # fmt: skip


def series_settings() -> dict[str, dict[str, Any]]:
    """What the benchmark trains, the better model where there are series alone: section -> its keys."""
    raw = packaged_settings()
    return {section: {key: raw[section][key] for key in keys} for section, keys in _OF_THE_BENCHMARK.items()}


@dataclass(frozen=True)
class Sizes:
    """Tokens in a window, at most, and whether a small model is the better beginning."""

    tokens: int
    small: bool


def patch_size(shape: tuple[int, int]) -> int:
    """The divisor of both rows and columns that is nearest to 10, the larger of two as near."""
    whole = math.gcd(*shape)
    divisors = [size for size in range(1, whole + 1) if whole % size == 0]
    return min(divisors, key=lambda size: (abs(size - _WISHED_PATCH), -size))


def sizes(
    shape: tuple[int, int] | None, n_grids: int, stations: list[int], window: int, land: float, train_days: int
) -> Sizes:
    """Tokens of a window.

    Args:
        shape: rows and columns of the grids.
        n_grids: grids.
        stations: stations of each series, eight to a token.
        window: days.
        land: share of the cells that is land, 1 where it is not known.
        train_days: days of the training period.
    """
    patches = 0 if shape is None else math.ceil(shape[0] * shape[1] / patch_size(shape) ** 2 * land)
    tokens = window * (n_grids * patches + sum(math.ceil(n / 8) for n in stations))
    return Sizes(tokens, tokens < _FEW_TOKENS or train_days < _FEW_DAYS)
