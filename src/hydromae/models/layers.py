"""The transformer layer that encoders, fusion and the standard decoder are built of."""

from jaxtyping import Float
from torch import Tensor, nn

from hydromae.config import ModelConfig
from hydromae.models.attention import SelfAttention, Unseen
from hydromae.models.dropout import Dropout

ACTIVATIONS: dict[str, type[nn.Module]] = {"gelu": nn.GELU, "relu": nn.ReLU}


class MLP(nn.Sequential):
    """Two linear layers, the inner one four times as wide.

    Shape: [B, n, D] -> [B, n, D].
    """

    def __init__(self, dim: int, activation: str, dropout: float) -> None:
        super().__init__(
            nn.Linear(dim, 4 * dim),  # [B, n, 4D]
            ACTIVATIONS[activation](),
            Dropout(dropout),
            nn.Linear(4 * dim, dim),  # [B, n, D]
        )


class TransformerLayer(nn.Module):
    """Self-attention and MLP, each with a residual (Vaswani et al. 2017; pre-norm as Xiong et al. 2020).

    torch's own nn.TransformerEncoderLayer applies dropout to the attention weights, which leaves the fused kernels,
    and its inference path is slower than they are; this layer drops on the residual branches.

    Args:
        dim: width D of the tokens.
        config: nhead, dropout, attention_dropout, norm_first and activation are read.

    Shape: tokens [B, n, D], unseen [B, n] or [B, n, n] -> [B, n, D].
    """

    def __init__(self, dim: int, config: ModelConfig) -> None:
        super().__init__()
        self.norm_first = config.norm_first
        self.attention_norm = nn.LayerNorm(dim)
        self.attention = SelfAttention(dim, config.nhead, config.attention_dropout)
        self.mlp_norm = nn.LayerNorm(dim)
        self.mlp = MLP(dim, config.activation, config.dropout)
        self.dropout = Dropout(config.dropout)

    def forward(
        self, tokens: Float[Tensor, "batch n dim"], unseen: Unseen | None = None
    ) -> Float[Tensor, "batch n dim"]:
        if self.norm_first:
            tokens = tokens + self.dropout(self.attention(self.attention_norm(tokens), unseen))
            return tokens + self.dropout(self.mlp(self.mlp_norm(tokens)))
        tokens = self.attention_norm(tokens + self.dropout(self.attention(tokens, unseen)))
        normed: Tensor = self.mlp_norm(tokens + self.dropout(self.mlp(tokens)))
        return normed
