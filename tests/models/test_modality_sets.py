"""Nothing counts to five or knows the names: any modalities, any decoder, any positions."""

from typing import Any

import pytest
import torch

from hydromae.config import Kind
from hydromae.models.multimodal_mae import MultiModalMAE
from support.tiny import gradients, plain_dict, predictions, tiny_config, tiny_model

SETS: dict[str, dict[str, Kind]] = {
    "one grid": {"snow": "grid"},
    "one series": {"level": "series"},
    "a grid and a series": {"rain": "grid", "level": "series"},
    "two series": {"level": "series", "riverflow": "series"},
    "names that a dictionary of parameters has, and one with a word of ours": {
        "values": "series",
        "deposition": "series",
    },
    "six": {"a": "grid", "b": "series", "c": "grid", "d": "series", "e": "grid", "f": "series"},
}


@pytest.mark.parametrize("attributes", [3, 0])
@pytest.mark.parametrize("fusion", ["full", "none"])
@pytest.mark.parametrize("modalities", SETS.values(), ids=SETS)
def test_any_modalities_learn(modalities: dict[str, Kind], fusion: str, attributes: int) -> None:
    position = "coordinates" if attributes else "none"
    config = tiny_config(modalities=modalities, fusion=fusion, static_attr_dim=attributes, series_position=position)
    model = tiny_model(config)
    total, losses = model(plain_dict(config))
    assert set(losses) == {f"{name}_loss" for name in modalities}
    assert all(gradient.isfinite().all() and gradient.any() for gradient in gradients(model, total).values())


@pytest.mark.parametrize("modalities", [names for names in SETS.values() if "series" in names.values()])
def test_any_series_learn_with_a_recurrence(modalities: dict[str, Kind]) -> None:
    model = tiny_model(config := tiny_config(modalities=modalities, recurrent_dim=4, recurrent_donors=2))
    total, _ = model(plain_dict(config))
    assert all(gradient.isfinite().all() and gradient.any() for gradient in gradients(model, total).values())


@pytest.mark.parametrize("recurrent", [0, 4])
@pytest.mark.parametrize("left", ["evap", "precip"])
def test_modalities_of_a_batch_may_be_fewer_than_the_models(left: str, recurrent: int) -> None:
    config = tiny_config(recurrent_dim=recurrent)
    model = tiny_model(config)
    batch = model.as_batch(plain_dict(config))
    fewer = type(batch)({left: batch.tokens[left]}, batch.attributes, batch.day_of_year, batch.n_days)
    total, losses = model(fewer)
    assert set(losses) == {f"{left}_loss"} and total.isfinite()


@pytest.mark.parametrize(
    "changes",
    [
        {"series_position": "learned"},
        {"series_position": "none"},
        {"decoder_self_attn": True, "norm_first": False},
        {"use_cross_attn": False, "decoder_self_attn": False},
        {"series_patch_size": 1, "series_patch_days": 5},
        {"grid_patch_days": 3, "series_patch_size": 5},
        {"stations_per_window": 1, "series_patch_size": 1},
    ],
)
@pytest.mark.parametrize("days", [1, 4, 12])
def test_windows_of_any_length_are_predicted_where_hidden_and_nowhere_else(changes: dict[str, Any], days: int) -> None:
    config = tiny_config(**changes)
    model, plain = tiny_model(config), plain_dict(config, days=days, missing=0.0)
    found = predictions(model, plain)
    hidden = plain["riverflow_mask"].repeat_interleave(config.series_patch_days, 2)[..., :days]
    hidden = hidden.repeat_interleave(config.series_patch_size, 1)[:, : config.stations_per_window]  # [B, stations, T]
    assert torch.equal(~found["riverflow"].isnan(), hidden.transpose(1, 2))
    hidden = plain["precip_mask"].repeat_interleave(config.grid_patch_days, 1)[:, :days, : config.all_patches - 1]
    assert torch.equal(~found["precip"].isnan(), hidden[..., None].expand_as(found["precip"]))


def test_task_weights_weigh_the_losses() -> None:
    config = tiny_config()
    model = tiny_model(config)
    total, losses = model(plain_dict(config))
    torch.testing.assert_close(total, sum(losses.values()))
    model.task_weights = {"precip_loss": 100.0, "evap_loss": 0.5}
    total, losses = model(plain_dict(config))
    expected = 100 * losses["precip_loss"] + losses["temp_loss"] + 0.5 * losses["evap_loss"] + losses["riverflow_loss"]
    torch.testing.assert_close(total, expected)


@pytest.mark.parametrize("indices", [[], [-1, 2], [3, 6]])
def test_valid_patches_outside_the_grid_are_refused(indices: list[int]) -> None:
    with pytest.raises(ValueError, match="valid_patch_indices"):
        MultiModalMAE(tiny_config(), torch.tensor(indices, dtype=torch.long))


def test_valid_patches_are_kept_with_the_weights() -> None:
    model = MultiModalMAE(tiny_config(), torch.tensor([1, 4, 5]))
    assert model.state_dict()["valid_patches"].tolist() == [1, 4, 5]
    assert MultiModalMAE(tiny_config(valid_patches=2)).valid_patches.tolist() == [0, 1]
    assert MultiModalMAE(tiny_config()).valid_patches.tolist() == [0, 1, 2, 3, 4, 5]
