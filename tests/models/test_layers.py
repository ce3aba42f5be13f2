import math

import pytest
import torch
from torch import Tensor, nn

from hydromae.models.decoder import CrossBlock
from hydromae.models.layers import MLP, TransformerLayer
from support.attention import PADDING, textbook
from support.tiny import randomise, tiny_config


def normed(x: Tensor, norm: nn.LayerNorm) -> Tensor:
    mean, variance = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, unbiased=False)
    return (x - mean) / (variance + norm.eps).sqrt() * norm.weight.double() + norm.bias.double()


def linear(x: Tensor, layer: nn.Linear) -> Tensor:
    out = x @ layer.weight.double().T
    return out if layer.bias is None else out + layer.bias.double()


def perceptron(x: Tensor, mlp: MLP, activation: str) -> Tensor:
    inner = linear(x, mlp[0])
    active = inner * (1 + torch.erf(inner / math.sqrt(2))) / 2 if activation == "gelu" else inner.clamp(min=0)
    return linear(active, mlp[3])


def self_attention(x: Tensor, layer: TransformerLayer, padding: Tensor | None) -> Tensor:
    q, k, v = linear(x, layer.attention.qkv).chunk(3, dim=-1)
    return linear(textbook(q, k, v, layer.attention.heads, padding), layer.attention.projection)


@pytest.mark.parametrize("padding", [None, PADDING])
@pytest.mark.parametrize("activation", ["gelu", "relu"])
@pytest.mark.parametrize("norm_first", [True, False])
def test_transformer_layer_equals_the_textbook(norm_first: bool, activation: str, padding: Tensor | None) -> None:
    layer = TransformerLayer(16, tiny_config(norm_first=norm_first, activation=activation))
    randomise(layer)
    tokens = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(1))
    x = tokens.double()
    if norm_first:
        x = x + self_attention(normed(x, layer.attention_norm), layer, padding)
        x = x + perceptron(normed(x, layer.mlp_norm), layer.mlp, activation)
    else:
        x = normed(x + self_attention(x, layer, padding), layer.attention_norm)
        x = normed(x + perceptron(x, layer.mlp, activation), layer.mlp_norm)
    torch.testing.assert_close(layer(tokens, padding).double(), x, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("padding", [None, PADDING])
@pytest.mark.parametrize("norm_first", [True, False])
def test_cross_block_equals_the_textbook(norm_first: bool, padding: Tensor | None) -> None:
    block = CrossBlock(tiny_config(norm_first=norm_first))
    randomise(block)
    generator = torch.Generator().manual_seed(1)
    queries, context = torch.randn(2, 3, 8, generator=generator), torch.randn(2, 5, 16, generator=generator)

    def cross(x: Tensor) -> Tensor:
        k, v = linear(context.double(), block.attention.kv).chunk(2, dim=-1)
        mixed = textbook(linear(x, block.attention.q), k, v, block.attention.heads, padding)
        return linear(mixed, block.attention.projection)

    x = queries.double()
    if norm_first:
        x = x + cross(normed(x, block.attention_norm))
        x = x + perceptron(normed(x, block.mlp_norm), block.mlp, "gelu")
    else:
        x = normed(x + cross(x), block.attention_norm)
        x = normed(x + perceptron(x, block.mlp, "gelu"), block.mlp_norm)
    torch.testing.assert_close(block(queries, context, padding, None).double(), x, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("norm_first", [True, False])
def test_queries_reach_each_other_only_with_self_attention(norm_first: bool) -> None:
    for self_attention_on in (True, False):
        block = CrossBlock(tiny_config(norm_first=norm_first, decoder_self_attn=self_attention_on))
        randomise(block)
        queries, context = torch.randn(1, 3, 8), torch.randn(1, 4, 16)
        changed = queries.clone()
        changed[:, 2, 0] += 1.0  # not all of it alike, which a norm takes away
        same = torch.equal(block(queries, context, None, None)[:, :2], block(changed, context, None, None)[:, :2])
        assert same is not self_attention_on


def test_dropout_acts_in_training_alone() -> None:
    layer, tokens = TransformerLayer(16, tiny_config(dropout=0.5)), torch.randn(1, 5, 16)
    assert not torch.equal(layer(tokens), layer(tokens))
    layer.eval()
    assert torch.equal(layer(tokens), layer(tokens))
