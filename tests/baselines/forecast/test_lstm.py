import json

import numpy as np
import pandas as pd
import pytest
import torch

from hydromae.base.errors import DataError, RunError
from hydromae.baselines.forecast.climatology import Climatology
from hydromae.baselines.forecast.handoff import HandoffNet
from hydromae.baselines.forecast.lstm import HandoffLstm
from hydromae.baselines.forecast.lstm_files import CONTENT, TENSORS
from hydromae.baselines.forecast.lstm_inputs import Inputs, fit_scaling, make_inputs, static_names
from hydromae.baselines.forecast.lstm_training import LstmProgress, LstmSettings, train_lstm
from support.baseline_flows import FORCING, ISSUE, TRAIN, make_rivers, rmse_by_lead

QUICK = LstmSettings(hidden=8, history=20, batch=16, steps=6, check_every=3)


def test_a_longer_horizon_does_not_change_its_first_days():
    torch.manual_seed(0)
    net = HandoffNet(past_dim=3, future_dim=2, static_dim=1, hidden=8, dropout=0.5).eval()
    past, future, static = torch.randn(4, 10, 3), torch.randn(4, 6, 2), torch.randn(4, 1)
    whole = net(past, future, static)
    assert whole.shape == (4, 6)
    torch.testing.assert_close(net(past, future[:, :2], static), whole[:, :2])


def test_every_part_of_the_net_learns_from_the_first_lead():
    net = HandoffNet(past_dim=3, future_dim=2, static_dim=1, hidden=8, dropout=0.0)
    net(torch.randn(4, 10, 3), torch.randn(4, 6, 2), torch.randn(4, 1))[:, 0].square().sum().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in net.parameters())


def test_samples_that_are_shown_nothing_read_zeros_and_a_flag():
    chance = np.random.default_rng(0)
    flow, rain, static = chance.random((50, 2)), chance.random((50, 2)), chance.random((2, 3))
    days = np.datetime64("2001-01-01") + np.arange(50)
    inputs = make_inputs(flow, [rain], static, days, fit_scaling(flow, [rain], static))
    station, issue = torch.tensor([0, 1]), torch.tensor([30, 40])
    past, future, attributes = inputs.cut(station, issue, 10, 3, torch.tensor([False, True]))
    assert past.shape == (2, 10, 5) and future.shape == (2, 3, 4) and attributes.shape == (2, 3)
    assert (future[0, :, :2] == 0).all() and (future[1, :, 1] == 1).all()
    torch.testing.assert_close(future[1, :, 0], inputs.forcing[1, 41:44, 0])
    torch.testing.assert_close(past[0, :, :2], inputs.flow[0, 21:31])


def test_the_same_seed_gives_the_same_weights_and_leaves_the_random_state_alone():
    rivers = make_rivers()
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    one, same = (HandoffLstm(QUICK).fit(rivers, "riverflow", FORCING, TRAIN, 3) for _ in range(2))
    torch.testing.assert_close(torch.rand(2), expected, rtol=0, atol=0)
    other = HandoffLstm(LstmSettings(**{**vars(QUICK), "seed": 1})).fit(rivers, "riverflow", FORCING, TRAIN, 3)
    forecasts = [method.forecast(rivers, ISSUE, "none").values for method in (one, same, other)]
    np.testing.assert_array_equal(forecasts[0], forecasts[1])
    assert not np.array_equal(forecasts[0], forecasts[2])


def test_a_saved_lstm_forecasts_the_same_bit_for_bit(tmp_path):
    rivers = make_rivers()
    rivers["riverflow"][:, 3] = np.nan  # its scale is unknown, and stays so
    fitted = HandoffLstm(QUICK).fit(rivers, "riverflow", FORCING, TRAIN, 3)
    fitted.save(tmp_path / "lstm")
    loaded = HandoffLstm.load(tmp_path / "lstm")
    assert loaded.settings == QUICK
    for regime in ("none", "perfect"):
        expected = fitted.forecast(rivers, ISSUE, regime)
        assert loaded.forecast(rivers, ISSUE, regime).identical(expected)
        assert np.isfinite(expected.values[..., :3]).all()


@pytest.mark.parametrize("part", [CONTENT, TENSORS])
def test_a_damaged_file_is_told_as_such(tmp_path, part):
    HandoffLstm(QUICK).fit(make_rivers(), "riverflow", FORCING, TRAIN, 3).save(tmp_path)
    content = bytearray((tmp_path / part).read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / part).write_bytes(content)
    with pytest.raises(RunError, match="damaged"):
        HandoffLstm.load(tmp_path)
    (tmp_path / part).unlink()
    with pytest.raises(RunError, match=f"no {part}"):
        HandoffLstm.load(tmp_path)


