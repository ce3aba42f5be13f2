"""Means over the other stations of a window: whose they are, and what they are where few or none are visible."""

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from hydromae.models.donors import DonorMeans
from support.tiny import gradients, plain_dict, randomise, tiny_config, tiny_model

SETS, SERIES = 3, 2


def donors(seed: int = 0) -> DonorMeans:
    made = DonorMeans(tiny_config(recurrent_dim=4, recurrent_donors=SETS)).double()
    randomise(made, seed)
    return made


def drawn(days: int = 4, stations: int = 5, visible: float = 0.7) -> tuple[Tensor, Tensor]:
    """Values with 0 where nothing is visible and whether it is, [2, T, S, 4]; attributes [2, S, 3]."""
    generator = torch.Generator().manual_seed(1)
    flags = (torch.rand(2, days, stations, SERIES, generator=generator) < visible).double()
    values = torch.randn(2, days, stations, SERIES, generator=generator, dtype=torch.float64) * flags
    attributes = torch.randn(2, stations, 3, generator=generator, dtype=torch.float64)
    return torch.stack([values, flags], dim=-1).flatten(3), attributes


def test_a_mean_is_that_of_the_others_that_are_visible() -> None:
    made = donors()
    seen, attributes = drawn()
    found = made(seen, attributes).unflatten(-1, (SERIES, SETS, 2))
    weights = made.weights(attributes)
    for sample, day, station, one, series in [(0, 0, 0, 0, 0), (1, 3, 4, 2, 1), (0, 2, 3, 1, 1)]:
        others = [other for other in range(5) if other != station and seen[sample, day, other, 2 * series + 1]]
        each = torch.stack([weights[sample, one, station, other] for other in others])
        values = torch.stack([seen[sample, day, other, 2 * series] for other in others])
        torch.testing.assert_close(found[sample, day, station, series, one, 0], (each * values).sum() / each.sum())
        torch.testing.assert_close(found[sample, day, station, series, one, 1], each.sum())


def test_weights_are_shares_of_the_other_stations() -> None:
    weights = donors().weights(drawn()[1])
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights.sum(-1)))
    assert (weights >= 0).all() and not weights.diagonal(dim1=-2, dim2=-1).any()


def test_a_lone_station_and_a_day_without_values_have_nothing() -> None:
    seen, attributes = drawn()
    alone = donors()(seen[:, :, :1], attributes[:, :1])
    assert alone.shape == (2, 4, 1, SETS * SERIES * 2) and not alone.any()
    assert not donors()(torch.zeros_like(seen), attributes).any()


def test_a_far_donor_is_heard_where_it_is_the_only_one() -> None:
    made = DonorMeans(tiny_config(recurrent_dim=4, recurrent_donors=SETS))
    torch.nn.init.zeros_(made.receiver.weight)
    made.reset()
    attributes, seen = torch.zeros(1, 3, 3), torch.zeros(1, 1, 3, 2)
    attributes[0, :, 0] = torch.tensor([0.0, 0.1, 4.0])
    seen[0, 0, 2] = torch.tensor([5.0, 1.0])  # the near one is hidden
    found = made(seen, attributes).unflatten(-1, (1, SETS, 2))
    torch.testing.assert_close(found[0, 0, 0, 0, :, 0], torch.full((SETS,), 5.0))


@pytest.mark.parametrize("position", ["learned", "none"])
def test_without_coordinates_every_parameter_is_used(position: str) -> None:
    config = tiny_config(recurrent_dim=4, recurrent_donors=SETS, series_position=position)
    model = tiny_model(config)
    assert model.station_states is not None and model.station_states.donors is not None
    assert model.station_states.donors.nearness is None
    assert gradients(model, model(plain_dict(config))[0])  # an error where a parameter has none


def test_near_stations_come_first_at_the_start() -> None:
    made = DonorMeans(tiny_config(recurrent_dim=4, recurrent_donors=SETS))
    torch.nn.init.zeros_(made.receiver.weight)
    made.reset()
    attributes = torch.zeros(1, 4, 3)
    attributes[0, :, 0] = torch.tensor([0.0, 0.1, 0.5, 2.0])  # latitude
    weights = made.weights(attributes)[0]
    assert (weights[:, 0].diff()[:, 1:] < 0).all()  # further, less
    assert (weights[:, 0, 1].diff() > 0).all()  # from set to set more to the nearest


def test_what_a_neighbour_measures_helps_where_a_station_is_hidden() -> None:
    config = tiny_config(recurrent_dim=4, recurrent_donors=SETS, fusion="full", series_patch_size=1)
    model, plain = tiny_model(config), plain_dict(config, missing=0.0, ratio=0.0)
    assert model.station_states is not None
    plain["riverflow_mask"][:, 2] = True
    states = model.station_states(model.as_batch(plain)).days
    plain["riverflow"][:, 1, 3] += 1.0
    moved = (model.station_states(model.as_batch(plain)).days != states).any(-1).any(0)  # [T, S]
    assert moved.tolist() == [[day >= 3] * 5 for day in range(5)]


def test_donors_without_attributes_are_an_error() -> None:
    with pytest.raises(ValidationError, match="needs a recurrent_dim above 0 and attributes"):
        tiny_config(recurrent_dim=4, recurrent_donors=2, static_attr_dim=0, series_position="learned")
    with pytest.raises(ValidationError, match="needs a recurrent_dim"):
        tiny_config(recurrent_donors=2)
