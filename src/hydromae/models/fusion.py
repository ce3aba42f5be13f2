"""The shared transformer over the visible tokens of all modalities."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hydromae.config import ModelConfig
from hydromae.models.attention import join_padding
from hydromae.models.layers import TransformerLayer


def concatenate(
    encoded: list[tuple[list[Float[Tensor, "batch _ dim"]], Bool[Tensor, "batch _"] | None]],
) -> tuple[list[Float[Tensor, "batch n dim"]], Bool[Tensor, "batch n"] | None]:
    """The modalities' sequences one after another, map by map, with their padding."""
    every_map = zip(*(maps for maps, _ in encoded), strict=True)
    padding = join_padding([maps[0] for maps, _ in encoded], [padding for _, padding in encoded])
    return [torch.cat(parts, dim=1) for parts in every_map], padding  # K x [B, sum of n, D]


def fuse(
    layers: nn.ModuleList,
    norm: nn.LayerNorm,
    tokens: Float[Tensor, "batch n dim"],
    padding: Bool[Tensor, "batch n"] | None,
) -> Float[Tensor, "batch n dim"]:
    """Joint encoding of all modalities' tokens, as CAV-MAE does (Gong et al. 2023); no layers: normalise alone."""
    for layer in layers:
        tokens = layer(tokens, padding)
    fused: Tensor = norm(tokens)
    return fused


def fusion_layers(config: ModelConfig) -> nn.ModuleList:
    """The layers of the shared transformer."""
    return nn.ModuleList(TransformerLayer(config.d_model, config) for _ in range(config.shared_depth))
