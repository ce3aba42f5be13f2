"""What the encoders of both kinds share: embedding of visible tokens, transformer layers, feature maps."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hydromae.batch.batch import ModalityTokens
from hydromae.config import ModelConfig
from hydromae.models.attention import UnseenByLayer, of_layer
from hydromae.models.film import FiLM
from hydromae.models.layers import TransformerLayer


class EncoderStack(nn.Module):
    """Transformer layers, with FiLM after each where there are conditions, and one final LayerNorm.

    Args:
        config: sizes.
        maps: layers whose outputs are returned, from 0 and ascending; the last is the encoder's output, and layers
            above it are not built.
        film: whether conditions modulate the tokens.

    Shape: tokens [B, n, D], conditions [B, n, C] -> as many [B, n, D] as maps, each through the final LayerNorm.
    """

    def __init__(self, config: ModelConfig, maps: Sequence[int], film: bool) -> None:
        super().__init__()
        self.maps = tuple(maps)
        depth = max(maps) + 1
        self.layers = nn.ModuleList(TransformerLayer(config.d_model, config) for _ in range(depth))
        self.film = nn.ModuleList(FiLM(config.static_attr_dim, config.d_model) for _ in range(depth if film else 0))
        self.norm = nn.LayerNorm(config.d_model)

    def forward(
        self,
        tokens: Float[Tensor, "batch n dim"],
        unseen: UnseenByLayer | None,
        conditions: Float[Tensor, "batch n condition"] | None = None,
        with_input: bool = False,
    ) -> list[Float[Tensor, "batch n dim"]]:
        outputs = [self.norm(tokens)] if with_input else []
        for i, layer in enumerate(self.layers):
            tokens = layer(tokens, of_layer(unseen, i))
            if conditions is not None and self.film:
                tokens = self.film[i](tokens, conditions)
            if i in self.maps:
                outputs += [self.norm(tokens)] * self.maps.count(i)
        return outputs


def validity_embedding(cells: int, config: ModelConfig) -> nn.Linear | None:
    """A learned vector for each missing cell of a partly missing token, where that is switched on."""
    return nn.Linear(cells, config.d_model, bias=False) if config.validity_embedding else None


def embed_visible(
    embedding: nn.Linear, validity: nn.Linear | None, tokens: ModalityTokens
) -> Float[Tensor, "batch n dim"]:
    """Embed only the visible tokens: what is hidden never enters the model, not even as padding.

    Nor does what is missing, unless it was filled; the validity embedding takes filled cells for missing ones.
    """
    real = tokens.visible.real[..., None]  # [B, n, 1]
    seen = tokens.visible.take(tokens.valid if tokens.readable is None else tokens.readable) & real  # [B, n, cells]
    values = torch.where(seen, tokens.visible.take(tokens.values), 0.0)  # [B, n, cells]
    embedded: Tensor = embedding(values.to(embedding.weight.dtype))
    if validity is not None:
        gaps = ~(seen & tokens.visible.take(tokens.valid)) & real
        embedded = embedded + validity(gaps.to(embedding.weight.dtype))
    return embedded
