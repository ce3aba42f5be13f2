"""Daily states of stations: whose and which day's values reach them, and which of them a query reads."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from hydromae.batch.batch import Batch, ModalityTokens, split_missing
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.models.state_readout import StateReadout
from hydromae.models.states import States
from hydromae.models.station_states import StationStates, visible_days
from hydromae.tokens.selection import Selection
from hydromae.tokens.shape import to_tokens, token_shape
from support.tiny import plain_dict, randomise, tiny_config, tiny_model

DAYS = 5
STATION, DAY = 3, 2


def states_and_batch(**changes: Any) -> tuple[StationStates, Batch]:
    config = tiny_config(recurrent_dim=4, **changes)
    model = tiny_model(config)
    assert model.station_states is not None
    return model.station_states, model.as_batch(plain_dict(config, ratio=0.0, missing=0.0, days=DAYS))


def with_value(batch: Batch, name: str, value: float) -> Batch:
    """Another value of one series at one station and day, of every sample."""
    tokens = batch.tokens[name]
    window = torch.full((batch.size, DAYS, tokens.shape.width), torch.nan, dtype=tokens.values.dtype)
    window[:, DAY, STATION] = value
    changed = to_tokens(window, tokens.shape)
    return replace(
        batch,
        tokens=batch.tokens | {name: replace(tokens, values=torch.where(changed.isnan(), tokens.values, changed))},
    )


def changed_days(states: StationStates, one: Batch, other: Batch) -> Tensor:
    """[T, stations]: whether a state differs."""
    return (states(one).days != states(other).days).any(-1).any(0)


@pytest.mark.parametrize("days", [1, 3])
@pytest.mark.parametrize("name", ["evap", "riverflow"])
def test_a_value_reaches_the_states_of_its_own_station_from_its_day_on(name: str, days: int) -> None:
    states, batch = states_and_batch(series_patch_days=days)
    expected = torch.zeros(DAYS, 5, dtype=torch.bool)
    expected[DAY:, STATION] = True
    assert torch.equal(changed_days(states, batch, with_value(batch, name, 9.0)), expected)


def test_backward_a_value_reaches_the_days_before_too() -> None:
    states, batch = states_and_batch(recurrent_backward=True)
    expected = torch.zeros(DAYS, 5, dtype=torch.bool)
    expected[:, STATION] = True
    assert torch.equal(changed_days(states, batch, with_value(batch, "evap", 9.0)), expected)


def test_what_is_seen_is_what_is_visible_and_shown() -> None:
    shape = token_shape(tiny_config(series_patch_days=2), "evap", 0)
    window = torch.arange(10.0).reshape(1, 2, 5)  # one slot of 2 days, 3 groups of 2 stations
    window[0, 1, 0] = torch.nan
    values, valid = split_missing(to_tokens(window, shape))
    shown = valid.clone()
    shown[0, 1, 0] = False  # a gap: the first day of station 2
    visible, hidden = Selection(torch.tensor([[0, 1]]), None), Selection(torch.tensor([[2]]), None)
    days = visible_days(ModalityTokens(values, valid, visible, hidden, shape, shown), 2)
    assert days[0, :, :, 1].tolist() == [[1, 1, 0, 1, 0], [0, 1, 1, 1, 0]]
    assert days[0, :, :, 0].tolist() == [[0, 1, 0, 3, 0], [0, 6, 7, 8, 0]]


def test_the_attributes_and_the_date_reach_the_states() -> None:
    states, batch = states_and_batch()
    assert batch.attributes is not None and batch.day_of_year is not None
    attributes = batch.attributes.clone()
    attributes[:, STATION] += 1.0
    assert changed_days(states, batch, replace(batch, attributes=attributes)).all(0).tolist() == [
        station == STATION for station in range(5)
    ]
    later = replace(batch, day_of_year=batch.day_of_year % 200 + 90)
    assert changed_days(states, batch, later).all()


def test_dropout_acts_in_training_alone_and_on_the_attributes_alike_on_all_days() -> None:
    states, batch = states_and_batch(recurrent_dropout=0.5)
    states.eval()
    assert torch.equal(states(batch).days, states(batch).days)
    states.train()
    outputs: list[Tensor] = []
    states.dropout.register_forward_hook(lambda module, given, output: outputs.append(output))
    states(batch)
    assert [tuple(output.shape[:2]) for output in outputs] == [(batch.size, 5), (batch.size * 5, DAYS)]  # no days; all
    for output in outputs:
        assert 0.3 < (output == 0).double().mean() < 0.7


@pytest.mark.parametrize("days", [1, 2, 3])
def test_a_cell_starts_from_the_state_of_its_own_station_and_day(days: int) -> None:
    config = tiny_config(recurrent_dim=3, series_patch_days=days)
    shape = token_shape(config, "evap", 0)
    readout = StateReadout(config, shape).double()
    randomise(readout)
    every = torch.arange(shape.slots(DAYS) * shape.places)[None]
    values, valid = split_missing(to_tokens(torch.zeros(1, DAYS, 5), shape))
    tokens = ModalityTokens(values, valid, Selection(every[:, :0], None), Selection(every, None), shape)
    states = torch.randn(1, DAYS, 5, 3, dtype=torch.float64, requires_grad=True)
    _, first = readout(States(states), tokens)
    window = torch.zeros(1, DAYS, 5)
    window[0, DAY, STATION] = 1.0
    cell = to_tokens(window, shape).nan_to_num()  # 1 in the cell of this station and day
    (gradient,) = torch.autograd.grad((first * cell).sum(), states)
    weight = readout.to_value.weight.detach()[0]
    expected = torch.zeros_like(gradient)
    expected[0, DAY, STATION] = weight
    assert torch.equal(gradient, expected)


def test_the_forget_gate_starts_open() -> None:
    torch.manual_seed(0)
    states = MultiModalMAE(tiny_config(recurrent_dim=4, recurrent_backward=True)).station_states
    assert states is not None
    for suffix in ("", "_reverse"):
        bias = getattr(states.lstm, f"bias_hh_l0{suffix}").detach()
        assert bias.reshape(4, 4).tolist() == [[0.0] * 4, [3.0] * 4, [0.0] * 4, [0.0] * 4]
        weight = getattr(states.lstm, f"weight_hh_l0{suffix}").detach()
        for gate in weight.chunk(4):
            torch.testing.assert_close(gate @ gate.T, torch.eye(4))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"recurrent_backward": True}, "needs a recurrent_dim"),
        ({"recurrent_dropout": 0.5}, "needs a recurrent_dim"),
        ({"recurrent_dim": 4, "fusion": "none"}, "fusion full"),
        ({"recurrent_dim": 4, "modalities": {"precip": "grid"}}, "a series among"),
    ],
)
def test_a_recurrence_that_cannot_be_is_an_error(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        tiny_config(**changes)
