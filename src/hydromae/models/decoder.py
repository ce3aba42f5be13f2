"""The decoder of one modality: queries at the masked positions read the visible tokens."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hydromae.batch.batch import ModalityTokens
from hydromae.config import ModelConfig
from hydromae.models.attention import (
    CrossAttention,
    SelfAttention,
    Unseen,
    UnseenByLayer,
    UnseenQueries,
    join_padding,
    of_layer,
)
from hydromae.models.divided import Divided, Division
from hydromae.models.dropout import Dropout
from hydromae.models.feature_maps import WeightedFeatureMaps
from hydromae.models.film import FiLM
from hydromae.models.layers import MLP, TransformerLayer
from hydromae.models.quantile_head import QuantileHead

# The mean, and the quantiles where the model has them.
Predicted = tuple[Float[Tensor, "batch n cells"], Float[Tensor, "batch n cells quantile"] | None]


def nothing_predicted(tokens: ModalityTokens, quantiles: Sequence[float]) -> Predicted:
    """What a decoder makes of no targets."""
    shape = (len(tokens.values), 0, tokens.shape.cells)
    mean = torch.zeros(shape, device=tokens.values.device)
    return mean, torch.zeros(*shape, len(quantiles), device=mean.device) if quantiles else None


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
        self.dropout = Dropout(config.dropout)

    def forward(
        self,
        queries: Float[Tensor, "batch n dim"],
        context: Float[Tensor, "batch m context_dim"],
        context_unseen: Unseen | None,
        query_unseen: UnseenQueries | None,
    ) -> Float[Tensor, "batch n dim"]:
        if self.norm_first:
            if self.self_norm is not None and self.self_attention is not None:
                queries = queries + self.dropout(self.self_attention(self.self_norm(queries), query_unseen))
            queries = queries + self.dropout(self.attention(self.attention_norm(queries), context, context_unseen))
            return queries + self.dropout(self.mlp(self.mlp_norm(queries)))
        if self.self_norm is not None and self.self_attention is not None:
            queries = self.self_norm(queries + self.dropout(self.self_attention(queries, query_unseen)))
        queries = self.attention_norm(queries + self.dropout(self.attention(queries, context, context_unseen)))
        normed: Tensor = self.mlp_norm(queries + self.dropout(self.mlp(queries)))
        return normed


class Decoder(nn.Module, ABC):
    """LayerNorm and linear head over queries that a subclass lets read the context; a head of quantiles where there are
    levels.

    First weights are drawn in the order in which parts are registered, so subclasses keep to it: their blocks, FiLM,
    feature maps, then `add_head`.

    Shape: queries [B, n, E], feature maps of [B, m, D], conditions [B, n, C], first values [B, n, cells], to which the
    head's are added -> mean [B, n, cells] and quantiles [B, n, cells, Q] or None, float32 or better.
    """

    film: nn.ModuleList

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.mask_token = nn.Parameter(torch.zeros(1, 1, config.decoder_dim))

    def add_head(self, config: ModelConfig, cells: int) -> None:
        """Register the parts that predict `cells` values for each query."""
        self.norm = nn.LayerNorm(config.decoder_dim)
        self.head = nn.Linear(config.decoder_dim, cells)
        self.quantile_head = QuantileHead(config.decoder_dim, cells, config.quantiles) if config.quantiles else None

    @abstractmethod
    def read(
        self,
        queries: Float[Tensor, "batch n dim"],
        query_unseen: UnseenQueries | None,
        maps: Sequence[Float[Tensor, "batch m context_dim"]],
        context_unseen: UnseenByLayer | None,
        conditions: Float[Tensor, "batch n condition"] | None,
    ) -> Float[Tensor, "batch n dim"]:
        """What the queries have read from the context after the last block."""

    def forward(
        self,
        queries: Float[Tensor, "batch n dim"],
        query_unseen: UnseenQueries | None,
        maps: Sequence[Float[Tensor, "batch m context_dim"]],
        context_unseen: UnseenByLayer | None,
        conditions: Float[Tensor, "batch n condition"] | None = None,
        first: Float[Tensor, "batch n cells"] | None = None,
    ) -> Predicted:
        queries = self.read(queries.to(self.head.weight.dtype), query_unseen, maps, context_unseen, conditions)
        with torch.autocast(queries.device.type, enabled=False):
            features = self.norm(queries.to(self.head.weight.dtype))  # [B, n, E]
            mean = self.head(features)  # [B, n, cells]
            mean = mean if first is None else mean + first
            mean = mean.to(torch.promote_types(mean.dtype, torch.float32))
            quantiles = None if self.quantile_head is None else self.quantile_head(features, mean)  # [B, n, cells, Q]
        return mean, quantiles

    def condition(self, layer: int, queries: Tensor, conditions: Tensor | None) -> Tensor:
        """The queries of a layer, modulated by the conditions where there are some."""
        if conditions is None or not self.film:
            return queries
        modulated: Tensor = self.film[layer](queries, conditions.to(queries.dtype))
        return modulated


class CrossDecoder(Decoder):
    """Queries attend to the context, each block to its own mixture of feature maps (CrossMAE, Fu et al. 2024).

    Args:
        config: sizes.
        cells: values to predict for each query.
        maps: feature maps the context holds, see `WeightedFeatureMaps`.
        film: whether conditions modulate the queries before every block.
    """

    def __init__(self, config: ModelConfig, cells: int, maps: int, film: bool) -> None:
        super().__init__(config)
        depth = config.decoder_layers
        self.blocks = nn.ModuleList(CrossBlock(config) for _ in range(depth))
        self.film = film_layers(config, film)
        self.feature_maps = WeightedFeatureMaps(maps, depth, config.d_model) if config.use_weighted_fm else None
        self.add_head(config, cells)

    def read(
        self,
        queries: Float[Tensor, "batch n dim"],
        query_unseen: UnseenQueries | None,
        maps: Sequence[Float[Tensor, "batch m context_dim"]],
        context_unseen: UnseenByLayer | None,
        conditions: Float[Tensor, "batch n condition"] | None,
    ) -> Float[Tensor, "batch n dim"]:
        """Attend to the feature map of each block."""
        contexts = self.feature_maps(list(maps)) if self.feature_maps is not None else [maps[-1]] * len(self.blocks)
        for i, block in enumerate(self.blocks):
            queries = block(
                self.condition(i, queries, conditions),
                contexts[i],
                of_layer(context_unseen, i),
                of_layer(query_unseen, i),
            )
        return queries


class StandardDecoder(Decoder):
    """Self-attention over the visible tokens, projected to the decoder's width, and the queries (He et al. 2022).

    Args:
        config: sizes.
        cells: values to predict for each query.
        film: whether conditions modulate the queries before every block.
    """

    def __init__(self, config: ModelConfig, cells: int, film: bool) -> None:
        super().__init__(config)
        self.context_projection = nn.Linear(config.d_model, config.decoder_dim)
        self.blocks = nn.ModuleList(TransformerLayer(config.decoder_dim, config) for _ in range(config.decoder_layers))
        self.film = film_layers(config, film)
        self.add_head(config, cells)

    def read(
        self,
        queries: Float[Tensor, "batch n dim"],
        query_unseen: UnseenQueries | None,
        maps: Sequence[Float[Tensor, "batch m context_dim"]],
        context_unseen: UnseenByLayer | None,
        conditions: Float[Tensor, "batch n condition"] | None,
    ) -> Float[Tensor, "batch n dim"]:
        """Attend to the last feature map and each other."""
        assert not isinstance(context_unseen, Division | Divided) and not isinstance(query_unseen, Division | Divided)
        context = self.context_projection(maps[-1])  # [B, m, E]
        padding = join_padding([context, queries], [context_unseen, query_unseen])
        for i, block in enumerate(self.blocks):
            queries = self.condition(i, queries, conditions)
            tokens = block(torch.cat([context, queries], dim=1), padding)  # [B, m + n, E]
            context, queries = tokens.split([context.shape[1], queries.shape[1]], dim=1)
        return queries


class QueryDecoder(Decoder):
    """Each query by itself, through MLPs: in a model without attention it holds all that is known.

    Args:
        config: sizes.
        cells: values to predict for each query.
        film: whether conditions modulate the queries before every MLP.
    """

    def __init__(self, config: ModelConfig, cells: int, film: bool) -> None:
        super().__init__(config)
        dim, depth = config.decoder_dim, config.decoder_layers
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(depth))
        self.mlps = nn.ModuleList(MLP(dim, config.activation, config.dropout) for _ in range(depth))
        self.dropout = Dropout(config.dropout)
        self.film = film_layers(config, film)
        self.add_head(config, cells)

    def read(
        self,
        queries: Float[Tensor, "batch n dim"],
        query_unseen: UnseenQueries | None,
        maps: Sequence[Float[Tensor, "batch m context_dim"]],
        context_unseen: UnseenByLayer | None,
        conditions: Float[Tensor, "batch n condition"] | None,
    ) -> Float[Tensor, "batch n dim"]:
        """There is no context to read."""
        for i, (norm, mlp) in enumerate(zip(self.norms, self.mlps, strict=True)):
            queries = self.condition(i, queries, conditions)
            queries = queries + self.dropout(mlp(norm(queries)))
        return queries


def film_layers(config: ModelConfig, film: bool) -> nn.ModuleList:
    """One FiLM for each decoder layer, or none."""
    depth = config.decoder_layers if film else 0
    return nn.ModuleList(FiLM(config.static_attr_dim, config.decoder_dim) for _ in range(depth))


def make_decoder(config: ModelConfig, cells: int, maps: int, film: bool) -> Decoder:
    """The decoder that `attention` and `use_cross_attn` ask for; arguments as those of `CrossDecoder`."""
    if config.attention == "none":
        return QueryDecoder(config, cells, film)
    return CrossDecoder(config, cells, maps, film) if config.use_cross_attn else StandardDecoder(config, cells, film)
