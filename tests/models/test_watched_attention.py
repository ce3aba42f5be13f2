import pytest
import torch
from einops import rearrange
from torch import nn

from hydromae.config import ModelConfig
from hydromae.models.attention import SelfAttention, Unseen
from hydromae.models.layers import TransformerLayer
from hydromae.models.watched_attention import watched_attention
from support.attention import PADDING

LATER = torch.ones(2, 5, 5, dtype=torch.bool).triu(1)
NOTHING = torch.tensor([[True] * 5, [False] * 5])


@pytest.mark.parametrize("unseen", [None, PADDING, LATER, NOTHING])
def test_weights_with_the_values_are_what_attention_gives(unseen: Unseen | None) -> None:
    layer, tokens = SelfAttention(12, heads=3, dropout=0.5).eval(), torch.randn(2, 5, 12)
    weights = layer.weights(tokens, unseen)
    values = rearrange(layer.qkv(tokens).chunk(3, -1)[2], "b n (h c) -> b h n c", h=3)
    out = layer.projection(rearrange(weights @ values, "b h n c -> b n (h c)"))
    torch.testing.assert_close(out, layer(tokens, unseen), rtol=1e-5, atol=1e-6)
    seen = torch.ones(2) if unseen is not NOTHING else torch.tensor([0.0, 1.0])
    torch.testing.assert_close(weights.sum(-1), seen[:, None, None].expand(2, 3, 5))


def test_watching_changes_nothing_and_ends() -> None:
    layers = nn.ModuleList(
        TransformerLayer(12, ModelConfig(d_model=12, decoder_dim=12, nhead=3, dropout=0.0)) for _ in range(2)
    )
    tokens = torch.randn(2, 5, 12)
    with watched_attention(layers) as seen:
        watched = layers[1](layers[0](tokens, PADDING), PADDING)
    assert torch.equal(watched, layers[1](layers[0](tokens, PADDING), PADDING))
    assert len(seen) == 2 and torch.equal(
        seen[0], layers[0].attention.weights(layers[0].attention_norm(tokens), PADDING)
    )
