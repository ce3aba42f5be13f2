"""What a station is told apart by, and what it shares."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hydromae.batch.batch import Batch
from hydromae.models.series_encoder import mean_attributes
from support.tiny import assert_same, plain_dict, predictions, tiny_config, tiny_model


def reordered(plain: dict[str, Tensor], stations: list[int], groups: list[int]) -> dict[str, Tensor]:
    """The same stations in another order, with all that is theirs."""
    changed = {}
    for key, value in plain.items():
        if key in ("evap", "riverflow", "static_attr"):
            changed[key] = value[:, stations]
        elif key in ("evap_mask", "riverflow_mask"):
            changed[key] = value[:, groups]
        else:
            changed[key] = value
    return changed


@pytest.mark.parametrize("fusion", ["full", "none"])
@pytest.mark.parametrize("film", [True, False])
def test_swapping_two_stations_swaps_their_predictions_and_changes_nothing_else(fusion: str, film: bool) -> None:
    config = tiny_config(series_patch_size=1, fusion=fusion, decoder_film=film)
    model, plain = tiny_model(config), plain_dict(config)
    order = [0, 3, 2, 1, 4]
    found = predictions(model, reordered(plain, order, order))
    expected = predictions(model, plain)
    assert not torch.equal(expected["evap"].nan_to_num(), expected["evap"][:, :, order].nan_to_num())
    for name in ("evap", "riverflow"):
        expected[name] = expected[name][:, :, order]
    assert_same(found, expected, 1e-5)  # positions are float32


def test_swapping_two_groups_of_stations_swaps_their_predictions_and_changes_nothing_else() -> None:
    config = tiny_config(series_patch_size=2, stations_per_window=6)
    model, plain = tiny_model(config), plain_dict(config)
    stations, groups = [4, 5, 2, 3, 0, 1], [2, 1, 0]
    found, expected = predictions(model, reordered(plain, stations, groups)), predictions(model, plain)
    for name in ("evap", "riverflow"):
        expected[name] = expected[name][:, :, stations]
    assert_same(found, expected, 1e-5)


def hidden_station(config_changes: dict[str, object]) -> tuple[Tensor, Tensor]:
    """Predictions of two stations of which nothing is visible and which differ in their attributes alone."""
    config = tiny_config(series_patch_size=1, modalities={"riverflow": "series"}, **config_changes)
    model, plain = tiny_model(config), plain_dict(config, missing=0.0)
    plain["riverflow_mask"][:, :2] = True
    found = predictions(model, plain)["riverflow"]
    return found[:, :, 0], found[:, :, 1]


def test_stations_without_visible_values_are_told_apart_by_their_attributes() -> None:
    one, other = hidden_station({"series_position": "none"})
    assert not torch.allclose(one, other)
    one, other = hidden_station({"series_position": "none", "decoder_film": False})
    assert torch.equal(one, other)
    one, other = hidden_station({"series_position": "coordinates", "decoder_film": False})
    assert not torch.allclose(one, other)


def test_every_station_of_a_group_reaches_its_token() -> None:
    config = tiny_config(series_patch_size=5, modalities={"riverflow": "series"})
    model, plain = tiny_model(config), plain_dict(config, missing=0.0)
    plain["riverflow_mask"][:] = False
    plain["riverflow_mask"][:, :, -1] = True
    usual = predictions(model, plain)["riverflow"]
    found = []
    for station in range(5):
        changed = plain["riverflow"].clone()
        changed[:, station, 0] += 1.0
        found.append(predictions(model, plain | {"riverflow": changed})["riverflow"].nan_to_num())
        assert not torch.allclose(found[-1], usual.nan_to_num())
    # Stations are not averaged: the same change in another station does something else.
    assert not torch.allclose(found[0], found[1])


@settings(max_examples=60, deadline=None)
@given(stations=st.integers(1, 9), group=st.integers(1, 9), seed=st.integers(0, 1000))
def test_group_attributes_are_the_mean_of_those_present(stations: int, group: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    attributes = torch.randn(2, stations, 3, generator=generator)
    attributes[torch.rand(attributes.shape, generator=generator) < 0.4] = torch.nan
    found = mean_attributes(attributes, group)
    assert found.shape == (2, -(-stations // group), 3)
    for b in range(2):
        for g in range(found.shape[1]):
            for a in range(3):
                members = attributes[b, g * group : (g + 1) * group, a]
                present = members[~members.isnan()]
                expected = present.mean() if len(present) else torch.tensor(0.0)
                torch.testing.assert_close(found[b, g, a], expected)


def test_a_missing_attribute_counts_as_the_mean_of_all_stations() -> None:
    config = tiny_config(series_patch_size=1)
    model, plain = tiny_model(config), plain_dict(config, missing=0.0)
    present = plain["static_attr"][:, [0, 1, 2, 4]]
    plain["static_attr"] = plain["static_attr"] - present.mean(1, keepdim=True)  # as scaling does: their mean is 0
    unknown, average = plain["static_attr"].clone(), plain["static_attr"].clone()
    unknown[:, 3], average[:, 3] = torch.nan, 0.0
    assert_same(
        predictions(model, plain | {"static_attr": unknown}), predictions(model, plain | {"static_attr": average}), 1e-5
    )


def test_stations_without_any_attribute_are_predicted() -> None:
    config = tiny_config()
    model, plain = tiny_model(config), plain_dict(config)
    total, _ = model(plain | {"static_attr": torch.full_like(plain["static_attr"], torch.nan)})
    assert total.isfinite()


def test_a_batch_without_attributes_is_refused_by_a_model_that_needs_them() -> None:
    config = tiny_config()
    model = tiny_model(config)
    batch = model.as_batch(plain_dict(config))
    with pytest.raises(ValueError, match="static attributes"):
        model(Batch(batch.tokens, None, batch.day_of_year, batch.n_days))
