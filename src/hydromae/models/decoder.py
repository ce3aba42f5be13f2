"""The decoder of one modality: queries at the masked positions read the visible tokens."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hydromae.config import ModelConfig
from hydromae.models.attention import CrossAttention, SelfAttention, join_padding
from hydromae.models.feature_maps import WeightedFeatureMaps
from hydromae.models.film import FiLM
from hydromae.models.layers import MLP, TransformerLayer
from hydromae.models.quantile_head import QuantileHead

# The mean, and the quantiles where the model has them.
Predicted = tuple[Float[Tensor, "batch n cells"], Float[Tensor, "batch n cells quantile"] | None]


class CrossBlock(nn.Module):
    """CrossMAE block (Fu et al. 2024): queries attend to the context, then an MLP; pre-norm.

    With `decoder_self_attn` the queries attend to each other first. With `norm_first` off each norm follows its sum.

    Shape: queries [B, n, E], context [B, m, D] -> [B, n, E].
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        dim = config.decoder_dim
        self.norm_first = config.norm_first
        self.self_norm = nn.LayerNorm(dim) if config.decoder_self_attn else None
        self.self_attention = (
            SelfAttention(dim, config.nhead, config.attention_dropout) if config.decoder_self_attn else None
        )
        self.attention_norm = nn.LayerNorm(dim)
        self.attention = CrossAttention(dim, config.d_model, config.nhead, config.attention_dropout)
        self.mlp_norm = nn.LayerNorm(dim)
        self.mlp = MLP(dim, config.activation, config.dropout)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        queries: Float[Tensor, "batch n dim"],
        context: Float[Tensor, "batch m context_dim"],
        context_padding: Bool[Tensor, "batch m"] | None,
        query_padding: Bool[Tensor, "batch n"] | None,
    ) -> Float[Tensor, "batch n dim"]:
        if self.norm_first:
            if self.self_norm is not None and self.self_attention is not None:
                queries = queries + self.dropout(self.self_attention(self.self_norm(queries), query_padding))
            queries = queries + self.dropout(self.attention(self.attention_norm(queries), context, context_padding))
            return queries + self.dropout(self.mlp(self.mlp_norm(queries)))
        if self.self_norm is not None and self.self_attention is not None:
            queries = self.self_norm(queries + self.dropout(self.self_attention(queries, query_padding)))
        queries = self.attention_norm(queries + self.dropout(self.attention(queries, context, context_padding)))
        normed: Tensor = self.mlp_norm(queries + self.dropout(self.mlp(queries)))
        return normed


class Decoder(nn.Module):
    """Blocks, LayerNorm and linear head over given queries; a head of quantiles beside it where there are levels.

    Args:
        config: sizes; `use_cross_attn` off gives the standard decoder of He et al. (2022), self-attention over the
            visible tokens, projected to the decoder's width, and the queries together.
        cells: values to predict for each query.
        maps: feature maps the context holds, see `WeightedFeatureMaps`.
        film: whether conditions modulate the queries before every block.

    Shape: queries [B, n, E], feature maps of [B, m, D], conditions [B, n, C], first values [B, n, cells], to which the
    head's are added -> mean [B, n, cells] and quantiles [B, n, cells, Q] or None, float32 or better.
    """

    def __init__(self, config: ModelConfig, cells: int, maps: int, film: bool) -> None:
        super().__init__()
        dim, depth = config.decoder_dim, config.decoder_layers
        self.mask_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.context_projection = None if config.use_cross_attn else nn.Linear(config.d_model, dim)
        self.blocks = nn.ModuleList(
            CrossBlock(config) if config.use_cross_attn else TransformerLayer(dim, config) for _ in range(depth)
        )
        self.film = nn.ModuleList(FiLM(config.static_attr_dim, dim) for _ in range(depth if film else 0))
        self.feature_maps = WeightedFeatureMaps(maps, depth, config.d_model) if config.use_weighted_fm else None
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, cells)
        self.quantile_head = QuantileHead(dim, cells, config.quantiles) if config.quantiles else None

    def forward(
        self,
        queries: Float[Tensor, "batch n dim"],
        query_padding: Bool[Tensor, "batch n"] | None,
        maps: Sequence[Float[Tensor, "batch m context_dim"]],
        context_padding: Bool[Tensor, "batch m"] | None,
        conditions: Float[Tensor, "batch n condition"] | None = None,
        first: Float[Tensor, "batch n cells"] | None = None,
    ) -> Predicted:
        queries = queries.to(self.head.weight.dtype)
        if self.context_projection is None:
            contexts = self.feature_maps(list(maps)) if self.feature_maps is not None else [maps[-1]] * len(self.blocks)
            for i, block in enumerate(self.blocks):
                queries = self._condition(i, queries, conditions)
                queries = block(queries, contexts[i], context_padding, query_padding)
        else:
            context = self.context_projection(maps[-1])  # [B, m, E]
            padding = join_padding([context, queries], [context_padding, query_padding])
            for i, block in enumerate(self.blocks):
                queries = self._condition(i, queries, conditions)
                tokens = block(torch.cat([context, queries], dim=1), padding)  # [B, m + n, E]
                context, queries = tokens.split([context.shape[1], queries.shape[1]], dim=1)
        with torch.autocast(queries.device.type, enabled=False):
            features = self.norm(queries.to(self.head.weight.dtype))  # [B, n, E]
            mean = self.head(features)  # [B, n, cells]
            mean = mean if first is None else mean + first
            mean = mean.to(torch.promote_types(mean.dtype, torch.float32))
            quantiles = None if self.quantile_head is None else self.quantile_head(features, mean)  # [B, n, cells, Q]
        return mean, quantiles

    def _condition(self, layer: int, queries: Tensor, conditions: Tensor | None) -> Tensor:
        if conditions is None or not self.film:
            return queries
        modulated: Tensor = self.film[layer](queries, conditions.to(queries.dtype))
        return modulated
