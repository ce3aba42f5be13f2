"""The comparison with neuralhydrology: what it is given, and what comes back."""

import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.benchmark import gb_flow_7
from hydromae.config.read import build_config
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from support.sources import write_attributes, write_table

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import neural_hydrology
from generic_dataset import KNOWN, MISSING, TARGET, cudalstm, handoff, settings, write_generic
from neural_hydrology import seconds_of_a_year, seconds_of_forecasts, start
from neural_hydrology_scores import benchmark_config, forecasts_of

IDS = [1001, 2002, 3003]
FIRST, LEARNT, LAST = date(2009, 1, 1), date(2009, 9, 30), date(2009, 12, 31)
DAYS = np.arange(np.datetime64(FIRST), np.datetime64(LAST) + 1)
WINDOW, HORIZON = 30, 7
NO_FLOW = slice(40, 45)


def store_of(folder: Path, changed_from: int = len(DAYS)) -> Store:
    """Three rivers with a gap; flow from a day on is another one if asked for."""
    chance = np.random.default_rng(0)
    size = (len(DAYS), len(IDS))
    columns = {name: chance.gamma(1.0, 2.0, size) for name in ("precipitation", "temperature", "evaporation")}
    flow = columns["precipitation"] * [0.2, 0.4, 0.6] + 1
    flow[changed_from:] += 5
    flow[NO_FLOW, 0] = np.nan
    folder.mkdir(parents=True)
    columns = {name: values.astype(np.float32) for name, values in (columns | {"discharge_spec": flow}).items()}
    write_table(folder / gb_flow_7.TABLE, DAYS, IDS, columns)
    config = benchmark_config(folder, folder / "store")
    numbers = {name: [1.0 + place, 2.0, 4.0] for place, name in enumerate(config.data.attributes.columns)}
    write_attributes(folder / gb_flow_7.ATTRIBUTES, IDS, numbers | {"propwet": [1.0, None, 3.0]})
    periods = {"train": (FIRST, LEARNT), "test": (LEARNT + timedelta(days=1), LAST)}
    return prepare(config.model_copy(update={"data": config.data.model_copy(update=periods)}))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return store_of(tmp_path_factory.mktemp("rivers") / "data")


