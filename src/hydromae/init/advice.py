"""Sizes of patches, windows and models that fit the data."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from hydromae.base.errors import DataError
from hydromae.benchmark.settings import packaged_settings
from hydromae.config import DataConfig, ModelConfig
from hydromae.sources.land_mask import valid_patches
from hydromae.tokens.shape import token_shape

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


def land_patches(land: np.ndarray) -> int:
    """Patches of a land mask that a store with the usual settings keeps."""
    size = patch_size((land.shape[0], land.shape[1]))
    try:
        return len(valid_patches(land.astype(bool), size, DataConfig().land_threshold, "the land mask"))
    except DataError:  # no patch has enough land, which `check` and `prepare` say
        return 0


def sizes(patches: int, n_grids: int, stations: int, n_series: int, window: int, train_days: int) -> Sizes:
    """Tokens of a window, as the model that is written counts them.

    Args:
        patches: of a grid.
        n_grids: grids.
        stations: of a window, which every series has.
        n_series: series.
        window: days.
        train_days: days of the training period.
    """
    names = [("grid", f"grid_{i}") for i in range(n_grids)] + [("series", f"series_{i}") for i in range(n_series)]
    model = ModelConfig(modalities={name: kind for kind, name in names}, num_catchments=max(stations, 1))
    tokens = sum(token_shape(model, name, patches).tokens(window) for name in model.modalities)
    return Sizes(tokens, tokens < _FEW_TOKENS or train_days < _FEW_DAYS)
