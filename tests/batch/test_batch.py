import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hydromae.base.hashing import random_keys
from hydromae.batch.batch import Batch, ModalityTokens, scatter, split_missing
from hydromae.masks.exact import select
from hydromae.tokens.selection import Selection
from hydromae.tokens.shape import TokenShape, from_tokens, to_tokens

SHAPES = st.sampled_from(
    [
        TokenShape("grid", 4, 1, 3),
        TokenShape("grid", 4, 2, 3),
        TokenShape("series", 2, 1, 5),
        TokenShape("series", 3, 2, 7),
    ]
)


def tokens_of(shape: TokenShape, window: torch.Tensor, chosen: torch.Tensor) -> ModalityTokens:
    values, valid = split_missing(to_tokens(window, shape))
    keys = random_keys(torch.arange(len(window)), values.shape[1], seed=0, epoch=0, stream="test")
    return ModalityTokens(values, valid, select(~chosen, keys), select(chosen, keys), shape)


@settings(deadline=None)
@given(shape=SHAPES, n_days=st.integers(1, 6), seed=st.integers(0, 1000), ratio=st.sampled_from([0.0, 0.3, 1.0]))
def test_scattered_predictions_stand_where_their_tokens_were_and_nowhere_else(
    shape: TokenShape, n_days: int, seed: int, ratio: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    places = (shape.width, shape.size) if shape.kind == "grid" else (shape.width,)
    window = torch.randn(3, n_days, *places, generator=generator)
    chosen = torch.rand(3, shape.slots(n_days) * shape.places, generator=generator) < ratio
    tokens = tokens_of(shape, window, chosen)
    perfect = tokens.target.take(to_tokens(window, shape))
    found = scatter(perfect, tokens, n_days)
    hidden = from_tokens(chosen[..., None].expand(-1, -1, shape.cells).float(), shape, n_days).bool()
    assert found.shape == window.shape
    assert torch.equal(found[hidden], window[hidden])
    assert found[~hidden].isnan().all()


def test_scatter_ignores_padding_that_points_at_a_target() -> None:
    shape = TokenShape("series", 1, 1, 2)
    target = Selection(torch.tensor([[1, 1, 1], [0, 2, 3]]), torch.tensor([[True, False, True], [False] * 3]))
    values = torch.zeros(2, 4, 1)
    tokens = ModalityTokens(values, values == 0, target, target, shape)
    predicted = torch.tensor([[[7.0], [8.0], [9.0]], [[1.0], [2.0], [3.0]]])
    found = scatter(predicted, tokens, 2)
    torch.testing.assert_close(found[0], torch.tensor([[torch.nan, 8.0], [torch.nan, torch.nan]]), equal_nan=True)
    torch.testing.assert_close(found[1], torch.tensor([[1.0, torch.nan], [2.0, 3.0]]), equal_nan=True)


def test_scatter_lets_gradients_through_to_real_predictions_alone() -> None:
    shape = TokenShape("series", 1, 1, 2)
    target = Selection(torch.tensor([[0, 1]]), torch.tensor([[False, True]]))
    values = torch.zeros(1, 4, 1)
    predicted = torch.ones(1, 2, 1, requires_grad=True)
    scatter(predicted, ModalityTokens(values, values == 0, target, target, shape), 2).nansum().backward()
    assert predicted.grad is not None and predicted.grad.flatten().tolist() == [1.0, 0.0]


def test_missing_values_become_zero_and_are_known_to_be_missing() -> None:
    values, valid = split_missing(torch.tensor([[[1.0, torch.nan], [0.0, -2.0]]]))
    assert values.tolist() == [[[1.0, 0.0], [0.0, -2.0]]]
    assert valid.tolist() == [[[True, False], [True, True]]]


def test_modalities_of_different_batch_sizes_are_refused() -> None:
    shape = TokenShape("series", 1, 1, 1)

    def tokens(size: int) -> ModalityTokens:
        none = Selection(torch.zeros(size, 0, dtype=torch.long), None)
        values = torch.zeros(size, 1, 1)
        return ModalityTokens(values, values == 0, none, none, shape)

    assert Batch({"a": tokens(2), "b": tokens(2)}, None, None, 1).size == 2
    with pytest.raises(ValueError, match="batch size"):
        Batch({"a": tokens(2), "b": tokens(3)}, None, None, 1)
