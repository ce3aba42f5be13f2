import pytest
import torch
from torch import Tensor

from hydromae.models.attention import CrossAttention, SelfAttention, join_padding
from support.attention import PADDING, textbook


@pytest.mark.parametrize("padding", [None, PADDING])
def test_self_attention_equals_the_textbook(padding: Tensor | None) -> None:
    torch.manual_seed(0)
    layer = SelfAttention(12, heads=3)
    tokens = torch.randn(2, 5, 12)
    q, k, v = (tokens.double() @ layer.qkv.weight.double().T + layer.qkv.bias.double()).split(12, dim=-1)
    expected = textbook(q, k, v, 3, padding) @ layer.projection.weight.double().T + layer.projection.bias.double()
    torch.testing.assert_close(layer(tokens, padding).double(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("padding", [None, PADDING])
def test_cross_attention_equals_the_textbook(padding: Tensor | None) -> None:
    torch.manual_seed(0)
    layer = CrossAttention(8, 12, heads=2)
    queries, context = torch.randn(2, 3, 8), torch.randn(2, 5, 12)
    k, v = (context.double() @ layer.kv.weight.double().T).split(8, dim=-1)
    mixed = textbook(queries.double() @ layer.q.weight.double().T, k, v, 2, padding)
    expected = mixed @ layer.projection.weight.double().T + layer.projection.bias.double()
    torch.testing.assert_close(layer(queries, context, padding).double(), expected, rtol=1e-5, atol=1e-5)


def test_attention_to_nothing_is_the_projection_of_zero_with_finite_gradients() -> None:
    layer = CrossAttention(8, 12, heads=2)
    queries, context = torch.randn(2, 3, 8, requires_grad=True), torch.randn(2, 5, 12, requires_grad=True)
    padding = torch.tensor([[True] * 5, [False] * 5])
    out = layer(queries, context, padding)
    assert torch.equal(out[0], layer.projection.bias.expand(3, 8))
    out.sum().backward()
    assert context.grad is not None and queries.grad is not None
    assert not context.grad[0].any() and context.grad[1].any()
    assert queries.grad.isfinite().all()
    none = layer(queries, context[:, :0], None)
    assert torch.equal(none, layer.projection.bias.expand(2, 3, 8))


def test_attention_dropout_acts_in_training_alone() -> None:
    layer, tokens = SelfAttention(8, heads=2, dropout=0.5), torch.randn(1, 6, 8)
    assert not torch.equal(layer(tokens), layer(tokens))
    layer.eval()
    assert torch.equal(layer(tokens), layer(tokens))


def test_joined_padding_marks_each_part_in_its_place() -> None:
    first, second = torch.zeros(2, 2, 1), torch.zeros(2, 3, 1)
    padding = torch.tensor([[False, True], [True, True]])
    joined = join_padding([first, second], [padding, None])
    assert joined is not None
    assert joined.tolist() == [[False, True, False, False, False], [True, True, False, False, False]]
    assert join_padding([first, second], [None, None]) is None
