from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from hydromae.batch.batch import Batch, ModalityTokens
from hydromae.config import ModelConfig
from hydromae.models.losses import loss_sums, pinball, scored_cells, squared_error
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.models.quantile_head import QuantileHead
from hydromae.tokens.selection import Selection
from hydromae.tokens.shape import TokenShape
from support.tiny import map_tokens, only, plain_dict, tiny_config, tiny_model
from support.tokens import some_tokens

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def model_and_batch(levels: Sequence[float] = LEVELS) -> tuple[MultiModalMAE, Batch]:
    config = tiny_config(quantiles=levels)
    model = tiny_model(config).eval()
    return model, model.as_batch(plain_dict(config))


@settings(max_examples=60, deadline=None)
@given(
    # Thousandths: levels that differ by a rounding have no distance that could be learnt.
    levels=st.lists(st.integers(1, 999).map(lambda n: n / 1000), min_size=1, max_size=7, unique=True).map(sorted),
    scale=st.sampled_from([0.0, 1e-6, 1.0, 1e3, 1e8]),
    seed=st.integers(0, 1000),
)
def test_quantiles_never_cross_whatever_the_weights(levels: list[float], scale: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    head = QuantileHead(4, 3, levels)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
        features, mean = torch.randn(2, 5, 4, generator=generator), torch.randn(2, 5, 3, generator=generator)
        quantiles = head(features, scale * mean)
    assert quantiles.shape == (2, 5, 3, len(levels)) and quantiles.isfinite().all()
    assert (quantiles.diff(dim=-1) >= 0).all()


@pytest.mark.parametrize("levels", [LEVELS, (0.5,), (0.9, 0.99), (0.1, 0.4)])
def test_quantiles_start_as_those_of_a_normal_distribution_around_the_mean(levels: tuple[float, ...]) -> None:
    mean = torch.tensor([[[-1.0, 2.0]]])
    quantiles = QuantileHead(4, 2, levels)(torch.zeros(1, 1, 4), mean)
    expected = mean[..., None] + 0.5 * torch.tensor([NormalDist().inv_cdf(level) for level in levels])
    torch.testing.assert_close(quantiles, expected)


def test_a_model_without_quantiles_has_the_tensors_it_would_have_with_none() -> None:
    without, names = tiny_model(tiny_config()), tiny_model(tiny_config(quantiles=LEVELS)).state_dict()
    added = names.keys() - without.state_dict().keys()
    assert without.state_dict().keys() <= names.keys()
    assert added == {
        f"{m}_decoder.decoder.quantile_head.projection.{part}" for m in without.shapes for part in ("weight", "bias")
    }
    found = without.predict_with_quantiles(without.as_batch(plain_dict(without.config)))
    assert all(quantiles is None for _, quantiles in found.values())


def test_the_mean_is_that_of_the_model_without_quantiles() -> None:
    model, batch = model_and_batch()
    plain = tiny_model(tiny_config())
    plain.load_state_dict({name: w for name, w in model.state_dict().items() if "quantile_head" not in name})
    for name, (mean, quantiles) in model.predict_with_quantiles(batch).items():
        assert torch.equal(mean, plain.eval().predict(batch)[name]) and torch.equal(mean, model.predict(batch)[name])
        assert quantiles is not None and quantiles.shape == (*mean.shape, len(LEVELS))


def test_pinball_teaches_the_mean_and_its_head_nothing() -> None:
    model, batch = model_and_batch()
    mean, quantiles = model.predict_with_quantiles(batch)["riverflow"]
    head = model.get_parameter("riverflow_decoder.decoder.head.weight")
    with_pinball = torch.autograd.grad(
        loss_sums(mean, quantiles, LEVELS, batch.tokens["riverflow"]).sum(), head, retain_graph=True
    )
    alone = torch.autograd.grad(squared_error(mean, batch.tokens["riverflow"])[0], head)
    assert torch.equal(with_pinball[0], alone[0])


def test_hidden_values_cannot_influence_quantiles() -> None:
    model, batch = model_and_batch()

    def garbage(tokens: ModalityTokens) -> ModalityTokens:
        seen = torch.zeros_like(tokens.valid).scatter(
            1, tokens.visible.index[..., None].expand(-1, -1, tokens.shape.cells), tokens.visible.real[..., None]
            .expand(-1, -1, tokens.shape.cells)
        )  # fmt: skip
        return replace(tokens, values=torch.where(seen, tokens.values, 1e6 * torch.randn_like(tokens.values)))

    changed = map_tokens(batch, garbage)
    before, after = model.predict_with_quantiles(batch), model.predict_with_quantiles(changed)
    for name, tokens in batch.tokens.items():
        assert not torch.equal(tokens.values, changed.tokens[name].values)
        real = tokens.target.real
        assert torch.equal(before[name][1][real], after[name][1][real])


def test_quantiles_do_not_depend_on_batch_mates() -> None:
    model, batch = model_and_batch()
    together = model.predict_with_quantiles(batch)
    for sample in range(batch.size):
        for name, (_, alone) in model.predict_with_quantiles(only(batch, sample)).items():
            real = batch.tokens[name].target.real[sample]
            torch.testing.assert_close(together[name][1][sample, real], alone[0], rtol=1e-9, atol=1e-9)


def test_total_loss_holds_pinball_with_the_weight_of_its_modality() -> None:
    config = tiny_config(quantiles=LEVELS)
    model = tiny_model(config).eval()
    model.task_weights = {"riverflow_loss": 5.0}
    total, losses = model(plain_dict(config))
    assert {f"{m}_{kind}" for m in model.shapes for kind in ("loss", "pinball")} == losses.keys()
    weighed = [(5.0 if "riverflow" in name else 1.0) * loss for name, loss in losses.items()]
    torch.testing.assert_close(total, torch.stack(weighed).sum())


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), padded=st.booleans())
def test_pinball_is_the_mean_over_levels_summed_over_scored_values(seed: int, padded: bool) -> None:
    predicted, tokens = some_tokens(seed, padded)
    quantiles = predicted[..., None] + torch.tensor(LEVELS)
    truth, scored = tokens.target.take(tokens.values), scored_cells(tokens)
    expected = 0.0
    for b, n, c in scored.nonzero().tolist():
        for level, p in zip(LEVELS, quantiles[b, n, c].tolist(), strict=True):
            y = float(truth[b, n, c])
            expected += (level * (y - p) if y >= p else (1 - level) * (p - y)) / len(LEVELS)
    assert float(pinball(quantiles, LEVELS, tokens)) == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_the_gradient_of_pinball_is_the_numeric_one() -> None:
    predicted, tokens = some_tokens(3, True)
    tokens = replace(tokens, values=tokens.values.double())
    quantiles = (predicted[..., None] + torch.tensor(LEVELS)).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda q: pinball(q, LEVELS, tokens), (quantiles,))
    pinball(quantiles, LEVELS, tokens).backward()
    assert torch.equal(quantiles.grad != 0, scored_cells(tokens)[..., None].expand_as(quantiles))


