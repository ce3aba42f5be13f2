import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hydromae.models.losses import pinball, squared_error, weighted_total
from support.tokens import some_tokens


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), padded=st.booleans())
def test_loss_is_the_mean_over_valid_target_values(seed: int, padded: bool) -> None:
    predicted, tokens = some_tokens(seed, padded)
    errors = []
    for b in range(2):
        for k in range(3):
            if tokens.target.padding is None or not tokens.target.padding[b, k]:
                token = tokens.target.index[b, k]
                seen = tokens.valid[b, token].numpy()
                errors += list((predicted[b, k].numpy() - tokens.values[b, token].numpy())[seen])
    total, count = squared_error(predicted, tokens)
    assert count == len(errors)
    assert math.isclose(float(total), float(np.square(np.array(errors, dtype=np.float64)).sum()), rel_tol=1e-5)


def test_unscored_predictions_receive_no_gradient_whatever_they_are() -> None:
    predicted, tokens = some_tokens(0, True)
    scored = tokens.target.take(tokens.valid) & tokens.target.real[..., None]
    predicted = torch.where(scored, predicted, torch.nan).requires_grad_()
    total, _ = squared_error(predicted, tokens)
    total.backward()
    assert total.isfinite() and predicted.grad is not None
    assert predicted.grad.isfinite().all()
    assert torch.equal(predicted.grad != 0, scored)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_errors_are_summed_in_single_precision_or_better(dtype: torch.dtype) -> None:
    predicted, tokens = some_tokens(0, False)
    total, count = squared_error(predicted.to(dtype), tokens)
    assert total.dtype == count.dtype == torch.promote_types(dtype, torch.float32)


def test_weights_count_the_squares_and_their_roots_the_pinball_losses() -> None:
    predicted, tokens = some_tokens(0, True)
    weights = torch.rand(tokens.values.shape, generator=torch.Generator().manual_seed(1))
    weighted = replace(tokens, weights=weights)
    of_targets = tokens.target.take(weights).sqrt()
    # An error of r times the size costs r^2 as a square and r in the pinball loss.
    scaled = replace(tokens, values=tokens.values * weights.sqrt())
    total, count = squared_error(predicted, weighted)
    as_scaled, count_without = squared_error(predicted * of_targets, scaled)
    torch.testing.assert_close(total, as_scaled)
    assert count == count_without
    quantiles = torch.stack([predicted, predicted + 1], dim=-1)
    torch.testing.assert_close(
        pinball(quantiles, [0.1, 0.7], weighted), pinball(quantiles * of_targets[..., None], [0.1, 0.7], scaled)
    )


def test_losses_that_no_weight_names_count_once() -> None:
    losses = {"a_loss": torch.tensor(2.0), "b_loss": torch.tensor(3.0)}
    assert weighted_total(losses, {"a_loss": 10.0}) == 23.0
    assert weighted_total(losses, {}) == 5.0
