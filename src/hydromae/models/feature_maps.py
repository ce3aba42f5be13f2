"""Weighted feature maps: which encoder layers a decoder reads."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hydromae.config import ModelConfig


def map_layers(config: ModelConfig, depth: int) -> tuple[int, ...]:
    """Layers, from 0, of an encoder of `depth` layers whose outputs the decoders read.

    Without weighted maps it is the last one. `use_fm_layers` counts in the deepest encoder, of N layers; an encoder of
    n layers gives the layer of the like depth, ceil((i + 1) * n / N) - 1. With fusion the encoder's output comes last,
    to be fused.
    """
    if not config.use_weighted_fm:
        return (depth - 1,)
    deepest = config.deepest_encoder
    chosen = range(deepest) if config.use_fm_layers is None else config.use_fm_layers
    if config.fusion == "none":
        # Without fusion an encoder need not match another's number of maps.
        return tuple(sorted({_like(i, depth, deepest) for i in chosen}))
    return (*(_like(i, depth, deepest) for i in chosen), depth - 1)


def _like(layer: int, depth: int, deepest: int) -> int:
    return math.ceil((layer + 1) * depth / deepest) - 1


def number_of_maps(config: ModelConfig, depth: int) -> int:
    """Feature maps a decoder mixes whose own encoder has `depth` layers, the embedding included where it is used."""
    return len(map_layers(config, depth)) + config.use_input


class WeightedFeatureMaps(nn.Module):
    """Mixtures of several layers' outputs, one for each decoder layer (CrossMAE, Fu et al. 2024).

    The weights start as normal with variance 1 / maps, as the paper declares.

    Args:
        maps: number of feature maps, K.
        decoder_layers: number of mixtures, L.
        dim: width D of the maps.

    Shape: K x [B, n, D] -> L x [B, n, D], each through its own LayerNorm.
    """

    def __init__(self, maps: int, decoder_layers: int, dim: int) -> None:
        super().__init__()
        self.mixture = nn.Linear(maps, decoder_layers, bias=False)
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(decoder_layers))

    def reset(self) -> None:
        """Draw the weights as declared."""
        nn.init.normal_(self.mixture.weight, std=self.mixture.in_features**-0.5)

    def forward(self, maps: list[Float[Tensor, "batch n dim"]]) -> list[Float[Tensor, "batch n dim"]]:
        # Not self.mixture(...) over a last axis of maps: that copies every map with a stride of K, at half the speed.
        mixtures = torch.einsum("lk,kbnd->lbnd", self.mixture.weight, torch.stack(maps))
        return [norm(mixture) for norm, mixture in zip(self.norms, mixtures, strict=True)]