@pytest.fixture(scope="module")
def folder(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    generic = tmp_path_factory.mktemp("generic")
    assert write_generic(store, generic) == ("precip", "temp", "evap")
    return generic


def test_the_files_hold_the_series_of_the_store(store: Store, folder: Path) -> None:
    for place, station in enumerate(store.station_ids):
        with xr.open_dataset(folder / "time_series" / f"{station}.nc") as file:
            np.testing.assert_array_equal(file["date"].values, DAYS)
            for name in store.names:
                np.testing.assert_array_equal(file[name].values, store.read(name, slice(None))[:, place])


def test_no_input_is_missing_and_flow_that_was_filled_is_marked(store: Store, folder: Path) -> None:
    with xr.open_dataset(folder / "time_series" / "1001.nc") as file:
        assert all(file[name].notnull().all() for name in file if name != TARGET)
        gap = np.zeros(len(DAYS))
        gap[NO_FLOW] = 1
        np.testing.assert_array_equal(file[MISSING].values, gap)
        np.testing.assert_allclose(file[KNOWN].values[NO_FLOW], store.mean(TARGET)[0])
        np.testing.assert_array_equal(file[KNOWN].values[gap == 0], file[TARGET].values[gap == 0])
    attributes = pd.read_csv(folder / "attributes" / "attributes.csv", index_col="gauge_id")
    assert list(attributes["propwet"]) == [1.0, 2.0, 3.0]
    assert (folder / "stations.txt").read_text().split() == list(store.station_ids)


def test_a_store_without_flow_is_refused(tmp_path: Path, store: Store) -> None:
    raw = {"precip": {"kind": "series", "paths": [gb_flow_7.TABLE], "variable": "precipitation", "units": "mm/d"}}
    data = {"root": str(store.path.parent), "store": str(tmp_path / "store"), "modalities": raw, "train": [FIRST, LAST]}
    with pytest.raises(DataError, match="has no series 'riverflow', but precip"):
        write_generic(prepare(build_config({"data": data})), tmp_path / "generic")


def test_its_windows_become_forecasts_of_the_days_before_their_horizon() -> None:
    last_days = pd.date_range("2009-10-08", periods=2, name="date")
    flow = np.arange(2.0 * HORIZON).reshape(2, HORIZON) - 1
    result = xr.Dataset(
        {f"{TARGET}_sim": (("date", "time_step"), flow)}, {"date": last_days, "time_step": range(-6, 1)}
    )
    forecasts = forecasts_of({"1001": {"1D": {"xr": result}}, "2002": {"1D": {"xr": result + 1}}}, HORIZON)
    assert forecasts.dims == ("issue_time", "lead_time", "station") and forecasts.attrs["units"] == "mm/d"
    assert list(forecasts["lead_time"].values) == [1, 2, 3, 4, 5, 6, 7]
    assert forecasts.sel(issue_time="2009-10-02", lead_time=1, station="1001").item() == HORIZON - 1
    assert forecasts.sel(issue_time="2009-10-01", lead_time=1, station="1001").item() == 0  # never below


def test_a_year_costs_what_is_done_once_and_each_of_its_days() -> None:
    assert seconds_of_a_year({4: 40 + 4 * 0.5, 36: 40 + 36 * 0.5}) == pytest.approx(40 + 365 * 0.5)
    assert seconds_of_a_year({10: 5.0}) == pytest.approx(365 * 0.5)


def test_without_neuralhydrology_a_sentence_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(neural_hydrology, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["neural_hydrology.py"])
    with pytest.raises(SystemExit):
        neural_hydrology.main()
    assert "pip install neuralhydrology" in capsys.readouterr().err


def untrained(store: Store, folder: Path, model: dict[str, object]) -> object:
    """A trainer of neuralhydrology after one step."""
    issued = LAST - timedelta(days=HORIZON)
    sizes = {"hidden_size": 4, "seq_length": WINDOW, "batch_size": 32, "predict_last_n": HORIZON}
    days = (FIRST, LEARNT), (issued - timedelta(days=3), LAST)
    trainer = start(settings(store, folder, model, *days, **sizes, max_updates_per_epoch=1))
    trainer.train_and_validate()
    return trainer


def test_it_trains_on_the_files_and_forecasts_every_issue_day(store: Store, folder: Path) -> None:
    pytest.importorskip("neuralhydrology", reason="neuralhydrology is not installed")
    trainer = untrained(store, folder, cudalstm(("precip", "temp", "evap"), HORIZON))
    first_day_after_issue = LAST - timedelta(days=HORIZON + 3)
    took, number = seconds_of_forecasts(trainer, first_day_after_issue, LAST)
    assert took > 0 and number == 5 * len(IDS)


def test_its_forecast_knows_no_flow_after_the_issue_day(store: Store, folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("neuralhydrology", reason="neuralhydrology is not installed")
    from neuralhydrology.evaluation import get_tester

    torch.set_num_threads(1)
    issue = len(DAYS) - 1 - HORIZON - 2
    changed = tmp_path / "generic"
    write_generic(store_of(tmp_path / "data", changed_from=issue + 1), changed)
    for forcing in ("none", "perfect"):
        trainer = untrained(store, folder, handoff(("precip", "temp", "evap"), HORIZON, 4, forcing))
        found = []
        for data in (folder, changed):
            trainer.cfg.update_config({"data_dir": str(data)})
            tester = get_tester(cfg=trainer.cfg, run_dir=trainer.cfg.run_dir, period="test", init_model=True)
            found.append(forecasts_of(tester.evaluate(save_results=False), HORIZON))
        same = (found[0] == found[1]).all(["lead_time", "station"])
        assert same.sel(issue_time=DAYS[issue]) and not same.sel(issue_time=DAYS[issue + 1])
