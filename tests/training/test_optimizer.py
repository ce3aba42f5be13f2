import copy
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hydromae.base.errors import ConfigError
from hydromae.config import TrainingConfig
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.store.store import Store
from hydromae.training.optimizer import (
    decayed_parameters,
    freeze,
    make_optimizer,
    make_schedule,
    present_rate,
    relative_rate,
)
from hydromae.training.setup import build_model
from support.small import small_config
from support.sources import World


@pytest.fixture(scope="module")
def model(prepared: tuple[World, Store]) -> MultiModalMAE:
    changes = {"use_weighted_fm": True, "use_input": True, "decoder_self_attn": True, "recurrent_dim": 4}
    return build_model(small_config(prepared[0], Path("unused"), model=changes), prepared[1])


def test_all_is_decayed_but_norms_biases_tokens_and_positions(model: MultiModalMAE) -> None:
    decayed, spared = make_optimizer(model, TrainingConfig(weight_decay=0.3)).param_groups
    assert decayed["weight_decay"] == 0.3 and spared["weight_decay"] == 0
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert sorted(names) == sorted(id(p) for group in (decayed, spared) for p in group["params"])
    kept = ("norm", "bias", "mask_token", "patch_position", "group_position", "modality_", "calendar", "mixture")
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


def test_the_calendar_and_the_mixtures_of_feature_maps_are_not_decayed(model: MultiModalMAE) -> None:
    spared = {name for name, _ in model.named_parameters()} - decayed_parameters(model)
    assert {name for name in spared if name.endswith(".weight") and "norm" not in name} == {
        *(f"{name}_{part}.time.calendar.mixture.weight" for name in model.shapes for part in ("encoder", "decoder")),
        *(f"{name}_decoder.decoder.feature_maps.mixture.weight" for name in model.shapes),
        "station_states.calendar.mixture.weight",
    }


def test_a_recurrence_is_decayed_as_linear_layers_are(model: MultiModalMAE) -> None:
    recurrence = {name for name in decayed_parameters(model) if name.startswith("station_states.")}
    inputs = {f"station_states.inputs.{key}" for key in model.station_states.inputs}
    lstm = {"station_states.lstm.weight_ih_l0", "station_states.lstm.weight_hh_l0"}
    assert recurrence == {*inputs, *lstm, "station_states.attributes.weight"}


def test_parts_with_a_rate_of_their_own_keep_its_ratio_over_the_whole_schedule(model: MultiModalMAE) -> None:
    scales = {"*_encoder": 0.1, "soil_encoder.*.bias": 0.5, "precip_decoder": 0.0, "*.head": 2.0}
    config = TrainingConfig(lr=0.2, min_lr=0.1, warmup_epochs=1, epochs=3, lr_scale=scales)
    optimizer = make_optimizer(model, config)
    schedule = make_schedule(optimizer, config, steps_per_epoch=4)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert sorted(id(p) for group in optimizer.param_groups for p in group["params"]) == sorted(names)
    for step in range(12):
        rate = 0.2 * relative_rate(step, 4, 12, 0.5)
        assert present_rate(schedule, config) == pytest.approx(rate) == optimizer.param_groups[0]["lr"]
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                name = names[id(parameter)]
                expected = 1.0
                if "_encoder" in name:
                    expected = 0.5 if name.startswith("soil") and name.endswith("bias") else 0.1
                elif ".head." in name:  # the last pattern counts
                    expected = 2.0
                elif name.startswith("precip_decoder"):
                    expected = 0.0
                assert group["lr"] == pytest.approx(rate * expected), name
        optimizer.step()
        schedule.step()


def test_frozen_parts_are_in_no_group(model: MultiModalMAE) -> None:
    frozen = copy.deepcopy(model)
    names = freeze(frozen, ["precip_encoder", "*_decoder.decoder.blocks.0", "*.norm.weight"])
    held = {id(p) for group in make_optimizer(frozen, TrainingConfig()).param_groups for p in group["params"]}
    for name, parameter in frozen.named_parameters():
        chosen = name.startswith("precip_encoder.") or ".decoder.blocks.0." in name or name.endswith(".norm.weight")
        assert chosen == (name in names) == (id(parameter) not in held) == (not parameter.requires_grad), name
    freeze(frozen, ["*"])
    with pytest.raises(ConfigError, match=r"training\.freeze leaves nothing to train; name fewer parts"):
        make_optimizer(frozen, TrainingConfig())


@pytest.mark.parametrize(
    ("pattern", "near"),
    [("precip_encodr", "near to it are precip_encoder"), ("zzz", "the parts are .*precip_encoder, precip_decoder, ")],
)
def test_a_pattern_that_is_like_no_part_is_refused_with_names_near_it(
    model: MultiModalMAE, pattern: str, near: str
) -> None:
    with pytest.raises(
        ConfigError, match=rf"training\.freeze has {pattern}, which is like no part of the model; {near}"
    ):
        freeze(model, [pattern])
    with pytest.raises(ConfigError, match=rf"training\.lr_scale has {pattern}, which is like no part"):
        make_optimizer(model, TrainingConfig(lr_scale={pattern: 0.1}))


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
