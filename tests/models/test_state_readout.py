import pytest
import torch

from hydromae.batch.batch import ModalityTokens, split_missing
from hydromae.config import ModelConfig
from hydromae.masks.mask import Issued
from hydromae.models.state_readout import Outlook, StateReadout
from hydromae.models.states import LastSeen, States, last_seen
from hydromae.tokens.selection import Selection
from hydromae.tokens.shape import TokenShape, to_tokens

DAYS, STATIONS = 6, 2
SHAPE = TokenShape("series", 1, 1, STATIONS)


def known_until(last: torch.Tensor) -> LastSeen:
    """Of series and weather alike."""
    return LastSeen(last, last)


def tokens_of(targets: list[int], issued: Issued | None) -> ModalityTokens:
    values, valid = split_missing(to_tokens(torch.zeros(1, DAYS, STATIONS), SHAPE))
    target = Selection(torch.tensor([targets]), None)
    return ModalityTokens(values, valid, Selection(target.index[:, :0], None), target, SHAPE, issued=issued)


def test_when_a_station_last_showed_anything() -> None:
    seen = torch.zeros(1, DAYS, STATIONS, 2, dtype=torch.bool)
    seen[0, 1, 0, 0] = seen[0, 3, 0, 1] = seen[0, 4, 1, 0] = True
    last = last_seen(seen, weather=torch.tensor([False, True]))
    assert last.anything[0].T.tolist() == [[-1, 1, 1, 3, 3, 3], [-1, -1, -1, -1, 4, 4]]
    assert last.weather[0].T.tolist() == [[-1, -1, -1, 3, 3, 3], [-1] * 6]


def test_a_cell_is_read_from_the_last_state_that_its_target_may_know() -> None:
    days = torch.arange(DAYS * STATIONS, dtype=torch.float32).reshape(1, DAYS, STATIONS, 1)
    rolled = 100 + torch.arange(2 * 2 * STATIONS, dtype=torch.float32).reshape(1, 2, 2, STATIONS, 1)
    # Station 0 shows flow to day 1 only, and weather on all days but the last.
    anything = torch.tensor([[0, 1, 2, 3, 4, 4], [0, 1, 2, 3, 4, 5]]).T[None]
    weather = torch.tensor([[0, 1, 2, 3, 4, 4], [-1, -1, -1, -1, -1, -1]]).T[None]
    states = States(days, rolled, LastSeen(anything, weather))
    # Issue days 2 and 4, each for 2 days; with the weather of the horizon, without, and a target of no forecast.
    targets = [(3, 0, 2, 4), (3, 0, 2, 2), (5, 0, 4, 6), (5, 1, 4, 6), (5, 0, 99, 99)]
    issued = Issued(
        day=torch.tensor([[issue for _, _, issue, _ in targets]]),
        weather=torch.tensor([[known for _, _, _, known in targets]]),
        first=2,
        step=2,
        horizon=2,
        perfect=True,
    )
    chosen, ago = states.of_cells(tokens_of([day * STATIONS + station for day, station, _, _ in targets], issued))
    assert ago is not None
    expected = [
        (102.0, 0),  # issue day 2, a day later, whose weather is known
        (2.0, 2),  # no later weather: the state of day 1
        (104.0, 1),  # no weather on day 5: that of day 4 after issue day 4
        (7.0, 2),  # a station without weather: the state of day 3
        (8.0, 1),  # no forecast: day 4 is the last that showed anything
    ]
    assert list(zip(chosen[0, :, 0, 0].tolist(), ago[0, :, 0].tolist(), strict=True)) == expected


def test_only_days_of_which_nothing_is_known_are_read_by_the_outlook() -> None:
    torch.manual_seed(0)
    config = ModelConfig(modalities={"riverflow": "series"}, recurrent_dim=4, rolling=("riverflow",), decoder_dim=8)
    readout = StateReadout(config, SHAPE)
    days = torch.randn(1, DAYS, STATIONS, 4)
    anything = torch.tensor([0, 1, 2, 2, 2, 2]).expand(STATIONS, -1).T[None]
    states = States(days, None, LastSeen(anything, anything))
    _, first = readout(states, tokens_of([2 * STATIONS, 3 * STATIONS, 5 * STATIONS], None))
    assert readout.outlook is not None
    state = days[0, 2, 0]
    torch.testing.assert_close(first[0, 0], readout.to_value(state))
    torch.testing.assert_close(first[0, 1, 0], readout.outlook(state, torch.tensor(1)))
    torch.testing.assert_close(first[0, 2, 0], readout.outlook(state, torch.tensor(3)))


def test_an_outlook_settles_far_ahead() -> None:
    torch.manual_seed(0)
    outlook = Outlook(4, dropout=0.0)
    value = outlook(torch.randn(4).expand(3, -1), torch.tensor([1, 1000, 2000]))
    torch.testing.assert_close(value[1], value[2])
    assert (value[0] - value[1]).abs() > 1e-3


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_share_of_the_gradient_of_days_of_which_nothing_is_known_reaches_the_states(share: float) -> None:
    torch.manual_seed(0)
    config = ModelConfig(
        modalities={"riverflow": "series"}, recurrent_dim=4, rolling=("riverflow",), decoder_dim=8, nhead=2
    )
    shape = TokenShape("series", 1, 2, 1)
    readout = StateReadout(config.model_copy(update={"outlook_gradient": share}), shape)
    usual = StateReadout(config, shape)
    usual.load_state_dict(readout.state_dict())
    gradients = []
    for module in (usual, readout):
        days = torch.randn(1, 4, 1, 4, generator=torch.Generator().manual_seed(1)).requires_grad_()
        # The second token's days are known of no further than the first day.
        seen = known_until(torch.tensor([[0, 1, 1, 1]])[..., None])
        index = torch.arange(2)[None]
        nothing = torch.zeros(1, 2, 2)
        tokens = ModalityTokens(nothing, nothing == 0, Selection(index, None), Selection(index, None), shape)
        queries, values = module(States(days, last_seen=seen), tokens)
        (queries[:, 1].sum() + values[:, 1].sum()).backward()
        assert days.grad is not None
        gradients.append(days.grad)
    torch.testing.assert_close(gradients[1], share * gradients[0])
    assert gradients[0].abs().sum() > 0