def test_what_is_saved_names_its_stations_and_attributes(tmp_path):
    HandoffLstm(QUICK).fit(make_rivers(), "riverflow", FORCING, TRAIN, 3).save(tmp_path)
    content = json.loads((tmp_path / CONTENT).read_text(encoding="utf-8"))
    assert content["stations"] == ["1001", "1002", "1003", "1004"]
    assert content["static"] == ["area", "bfihost", "latitude"]
    assert content["settings"]["regimes"] == "both"


def test_a_net_of_one_regime_refuses_the_other():
    rivers = make_rivers()
    only_none = HandoffLstm(LstmSettings(**{**vars(QUICK), "regimes": "none"}))
    only_none.fit(rivers, "riverflow", FORCING, TRAIN, 3)
    assert np.isfinite(only_none.forecast(rivers, ISSUE, "none").values).all()
    with pytest.raises(DataError, match="trained for regime none only"):
        only_none.forecast(rivers, ISSUE, "perfect")


def make_record(last_weather: float = 0.0, held_out_flow: float = 0.0) -> tuple[Inputs, torch.Tensor]:
    """60 days of two stations; flow to learn from in the held-out first half and on the last 3 days alone."""
    chance = np.random.default_rng(0)
    flow, rain, static = chance.random((60, 2)), chance.random((60, 2)), np.zeros((2, 0))
    days = np.datetime64("2001-01-01") + np.arange(60)
    inputs = make_inputs(flow, [rain], static, days, fit_scaling(flow, [rain], static))
    inputs.forcing[:, 57:] += last_weather  # no issue day has these days behind it
    target = torch.from_numpy(flow.T.astype(np.float32)).contiguous()
    target[:, :30] += held_out_flow
    target[:, 30:57] = torch.nan
    return inputs, target


def weights_of(regimes: str, **change: float) -> list[torch.Tensor]:
    settings = LstmSettings(
        regimes=regimes, hidden=4, history=5, batch=8, steps=4, check_every=4, patience=9, held_out=0.5
    )
    return list(train_lstm(*make_record(**change), settings, 3).parameters())


@pytest.mark.parametrize("regimes", ["none", "perfect", "both"])
def test_weather_after_the_issue_day_trains_a_net_only_where_its_regime_shows_it(regimes):
    pairs = zip(weights_of(regimes), weights_of(regimes, last_weather=2.0), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs) == (regimes == "none")


def test_the_flow_of_held_out_years_does_not_train_the_weights():
    pairs = zip(weights_of("both"), weights_of("both", held_out_flow=5.0), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_training_stops_when_the_held_out_years_gain_no_more_and_keeps_the_best():
    rivers = make_rivers()
    seen: list[LstmProgress] = []
    settings = LstmSettings(
        hidden=4, history=5, batch=8, steps=400, check_every=2, patience=3, learning_rate=0.5, dropout=0.0
    )
    HandoffLstm(settings, seen.append).fit(rivers, "riverflow", FORCING, TRAIN, 2)
    assert seen[-1].step < 400
    assert seen[-1].step - seen[-1].best_step == 6
    losses = {told.step: told.held_out_loss for told in seen}
    assert losses[seen[-1].best_step] == min(losses.values())


def test_a_training_period_shorter_than_its_history_is_refused():
    with pytest.raises(DataError, match="too few for a history of 120"):
        HandoffLstm().fit(make_rivers(), "riverflow", FORCING, slice("2001-01-01", "2001-03-31"), 3)


def test_attributes_are_the_numbers_that_each_station_has():
    rivers = make_rivers().assign(name=("station", ["a", "b", "c", "d"]))
    assert static_names(rivers) == ["area", "bfihost", "latitude"]


@pytest.mark.slow
def test_it_learns_more_than_the_season_and_gains_from_perfect_weather():
    rivers = make_rivers(stations=8)
    issue = pd.date_range("2005-01-01", "2005-12-20", freq="3D")
    settings = LstmSettings(hidden=24, history=60, batch=64, steps=600, check_every=50, learning_rate=5e-3)
    lstm, season = (
        method.fit(rivers, "riverflow", FORCING, TRAIN, 4) for method in (HandoffLstm(settings), Climatology())
    )
    errors = {
        "season": rmse_by_lead(season.forecast(rivers, issue, "none"), rivers["riverflow"]),
        "none": rmse_by_lead(lstm.forecast(rivers, issue, "none"), rivers["riverflow"]),
        "perfect": rmse_by_lead(lstm.forecast(rivers, issue, "perfect"), rivers["riverflow"]),
    }
    assert (errors["none"] < errors["season"]).all()
    assert (errors["perfect"] < 0.6 * errors["season"]).all()
