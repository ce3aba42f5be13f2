from pathlib import Path

import numpy as np
import pytest
import torch

from hydromae.base.errors import ConfigError
from hydromae.masks.tasks import ValueMask
from hydromae.prediction.predictor import Predictor
from hydromae.prediction.reconstruction import reconstruct_window
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.tokens.selection import TARGET
from hydromae.windows.windows import WindowReader
from support.batches import BatchMaker
from support.sources import World, make_world
from support.untrained import ALL, ONE, untrained_run

Prepared = tuple[World, Store]


@pytest.fixture(scope="module")
def every(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_run(*prepared, tmp_path_factory.mktemp("predictor") / "run", **ALL).path


@pytest.fixture(scope="module")
def one(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_run(*prepared, tmp_path_factory.mktemp("predictor") / "run", **ONE).path


def test_a_question_that_hides_what_a_mask_hides_is_answered_as_the_mask_is(every: Path, prepared: Prepared) -> None:
    predictor, store = Predictor(every), prepared[1]
    maker = BatchMaker(store, predictor.model.shapes, predictor.config.masking, 0, torch.device("cpu"))
    reader = WindowReader(store, predictor.model.shapes)
    fields = reconstruct_window(predictor.model, maker.batcher, maker.masker, reader, 100, 8)
    values = predictor.read(100, 8)
    wanted = {name: state[0] == TARGET for name, (_, _, state) in fields.items()}
    found = predictor.ask(100, values, ValueMask(wanted, {}))
    for name, (_, expected, _) in fields.items():
        torch.testing.assert_close(found[name].mean, expected[0], equal_nan=True, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["every", "one"])
def test_there_is_an_answer_where_one_is_wanted_and_nowhere_else(kind: str, request: pytest.FixtureRequest) -> None:
    predictor = Predictor(request.getfixturevalue(kind))
    values = predictor.read(60, 12)
    wanted = {"riverflow": torch.zeros(12, 4, dtype=torch.bool)}
    wanted["riverflow"][7, 2] = wanted["riverflow"][3, 0] = True
    answer = predictor.ask(60, values, ValueMask(wanted, {}))["riverflow"]
    assert torch.equal(answer.mean.isfinite(), wanted["riverflow"])
    assert answer.quantiles is not None
    assert torch.equal(answer.quantiles.isfinite().all(-1), wanted["riverflow"])


def test_a_day_may_be_wanted_whose_token_is_seen_in_part(one: Path) -> None:
    # Tokens span three days: those of the other two days must count, and the hidden one must not.
    predictor = Predictor(one)
    values = predictor.read(60, 12)
    values["riverflow"][:] = values["riverflow"].nan_to_num(1.0)
    wanted = {"riverflow": torch.zeros(12, 4, dtype=torch.bool)}
    wanted["riverflow"][7, 2] = True
    found = []
    for hidden, beside in ((torch.nan, 5.0), (torch.nan, 9.0)):
        shown = {name: value.clone() for name, value in values.items()}
        shown["riverflow"][7, 2], shown["riverflow"][6, 2] = hidden, beside
        found.append(predictor.ask(60, shown, ValueMask(wanted, {}))["riverflow"].mean[7, 2])
    assert found[0] != found[1]


def test_one_station_is_predicted_from_its_own_series_alone(one: Path) -> None:
    predictor = Predictor(one)
    values = predictor.read(60, 12)
    wanted = {"riverflow": torch.zeros(12, 4, dtype=torch.bool)}
    wanted["riverflow"][9:, 1] = True
    other = {name: value.clone() for name, value in values.items()}
    for name in ("evap", "riverflow"):
        other[name][:, [0, 2, 3]] = 77.0
    first, second = (
        predictor.ask(60, shown, ValueMask(wanted, {}))["riverflow"].mean[9:, 1] for shown in (values, other)
    )
    assert torch.equal(first, second)


def test_days_before_and_behind_the_data_are_missing(one: Path, prepared: Prepared) -> None:
    predictor, store = Predictor(one), prepared[1]
    values = predictor.read(-3, 5)["evap"]
    assert values[:3].isnan().all() and torch.equal(values[3:], torch.tensor(store.values("evap")[:2]))
    values = predictor.read(store.n_days - 2, 5)["precip"]
    assert values[2:].isnan().all() and values[:2].isfinite().any()


def other_store(tmp_path: Path, *overrides: str) -> Store:
    """Data of the same variables, with other values, and other stations where asked."""
    return prepare(make_world(tmp_path / "others", seed=3).config(*overrides))


def test_other_data_are_scaled_as_those_of_the_training(one: Path, every: Path, tmp_path: Path) -> None:
    others = other_store(tmp_path)
    for path in (one, every):
        own, used = Predictor(path), Predictor(path, others)
        assert used.stations == own.stations
        for name, scaler in own.data.scalers.items():
            assert (used.data.scalers[name].mean, used.data.scalers[name].std) == (scaler.mean, scaler.std)
            assert others.scaler(name).mean != scaler.mean  # the test can fail
        np.testing.assert_array_equal(used.data.attributes, own.data.attributes)


def test_stations_keep_their_places_in_a_model_of_all_whatever_their_order(
    every: Path, prepared: Prepared, tmp_path: Path
) -> None:
    others = other_store(tmp_path, "data.exclude_stations=[9002]")
    used = Predictor(every, others)
    values = used.read(20, 4)["evap"]
    assert used.stations == prepared[1].station_ids != others.station_ids
    for place, station in enumerate(used.stations):
        if station == "9002":
            assert values[:, place].isnan().all()
        else:
            expected = others.values("evap")[20:24, others.station_ids.index(station)]
            np.testing.assert_array_equal(values[:, place].numpy(), expected)


def test_a_station_unknown_to_the_training_is_scaled_as_the_average_of_the_others(
    prepared: Prepared, tmp_path: Path
) -> None:
    store = prepared[1]
    fewer = make_world(tmp_path / "fewer")
    overrides = ("data.exclude_stations=[9002]", "data.modalities.riverflow.scaling_per=station")
    trained = prepare(fewer.config(*overrides))
    used = Predictor(untrained_run(fewer, trained, tmp_path / "run", **ONE).path, store)
    known, found = trained.scaler("riverflow"), used.data.scalers["riverflow"]
    for place, station in enumerate(store.station_ids):
        if station == "9002":
            assert found.mean[place] == pytest.approx(np.mean(known.mean))  # of logarithms, which have none themselves
            assert found.std[place] == pytest.approx(np.exp(np.mean(np.log(known.std))))
        else:
            assert found.mean[place] == known.mean[trained.station_ids.index(station)]
    # Its area is its own.
    assert found.factor == store.scaler("riverflow").factor


def test_a_new_gauge_is_scaled_by_its_own_record_where_a_task_may_know_it(prepared: Prepared, tmp_path: Path) -> None:
    fewer = make_world(tmp_path / "fewer")
    by_station = "data.modalities.riverflow.scaling_per=station"
    trained = prepare(fewer.config("data.exclude_stations=[9002]", by_station))
    run = untrained_run(fewer, trained, tmp_path / "run", **ONE).path
    recorded = other_store(tmp_path / "recorded", by_station)
    new = recorded.station_ids.index("9002")
    scalers = {own: Predictor(run, recorded, own_records=own).data.scalers["riverflow"] for own in (True, False)}
    mine, known = recorded.scaler("riverflow"), trained.scaler("riverflow")
    average = (np.mean(known.mean), np.exp(np.mean(np.log(known.std))))
    assert (scalers[False].mean[new], scalers[False].std[new]) == pytest.approx(average)
    # Some months of record count a part.
    found = (scalers[True].mean[new], scalers[True].std[new])
    for of_both, usual, own in zip(found, average, (mine.mean[new], mine.std[new]), strict=True):
        assert 0 < (of_both - usual) / (own - usual) < 1
    for place, station in enumerate(recorded.station_ids):
        if station != "9002":  # those of the training keep the scale that they had then
            assert scalers[True].mean[place] == known.mean[trained.station_ids.index(station)] != mine.mean[place]
    # A gauge without a record in the training period of the data has the averages.
    world = make_world(tmp_path / "silent" / "sources")
    world.series["riverflow"][:, world.ids.index("9002")] = np.nan
    world.write_series()
    silent = Predictor(run, prepare(world.config(by_station)), own_records=True).data.scalers["riverflow"]
    assert silent.mean[new] == pytest.approx(np.mean(known.mean))


def test_data_in_another_unit_are_refused(one: Path, tmp_path: Path) -> None:
    world = make_world(tmp_path / "others", seed=3)
    world.raw["data"]["modalities"]["evap"] = {**world.raw["data"]["modalities"]["evap"], "units": "m/d"}
    with pytest.raises(ConfigError, match=r"evap is in m/d, but the run was trained on mm/d"):
        Predictor(one, prepare(world.config()))


def test_a_grid_cannot_be_asked_of_a_model_of_single_stations(one: Path) -> None:
    predictor = Predictor(one)
    values = predictor.read(60, 12)
    with pytest.raises(ConfigError, match="precip: a grid is predicted by models whose windows hold all stations"):
        predictor.ask(60, values, ValueMask({"precip": values["precip"].isnan()}, {}))
