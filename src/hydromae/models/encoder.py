"""What the encoders of both kinds share: embedding of visible tokens, transformer layers, feature maps."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hydromae.config import ModelConfig
from hydromae.data.batch import ModalityTokens, Selection
from hydromae.data.tokens import TokenShape
from hydromae.models.film import FiLM
from hydromae.models.layers import TransformerLayer
from hydromae.models.positions import Calendar, time_positions


class PlaceAndTime(nn.Module):
    """Positions in time of selected tokens, with the calendar where it is switched on.

    Shape: selection of n tokens -> [B, n, D].
    """

    def __init__(self, dim: int, shape: TokenShape, calendar: bool) -> None:
        super().__init__()
        self.dim, self.shape = dim, shape
        self.calendar = Calendar(dim) if calendar else None

    def forward(
        self, index: Int[Tensor, "batch n"], day_of_year: Int[Tensor, "batch days"] | None
    ) -> Float[Tensor, "batch n dim"]:
        day = index // self.shape.places * self.shape.days  # [B, n] first day of the token in its window
        position = time_positions(day, self.dim)  # [B, n, D]
        if self.calendar is not None:
            position = position + self.calendar(day_of_year, day)
        return position

    def place(self, index: Int[Tensor, "batch n"]) -> Int[Tensor, "batch n"]:
        """Place of each token: valid patch or group of stations."""
        return index % self.shape.places


class EncoderStack(nn.Module):
    """Transformer layers, with FiLM after each where there are conditions, and one final LayerNorm.

    Args:
        config: sizes.
        maps: layers whose outputs are returned, from 0 and ascending; the last is the encoder's output, and layers above it
            are not built.
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
        padding: Bool[Tensor, "batch n"] | None,
        conditions: Float[Tensor, "batch n condition"] | None = None,
        with_input: bool = False,
    ) -> list[Float[Tensor, "batch n dim"]]:
        outputs = [self.norm(tokens)] if with_input else []
        for i, layer in enumerate(self.layers):
            tokens = layer(tokens, padding)
            if conditions is not None and self.film:
                tokens = self.film[i](tokens, conditions)
            if i in self.maps:
                outputs += [self.norm(tokens)] * self.maps.count(i)
        return outputs


def embed_visible(embedding: nn.Linear, tokens: ModalityTokens) -> Float[Tensor, "batch n dim"]:
    """Embed the visible tokens alone: what is hidden never enters the model."""
    values = tokens.visible.take(tokens.values)  # [B, n, cells]
    embedded: Tensor = embedding(values.to(embedding.weight.dtype))
    return embedded


def append_padding(visible: Selection, extra: int) -> Bool[Tensor, "batch n"] | None:
    """Padding of the visible tokens followed by `extra` real ones."""
    if visible.padding is None:
        return None
    real = torch.zeros(visible.padding.shape[0], extra, dtype=torch.bool, device=visible.padding.device)
    return torch.cat([visible.padding, real], dim=1)  # [B, n + extra]
