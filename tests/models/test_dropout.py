"""Dropout that draws few random bits drops and scales as torch's does."""

import copy

import pytest
import torch
from torch.nn import functional

from hydromae.models.dropout import _FEW, Dropout

MANY = 4 * _FEW


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9])
def test_the_share_that_is_dropped_and_the_mean_are_those_that_were_asked_for(share: float) -> None:
    torch.manual_seed(0)
    out = Dropout(share)(torch.ones(MANY))
    kept = out[out > 0]
    deviation = (share * (1 - share) / MANY) ** 0.5
    assert abs(1 - len(kept) / MANY - share) < 4 * deviation
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - share)), rtol=2e-4 if share < 0.9 else 1e-3, atol=0)


def test_values_are_dropped_independently_of_their_neighbours() -> None:
    torch.manual_seed(1)
    dropped = (Dropout(0.3)(torch.ones(MANY)) == 0).double()
    for lag in (1, 2, 3, 4, 8, 256):
        together = (dropped[:-lag] * dropped[lag:]).mean()
        assert abs(together - 0.09) < 4 * (0.09 * 0.91 / MANY) ** 0.5, lag


def test_a_gradient_passes_where_its_value_did() -> None:
    torch.manual_seed(2)
    values = torch.randn(MANY, requires_grad=True)
    out = Dropout(0.25)(values)
    out.sum().backward()
    torch.testing.assert_close(values.grad * values, out)


def test_one_seed_gives_one_dropout_and_the_state_of_the_generator_goes_on_from_it() -> None:
    layer, values = Dropout(0.1), torch.randn(3, MANY // 3)
    torch.manual_seed(3)
    first = layer(values)
    state = torch.get_rng_state()
    second = layer(values)
    torch.set_rng_state(state)
    assert torch.equal(layer(values), second) and not torch.equal(first, second)
    torch.manual_seed(3)
    assert torch.equal(layer(values), first)


@pytest.mark.parametrize(("share", "training", "count"), [(0.1, True, 100), (0.1, False, MANY), (0.0, True, MANY)])
def test_where_there_is_little_to_gain_it_is_that_of_torch(share: float, training: bool, count: int) -> None:
    layer, values = Dropout(share).train(training), torch.randn(count)
    torch.manual_seed(4)
    ours = layer(values)
    torch.manual_seed(4)
    assert torch.equal(ours, functional.dropout(values, share, training))


def test_half_precision_keeps_its_type_and_a_copy_of_the_layer_works() -> None:
    values = torch.ones(MANY, dtype=torch.bfloat16)
    out = copy.deepcopy(Dropout(0.5))(values)
    assert out.dtype is torch.bfloat16 and set(out.float().unique().tolist()) == {0.0, 2.0}
