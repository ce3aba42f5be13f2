import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sources import World

from hydromae.config import TrainingConfig
from hydromae.data.store import Store
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.training.optimizer import make_optimizer, make_schedule, relative_rate
from hydromae.training.setup import build_model
from training.small import small_config


@pytest.fixture(scope="module")
def model(prepared: tuple[World, Store]) -> MultiModalMAE:
    changes = {"use_weighted_fm": True, "use_input": True, "decoder_self_attn": True}
    return build_model(small_config(prepared[0], Path("unused"), model=changes), prepared[1])


def test_all_is_decayed_but_norms_biases_tokens_and_positions(model: MultiModalMAE) -> None:
    decayed, spared = make_optimizer(model, TrainingConfig(weight_decay=0.3)).param_groups
    assert decayed["weight_decay"] == 0.3 and spared["weight_decay"] == 0
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert sorted(names) == sorted(id(p) for group in (decayed, spared) for p in group["params"])
    kept = ("norm", "bias", "mask_token", "patch_position", "group_position", "modality_")
    for group, expected in ((decayed, True), (spared, False)):
        for parameter in group["params"]:
            name = names[id(parameter)]
            assert expected != any(word in name for word in kept), name


def test_decay_pulls_weights_to_zero_and_leaves_the_rest(model: MultiModalMAE) -> None:
    optimizer = make_optimizer(model, TrainingConfig(lr=0.1, weight_decay=0.5))
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    decayed = {id(p) for p in optimizer.param_groups[0]["params"]}
    for name, parameter in model.named_parameters():
        expected = before[name] * (1 - 0.1 * 0.5) if id(parameter) in decayed else before[name]
        torch.testing.assert_close(parameter.detach(), expected, msg=name)


@given(warmup=st.integers(0, 50), cosine=st.integers(1, 200), floor=st.floats(0, 1))
def test_the_rate_rises_linearly_and_falls_as_a_cosine_to_its_floor(warmup: int, cosine: int, floor: float) -> None:
    total = warmup + cosine
    rates = [relative_rate(step, warmup, total, floor) for step in range(total + 3)]
    assert rates[:warmup] == pytest.approx([(step + 1) / warmup for step in range(warmup)])
    fall = [floor + (1 - floor) * (1 + math.cos(math.pi * i / cosine)) / 2 for i in range(cosine + 1)]
    assert rates[warmup : total + 1] == pytest.approx(fall)
    assert rates[total:] == pytest.approx([floor] * 3) and max(rates) == pytest.approx(1)


@pytest.mark.parametrize(("epochs", "warmup_epochs", "warmup"), [(4, 1.5, 15), (4, 0, 0), (2, 5, 19)])
def test_the_schedule_counts_steps_of_all_epochs(epochs: int, warmup_epochs: float, warmup: int) -> None:
    config = TrainingConfig(epochs=epochs, warmup_epochs=warmup_epochs, lr=0.2, min_lr=0.05)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=config.lr)
    schedule = make_schedule(optimizer, config, steps_per_epoch=10)
    for step in range(epochs * 10 + 1):
        expected = 0.2 * relative_rate(step, warmup, epochs * 10, 0.25)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(expected)
        optimizer.step()
        schedule.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.05)
