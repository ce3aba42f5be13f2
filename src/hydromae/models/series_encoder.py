"""Encoder of a series modality, and the attributes of its tokens."""

from collections.abc import Sequence

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from hydromae.batch.batch import Batch, ModalityTokens
from hydromae.config import ModelConfig
from hydromae.models.causal import TokenTimes, unseen_by_tokens
from hydromae.models.divided import Divided
from hydromae.models.encoder import EncoderStack, embed_visible, validity_embedding
from hydromae.models.positions import TimePosition, coordinate_positions, learned_position
from hydromae.tokens.selection import append_padding
from hydromae.tokens.shape import TokenShape


def mean_attributes(
    attributes: Float[Tensor, "batch stations attributes"], group: int
) -> Float[Tensor, "batch groups attributes"]:
    """Mean of the scaled attributes over each group of stations, missing ones left out; 0, their mean, where all are.

    Args:
        attributes: [B, stations, A], NaN where missing.
        group: stations in a group; the last group may have fewer.
    """
    short = -attributes.shape[1] % group
    attributes = functional.pad(attributes, (0, 0, 0, short), value=torch.nan)
    grouped = rearrange(attributes, "b (g s) a -> b g s a", s=group)  # [B, G, S, A]
    return torch.nan_to_num(grouped.nanmean(2))  # [B, G, A]


class GroupPosition(nn.Module):
    """Position in space of groups of stations: from their mean coordinates, learned, or none.

    Shape: place [B, n] and attributes of the groups [B, G, A] -> [B, n, D], or 0.
    """

    def __init__(self, config: ModelConfig, dim: int, places: int) -> None:
        super().__init__()
        self.kind = config.series_position if places > 1 else "none"
        self.dim, self.coordinates = dim, config.coordinate_attrs
        self.learned = nn.Parameter(torch.zeros(places, dim)) if self.kind == "learned" else None

    def forward(
        self, place: Int[Tensor, "batch n"], groups: Float[Tensor, "batch groups attributes"] | None
    ) -> Float[Tensor, "batch n dim"] | float:
        if self.learned is not None:
            return learned_position(self.learned, place)
        if self.kind == "coordinates" and groups is not None:
            coordinates = torch.stack([groups[..., i] for i in self.coordinates], dim=-1)  # [B, G, 2]
            positions = coordinate_positions(coordinates, self.dim)  # [B, G, D]
            return take_groups(positions, place)
        return 0.0


def take_groups(
    groups: Float[Tensor, "batch groups width"], place: Int[Tensor, "batch n"]
) -> Float[Tensor, "batch n width"]:
    """What belongs to each token's group of stations."""
    return groups.gather(1, place[..., None].expand(-1, -1, groups.shape[-1]))  # [B, n, width]


class SeriesEncoder(nn.Module):
    """Masked-autoencoder encoder of daily series, conditioned on static attributes.

    A token is a group of stations over some days; every station's value reaches it. FiLM (Perez et al. 2018) brings the
    attributes of the token's own stations into every layer. One static token, the mean attributes of all stations, is
    appended last.

    Args:
        config: sizes.
        shape: how the modality is cut.
        maps: layers whose outputs are returned, see `EncoderStack`.

    Shape: visible tokens [B, n, cells] -> list of [B, n + 1, D], and their padding [B, n + 1] or None. With times (see
    `hydromae.models.causal`) a token attends to no later one; divided, to those of its day or its place.
    """

    def __init__(self, config: ModelConfig, shape: TokenShape, maps: Sequence[int]) -> None:
        super().__init__()
        self.use_input = config.use_weighted_fm and config.use_input
        self.group = shape.size
        self.embedding = nn.Linear(shape.cells, config.d_model)
        self.validity = validity_embedding(shape.cells, config)
        self.group_position = GroupPosition(config, config.d_model, shape.places)
        self.time = TimePosition(config.d_model, shape, config.calendar)
        has_attributes = config.static_attr_dim > 0
        self.static = nn.Linear(config.static_attr_dim, config.d_model) if has_attributes else None
        self.stack = EncoderStack(config, maps, film=has_attributes and config.film)

    def forward(
        self,
        tokens: ModalityTokens,
        batch: Batch,
        modality_token: Float[Tensor, "1 1 dim"] | None,
        times: TokenTimes | None = None,
        divided: Divided | None = None,
    ) -> tuple[list[Float[Tensor, "batch n dim"]], Bool[Tensor, "batch n"] | None]:
        index, padding, conditions = tokens.visible.index, tokens.visible.padding, None
        place = tokens.shape.place(index)
        groups = None if batch.attributes is None else mean_attributes(batch.attributes, self.group)  # [B, G, A]
        embedded = embed_visible(self.embedding, self.validity, tokens)  # [B, n, D]
        embedded = embedded + self.group_position(place, groups)
        embedded = (embedded + self.time(index, batch)).to(self.embedding.weight.dtype)
        if modality_token is not None:
            embedded = embedded + modality_token
        if self.static is not None:
            if batch.attributes is None or groups is None:
                raise ValueError("this model needs the static attributes of the stations; the batch has none")
            width = self.static.weight.dtype
            overall = mean_attributes(batch.attributes, batch.attributes.shape[1]).to(width)  # [B, 1, A]
            embedded = torch.cat([embedded, self.static(overall)], dim=1)  # [B, n + 1, D]
            conditions = torch.cat([take_groups(groups.to(width), place), overall], dim=1)  # [B, n + 1, A]
            padding = append_padding(tokens.visible, 1)
        unseen = padding if times is None else unseen_by_tokens(times, padding)
        return self.stack(embedded, divided or unseen, conditions, with_input=self.use_input), padding
