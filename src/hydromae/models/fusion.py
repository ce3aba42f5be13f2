"""The shared transformer over the visible tokens of all modalities."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hydromae.config import ModelConfig
from hydromae.models.attention import UnseenByLayer, join_padding, of_layer
from hydromae.models.causal import TokenTimes, joined
from hydromae.models.divided import TokenPlaces, joined_places
from hydromae.models.layers import TransformerLayer


@dataclass(frozen=True)
class Encoded:
    """Feature maps over the visible tokens of one modality, or of all.

    Attributes:
        maps: K x [B, m, D].
        padding: [B, m]; None where there is none.
        times: of the tokens, in a model with rolling series.
        places: of the tokens, in a model whose attention is divided.
    """

    maps: list[Float[Tensor, "batch m dim"]]
    padding: Bool[Tensor, "batch m"] | None
    times: TokenTimes | None = None
    places: TokenPlaces | None = None

    def without_last(self) -> "Encoded":
        """The same without the last token, the static one of a series."""
        times = self.times
        return Encoded(
            [tokens[:, :-1] for tokens in self.maps],
            None if self.padding is None else self.padding[:, :-1],
            None if times is None else TokenTimes(times.end[:, :-1], times.rolling[:, :-1]),
            None if self.places is None else self.places.without_static(),
        )


def concatenate(encoded: list[Encoded]) -> Encoded:
    """The modalities' sequences one after another, map by map: K x [B, sum of m, D]."""
    every_map = zip(*(part.maps for part in encoded), strict=True)
    padding = join_padding([part.maps[0] for part in encoded], [part.padding for part in encoded])
    times = [part.times for part in encoded if part.times is not None]
    places = [part.places for part in encoded if part.places is not None]
    return Encoded(
        [torch.cat(parts, dim=1) for parts in every_map],
        padding,
        joined(times) if times else None,
        joined_places(places, padding) if places else None,
    )


def fuse(
    layers: nn.ModuleList,
    norm: nn.LayerNorm,
    tokens: Float[Tensor, "batch n dim"],
    unseen: UnseenByLayer | None,
) -> Float[Tensor, "batch n dim"]:
    """Joint encoding of all modalities' tokens, as CAV-MAE does (Gong et al. 2023); no layers: only normalise."""
    for i, layer in enumerate(layers):
        tokens = layer(tokens, of_layer(unseen, i))
    fused: Tensor = norm(tokens)
    return fused


def fusion_layers(config: ModelConfig) -> nn.ModuleList:
    """The layers of the shared transformer."""
    return nn.ModuleList(TransformerLayer(config.d_model, config) for _ in range(config.shared_depth))
