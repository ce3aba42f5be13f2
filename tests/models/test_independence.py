"""What must not influence a prediction does not: padding, batch-mates, hidden and missing values."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hydromae.batch.batch import ModalityTokens
from support.tiny import (
    EACH,
    VARIANTS,
    assert_same,
    gradients,
    map_tokens,
    more_padding,
    only,
    plain_dict,
    predictions,
    sum_of_squares,
    tiny_config,
    tiny_model,
)

each_variant = pytest.mark.parametrize("variant", EACH)
GARBAGE = st.sampled_from([0.0, 1e30, -7.0, float("inf"), float("nan")])


@each_variant
def test_padding_changes_nothing(variant: str) -> None:
    config = tiny_config(**VARIANTS[variant])
    model = tiny_model(config)
    batch = model.as_batch(plain_dict(config))
    padded = more_padding(batch, 7)
    expected, found = model.reconstruct(batch), model.reconstruct(padded)
    assert_same(found, expected, 1e-9)
    assert_same(gradients(model, model(padded)[0]), gradients(model, model(batch)[0]), 1e-9)


@pytest.mark.parametrize("variant", ["fused", "standard decoder", "recurrent"])
def test_padding_changes_nothing_in_single_precision(variant: str) -> None:
    config = tiny_config(**VARIANTS[variant])
    model = tiny_model(config, torch.float32)
    batch = model.as_batch(plain_dict(config))
    assert_same(model.reconstruct(more_padding(batch, 7)), model.reconstruct(batch), 1e-5)


@each_variant
def test_batch_mates_change_nothing(variant: str) -> None:
    config = tiny_config(**VARIANTS[variant])
    model = tiny_model(config)
    batch = model.as_batch(plain_dict(config))
    for sample in (0, batch.size - 1):
        together, alone = model.reconstruct(batch), model.reconstruct(only(batch, sample))
        assert_same({name: values[sample : sample + 1] for name, values in together.items()}, alone, 1e-9)
        assert_same(gradients(model, sum_of_squares(together, sample)), gradients(model, sum_of_squares(alone)), 1e-9)


def emptied(plain: dict[str, Tensor], how: str) -> dict[str, Tensor]:
    """Sample 0 without any value of the rain, and sample 1 of the flow, or with all of them hidden."""
    changed = {key: value.clone() for key, value in plain.items()}
    for sample, name in enumerate(("precip", "riverflow")):
        if how == "missing":
            changed[name][sample] = torch.nan
        else:
            changed[f"{name}_mask"][sample] = True
    return changed


@pytest.mark.parametrize("how", ["missing", "hidden"])
@each_variant
def test_a_sample_without_a_modality_is_finite_and_does_not_disturb_the_others(variant: str, how: str) -> None:
    config = tiny_config(**VARIANTS[variant])
    model = tiny_model(config)
    plain = plain_dict(config)
    batch = model.as_batch(emptied(plain, how))
    total, losses = model(batch)
    assert total.isfinite() and all(loss.isfinite() for loss in losses.values())
    assert all(gradient.isfinite().all() for gradient in gradients(model, total).values())
    found, usual = model.reconstruct(batch), predictions(model, plain)
    assert_same({k: v[2:] for k, v in found.items()}, {k: v[2:] for k, v in usual.items()}, 1e-9)
    for sample, name in enumerate(("precip", "riverflow")):
        alone = model.reconstruct(only(batch, sample))
        assert_same({k: v[sample : sample + 1] for k, v in found.items()}, alone, 1e-9)
        assert (how == "missing") == bool(found[name][sample].isnan().all())


@each_variant
def test_a_batch_with_nothing_visible_is_finite(variant: str) -> None:
    config = tiny_config(**VARIANTS[variant])
    model, plain = tiny_model(config), plain_dict(config)
    total, _ = model({key: value | True if key.endswith("_mask") else value for key, value in plain.items()})
    assert total.isfinite()
    assert all(gradient.isfinite().all() for gradient in gradients(model, total).values())


@each_variant
def test_a_batch_without_any_target_has_no_loss(variant: str) -> None:
    config = tiny_config(**VARIANTS[variant])
    model, plain = tiny_model(config), plain_dict(config)
    total, _ = model({key: value & False if key.endswith("_mask") else value for key, value in plain.items()})
    assert total == 0
    assert not any(gradient.any() for gradient in gradients(model, total).values())


def spoil(tokens: ModalityTokens, garbage: float, where: str) -> ModalityTokens:
    """Garbage in all values that the encoder must not see, or in all that do not exist."""
    if where == "missing":
        return replace(tokens, values=torch.where(tokens.valid, tokens.values, garbage))
    visible = torch.zeros(tokens.values.shape[:2], dtype=torch.long)
    visible = visible.scatter_add(1, tokens.visible.index, tokens.visible.real.long()) > 0  # [B, tokens]
    return replace(tokens, values=torch.where(visible[..., None], tokens.values, garbage))


@settings(max_examples=12, deadline=None)
@given(variant=st.sampled_from(sorted(VARIANTS)), garbage=GARBAGE, seed=st.integers(0, 1000))
def test_hidden_values_cannot_reach_a_prediction_or_its_gradient(variant: str, garbage: float, seed: int) -> None:
    config = tiny_config(**VARIANTS[variant])
    model = tiny_model(config, torch.float32, seed)
    plain = plain_dict(config, seed=seed, ratio=0.7)
    plain["temp_mask"][0] = True  # nothing visible here: its padding is made of hidden tokens
    batch = model.as_batch(plain)
    spoiled = map_tokens(batch, lambda tokens: spoil(tokens, garbage, "hidden"))
    expected, found = model.reconstruct(batch), model.reconstruct(spoiled)
    assert_same(found, expected)
    assert_same(gradients(model, sum_of_squares(found)), gradients(model, sum_of_squares(expected)))


@settings(max_examples=12, deadline=None)
@given(variant=st.sampled_from(sorted(VARIANTS)), garbage=GARBAGE, seed=st.integers(0, 1000))
def test_missing_values_cannot_reach_a_loss_or_its_gradient(variant: str, garbage: float, seed: int) -> None:
    config = tiny_config(**VARIANTS[variant])
    model = tiny_model(config, torch.float32, seed)
    plain = plain_dict(config, seed=seed, missing=0.3)
    plain["precip"][0] = torch.nan
    batch = model.as_batch(plain)
    spoiled = map_tokens(batch, lambda tokens: spoil(tokens, garbage, "missing"))
    (expected, losses), (found, spoiled_losses) = model(batch), model(spoiled)
    assert_same(spoiled_losses, losses)
    assert_same(gradients(model, found), gradients(model, expected))
    assert_same(model.reconstruct(spoiled), model.reconstruct(batch))


@settings(max_examples=12, deadline=None)
@given(variant=st.sampled_from(sorted(VARIANTS)), garbage=GARBAGE, seed=st.integers(0, 1000))
def test_hidden_and_sea_values_of_a_plain_dict_cannot_reach_a_prediction(
    variant: str, garbage: float, seed: int
) -> None:
    config = tiny_config(**VARIANTS[variant])
    model = tiny_model(config, torch.float32, seed)
    plain = plain_dict(config, seed=seed, missing=0.0)
    spoiled = {key: value.clone() for key, value in plain.items()}
    for name, kind in config.modalities.items():
        mask, values = plain[f"{name}_mask"], spoiled[name]
        if kind == "grid":
            hidden = mask.repeat_interleave(config.grid_patch_days, 1)[:, : values.shape[1]]  # [B, T, all patches]
            hidden = hidden.unflatten(2, (2, 3)).repeat_interleave(5, 2).repeat_interleave(5, 3)  # [B, T, H, W]
            hidden[..., 5:, 10:] = True  # the last patch is sea
        else:
            hidden = mask.repeat_interleave(config.series_patch_days, 2)[..., : values.shape[2]]  # [B, groups, T]
            hidden = hidden.repeat_interleave(config.series_patch_size, 1)[:, : values.shape[1]]  # [B, stations, T]
        # What means missing would turn a target into a missing value, which is not to be predicted.
        values[hidden] = garbage if abs(garbage) < 1e19 else 3.0
    assert_same(predictions(model, spoiled), predictions(model, plain))


def test_the_sea_is_never_a_target_nor_visible() -> None:
    config = tiny_config()
    model, plain = tiny_model(config), plain_dict(config)
    other = plain | {"precip_mask": plain["precip_mask"].clone()}
    other["precip_mask"][:, :, -1] ^= True
    assert_same(predictions(model, other), predictions(model, plain))


@each_variant
def test_visible_values_do_reach_the_predictions(variant: str) -> None:
    config = tiny_config(**VARIANTS[variant])
    model, plain = tiny_model(config), plain_dict(config, missing=0.0, ratio=0.5)
    usual = predictions(model, plain)
    read = [name for name in config.modalities if model.attended(name) or config.modalities[name] == "series"]
    for name in read:
        found = predictions(model, plain | {name: plain[name] + 0.1})
        assert not torch.equal(found[name].nan_to_num(), usual[name].nan_to_num())


def test_modalities_inform_each_other_only_when_fused() -> None:
    for fusion in ("full", "none"):
        config = tiny_config(fusion=fusion)
        model, plain = tiny_model(config), plain_dict(config)
        found = predictions(model, plain | {"precip": plain["precip"] + 0.1})
        usual = predictions(model, plain)
        assert torch.equal(found["riverflow"].nan_to_num(), usual["riverflow"].nan_to_num()) is (fusion == "none")


@each_variant
def test_every_parameter_has_a_gradient_that_is_not_zero(variant: str) -> None:
    config = tiny_config(**VARIANTS[variant])
    model = tiny_model(config)
    found: dict[str, Any] = gradients(model, model(plain_dict(config))[0])
    assert [name for name, gradient in found.items() if not gradient.any()] == []
