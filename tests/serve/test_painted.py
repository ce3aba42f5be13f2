"""What a mask made by hand does: nothing painted is a forecast, and what is hidden cannot reach the answer."""

from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hydromae.runs.directory import RunDirectory
from hydromae.serve.answers import Answers
from hydromae.serve.question import Question
from hydromae.serve.served import Served
from hydromae.store.store import Store
from hydromae.tasks.forecast import forecast
from support.sources import World

DAY, STATION, HISTORY = np.datetime64("2001-06-20"), "39001", 5


@cache
def answers_of(run: Path, store: Path | None) -> Answers:
    """What answers for one run on its own or on another store."""
    return Answers(Served.open([run], store))


def asked(run: RunDirectory, store: Store | None = None, **changes: Any) -> dict[str, Any]:
    """The reply of one run."""
    question = Question(page="0123abcd", number=1, station=STATION, day=DAY.item(), **{"horizon": 3, **changes})
    return dict(answers_of(run.path, store and store.path).answer(question)["runs"][0])


@pytest.mark.parametrize("weather", ["none", "perfect"])
@pytest.mark.parametrize("name", ["all_stations", "one_station"])
def test_with_nothing_painted_the_answer_is_the_forecast_to_the_bit(
    name: str, weather: str, request: pytest.FixtureRequest
) -> None:
    run = request.getfixturevalue(name)
    expected = forecast(run.path, [str(DAY)], horizon=3, forcing=weather, stations=[STATION])
    made = asked(run, after=weather)
    history = len(made["mean"]) - 3
    assert np.isnan(made["mean"][:history]).all()
    np.testing.assert_array_equal(np.float32(made["mean"][history:]), expected["riverflow"].values[0, :, 0])
    (band,) = made["bands"]
    quantiles = expected["riverflow_quantiles"].values[0, :, 0]
    assert band["share"] == 80
    np.testing.assert_array_equal(np.float32(band["low"][history:]), quantiles[:, 0])
    np.testing.assert_array_equal(np.float32(band["high"][history:]), quantiles[:, 2])


HIDES = {"hidden_days": [(date(2001, 6, 18), date(2001, 6, 18))], "hidden_modalities": ["evap"], "hidden_patches": [0]}


@pytest.mark.parametrize("after", ["none", "all"])
@pytest.mark.parametrize("name", ["all_stations", "one_station"])
def test_what_is_hidden_cannot_influence_the_answer(
    name: str, after: str, request: pytest.FixtureRequest, other_store: Store
) -> None:
    run = request.getfixturevalue(name)
    first, second = asked(run, after=after, **HIDES), asked(run, other_store, after=after, **HIDES)
    np.testing.assert_array_equal(np.array(first["mean"]), second["mean"])
    assert np.isfinite(first["mean"][-3 - 1 - 2])  # the hidden day is predicted
    errors = [reply["errors"]["hidden"] for reply in (first, second)]
    assert errors[0]["days"] == 1 and errors[0]["rmse"] != errors[1]["rmse"]  # the truth beside it differs


@pytest.mark.parametrize("seen", HIDES)
def test_what_is_not_hidden_does_influence_it(seen: str, all_stations: RunDirectory, other_store: Store) -> None:
    hides = {key: value for key, value in HIDES.items() if key != seen}
    first, second = asked(all_stations, **hides), asked(all_stations, other_store, **hides)
    assert not np.array_equal(first["mean"][-3:], second["mean"][-3:])


def test_a_hidden_station_is_asked_for_as_if_it_were_ungauged(all_stations: RunDirectory, other_store: Store) -> None:
    hides = {**HIDES, "hidden_days": [], "hidden_station": True}
    first, second = asked(all_stations, **hides), asked(all_stations, other_store, **hides)
    np.testing.assert_array_equal(first["mean"], second["mean"])
    assert np.isfinite(first["mean"]).all() and first["persistence"] is None
    assert "was not trained for ungauged stations" in " ".join(first["said"])


def test_errors_are_those_of_the_hidden_days_and_of_the_days_ahead(
    all_stations: RunDirectory, prepared: tuple[World, Store]
) -> None:
    world = prepared[0]
    day, place = int((DAY - world.days[0]).astype(int)), world.ids.index(STATION)
    days = [(DAY - 3).item(), (DAY - 1).item()]
    made = asked(all_stations, hidden_days=[days])
    flow = world.series["riverflow"][day - HISTORY + 1 : day + 4, place].astype(np.float64)
    off = np.array(made["mean"], np.float64) - flow
    inside = np.isfinite(flow[1:4])
    assert made["errors"]["hidden"]["days"] == inside.sum() > 0
    assert made["errors"]["hidden"]["rmse"] == pytest.approx(np.sqrt(np.nanmean(off[1:4] ** 2)))
    assert made["errors"]["ahead"]["bias"] == pytest.approx(np.nanmean(off[5:]))
    assert made["persistence"] == pytest.approx(flow[4])
    off = (flow[4] - flow[5:])[np.isfinite(flow[5:])]
    expected = {"days": len(off), "rmse": np.sqrt(np.mean(off**2)), "bias": off.mean()}
    assert made["errors"]["persistence"] == pytest.approx(expected)
    known_after = asked(all_stations, hidden_days=[days], after="all")["errors"]
    assert known_after["ahead"] is None and known_after["hidden"]["days"] == inside.sum()
    hidden_today = asked(all_stations, hidden_days=[[days[0], DAY.item()]])
    assert hidden_today["persistence"] == pytest.approx(flow[0])  # the last that the model saw


def test_a_hidden_station_outside_the_training_is_not_scaled_by_its_record(
    one_station: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = Served.open([one_station.path]).runs
    assert run.predictor.data.own_records and run.unrecorded is run.predictor  # all are of the training
    (run,) = Served.open([one_station.path]).runs
    monkeypatch.setitem(run.predictor.data.trained_on, "stations", ["9002", "101", "27003"])
    assert not run.unrecorded.data.own_records
