"""Multi-head attention (Vaswani et al. 2017) on torch's fused kernels."""

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from hydromae.models.divided import Divided, Division

# True where a key is not seen: by any query, as padding, or by each one; or which groups of queries and keys see each
# other.
Unseen = Bool[Tensor, "batch keys"] | Bool[Tensor, "batch queries keys"] | Division
# The same in all layers, or by turns.
UnseenByLayer = Unseen | Divided
# What queries do not see of each other; their number has a name of its own beside that of the keys of a context.
UnseenQueries = Bool[Tensor, "batch n"] | Division | Divided


def attend(
    q: Float[Tensor, "batch queries dim"],
    k: Float[Tensor, "batch keys dim"],
    v: Float[Tensor, "batch keys dim"],
    heads: int,
    unseen: Unseen | None,
    dropout: float = 0.0,
) -> Float[Tensor, "batch queries dim"]:
    """Scaled dot-product attention of several heads; keys where `unseen` is True are not seen.

    Where all is seen no mask is built, which keeps the fused kernels in use on every device. Where a query sees no key,
    the result is 0.
    """
    if isinstance(unseen, Division):
        return _attend_divided(q, k, v, heads, unseen, dropout)
    q, k, v = (rearrange(x, "b n (h c) -> b h n c", h=heads) for x in (q, k, v))  # [B, H, n, D/H]
    if unseen is None:
        out = functional.scaled_dot_product_attention(q, k, v, dropout_p=dropout)
        return rearrange(out, "b h n c -> b n (h c)")  # [B, n, D]
    if unseen.ndim == 2:
        unseen = unseen[:, None]  # [B, 1 or queries, keys]
    # Some kernels make NaN of a row without keys: a query that sees none attends to all, and the result is set to 0.
    empty = unseen.all(2, keepdim=True)  # [B, 1 or queries, 1]
    mask = ~(unseen & ~empty)[:, None]  # [B, 1, 1 or queries, keys]
    out = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
    return rearrange(out, "b h n c -> b n (h c)").masked_fill(empty, 0.0)  # [B, n, D]


def _attend_divided(q: Tensor, k: Tensor, v: Tensor, heads: int, division: Division, dropout: float) -> Tensor:
    """`attend` within groups; a query of a group without keys reads static ones, if any."""
    keys, values = division.with_static(k), division.with_static(v)
    out = division.queries.restore(attend(division.queries.sort(q), keys, values, heads, division.unseen, dropout))
    if not len(division.static_queries):
        return out
    k, v = k[:, division.static_keys], v[:, division.static_keys]
    static = attend(q[:, division.static_queries], k, v, heads, None, dropout)
    return out.index_copy(1, division.static_queries, static)


def of_layer(unseen: UnseenByLayer | None, layer: int) -> Unseen | None:
    """What one layer of several does not see."""
    return unseen.of_layer(layer) if isinstance(unseen, Divided) else unseen


def attention_weights(
    q: Float[Tensor, "batch queries dim"],
    k: Float[Tensor, "batch keys dim"],
    heads: int,
    unseen: Unseen | None,
) -> Float[Tensor, "batch heads queries keys"]:
    """The weights by which `attend` adds up the values: rows add up to 1, or to 0 where a query sees no key.

    They are for a person to look at. `attend` never writes them out, since they need memory for every query and key.
    """
    q, k = (rearrange(x, "b n (h c) -> b h n c", h=heads) for x in (q, k))  # [B, H, n, D/H]
    scores = q @ k.mT / q.shape[-1] ** 0.5  # [B, H, queries, keys]
    if unseen is not None:
        unseen = unseen.dense() if isinstance(unseen, Division) else unseen
        hidden = unseen[:, None] if unseen.ndim == 2 else unseen  # [B, 1 or queries, keys]
        scores = scores.masked_fill(hidden[:, None], -torch.inf)
    return scores.softmax(-1).nan_to_num(0.0)


class SelfAttention(nn.Module):
    """Self-attention with packed queries, keys and values.

    Args:
        dim: width D of the tokens.
        heads: number of heads, a divisor of `dim`.
        dropout: of the attention weights, in training; above 0 it leaves the fused kernels.

    Shape: tokens [B, n, D], unseen [B, n] or [B, n, n] -> [B, n, D].
    """

    def __init__(self, dim: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.qkv = nn.Linear(dim, 3 * dim)
        self.projection = nn.Linear(dim, dim)

    def forward(
        self, tokens: Float[Tensor, "batch n dim"], unseen: Unseen | None = None
    ) -> Float[Tensor, "batch n dim"]:
        q, k, v = self.qkv(tokens).chunk(3, dim=-1)  # 3 x [B, n, D]
        out: Tensor = self.projection(attend(q, k, v, self.heads, unseen, self.dropout if self.training else 0.0))
        return out

    def weights(
        self, tokens: Float[Tensor, "batch n dim"], unseen: Unseen | None = None
    ) -> Float[Tensor, "batch heads n n"]:
        """The weights of `forward` without dropout, see `attention_weights`."""
        q, k, _ = self.qkv(tokens).chunk(3, dim=-1)  # 2 x [B, n, D]
        return attention_weights(q, k, self.heads, unseen)


class CrossAttention(nn.Module):
    """Attention of queries to a context of another width (CrossMAE, Fu et al. 2024): q and kv without bias.

    Args:
        dim: width D of the queries.
        context_dim: width E of the context.
        heads: number of heads, a divisor of `dim`.
        dropout: of the attention weights, in training.

    Shape: queries [B, n, D], context [B, m, E], unseen [B, m] or [B, n, m] -> [B, n, D].
    """

    def __init__(self, dim: int, context_dim: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.q = nn.Linear(dim, dim, bias=False)
        self.kv = nn.Linear(context_dim, 2 * dim, bias=False)
        self.projection = nn.Linear(dim, dim)

    def forward(
        self,
        queries: Float[Tensor, "batch n dim"],
        context: Float[Tensor, "batch m context_dim"],
        unseen: Unseen | None = None,
    ) -> Float[Tensor, "batch n dim"]:
        k, v = self.kv(context).chunk(2, dim=-1)  # 2 x [B, m, D]
        dropout = self.dropout if self.training else 0.0
        out: Tensor = self.projection(attend(self.q(queries), k, v, self.heads, unseen, dropout))
        return out


def join_padding(
    parts: list[Float[Tensor, "batch _ dim"]], paddings: list[Bool[Tensor, "batch _"] | None]
) -> Bool[Tensor, "batch n"] | None:
    """Padding of sequences put one after another; None where no part has any."""
    if all(padding is None for padding in paddings):
        return None
    return torch.cat(
        [
            torch.zeros(part.shape[:2], dtype=torch.bool, device=part.device) if padding is None else padding
            for part, padding in zip(parts, paddings, strict=True)
        ],
        dim=1,
    )  # [B, sum of n]