def test_the_gradient_of_a_head_is_the_numeric_one() -> None:
    head = QuantileHead(3, 2, LEVELS).double()
    features = torch.randn(1, 4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda f: head(f, torch.zeros(1, 4, 2, dtype=torch.float64)), (features,))


def test_unscored_quantiles_receive_no_gradient_whatever_they_are() -> None:
    predicted, tokens = some_tokens(0, True)
    scored = scored_cells(tokens)[..., None]
    quantiles = torch.where(scored, predicted[..., None] + torch.tensor(LEVELS), torch.nan).requires_grad_()
    pinball(quantiles, LEVELS, tokens).backward()
    assert quantiles.grad is not None and quantiles.grad.isfinite().all()
    assert torch.equal(quantiles.grad != 0, scored.expand_as(quantiles))


@pytest.mark.slow
def test_fitted_quantiles_are_those_of_a_distribution_whose_spread_depends_on_what_is_seen() -> None:
    generator = torch.Generator().manual_seed(0)

    def draw(size: int) -> tuple[Tensor, Tensor]:
        seen = torch.rand(size, 1, 1, generator=generator)
        # An exponential distribution is skewed: its mean is none of its middle quantiles.
        spread = 0.2 + seen
        return seen, spread * torch.empty(size, 1, 1).exponential_(generator=generator)

    def tokens_of(values: Tensor) -> ModalityTokens:
        every = Selection(torch.zeros(len(values), 1, dtype=torch.int64), None)
        return ModalityTokens(
            values, torch.ones_like(values, dtype=torch.bool), every, every, TokenShape("grid", 1, 1, 1)
        )

    torch.manual_seed(0)
    body = torch.nn.Sequential(torch.nn.Linear(1, 16), torch.nn.Tanh())
    mean_head, head = torch.nn.Linear(16, 1), QuantileHead(16, 1, LEVELS)
    optimizer = torch.optim.Adam([*body.parameters(), *mean_head.parameters(), *head.parameters()], lr=1e-2)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, total_iters=1200)
    for _ in range(1200):
        seen, truth = draw(1000)
        features = body(seen)
        mean = mean_head(features)
        loss = loss_sums(mean, head(features, mean), LEVELS, tokens_of(truth)).sum() / len(truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    new, observed = draw(8000)
    with torch.no_grad():
        features = body(new)
        mean = mean_head(features)
        quantiles = head(features, mean)
    # Over all, and in the narrow and the wide part alone: a share of 4000 deviates by 0.008 at the most.
    for part in (new > -1, new < 0.5, new >= 0.5):
        below = (observed[..., None] <= quantiles)[part]  # [values, Q]
        assert below.double().mean(0).tolist() == pytest.approx(LEVELS, abs=0.03)
    exact = (0.2 + new)[..., None] * -torch.log1p(-torch.tensor(LEVELS))
    assert ((quantiles - exact).abs() / (0.2 + new)[..., None]).mean((0, 1, 2)).max() < 0.25
    assert ((mean - 0.2 - new).abs() / (0.2 + new)).mean() < 0.1


@pytest.mark.parametrize("levels", [(0.5, 0.1), (0.5, 0.5), (0.0, 0.5), (0.5, 1.0), (0.1, 0.5, 0.50001)])
def test_levels_that_do_not_rise_between_0_and_1_are_refused(levels: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError, match="levels must lie between 0 and 1 and rise"):
        ModelConfig(quantiles=levels)
