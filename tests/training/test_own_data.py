"""Tuning the model that comes with the package on gauges of one's own."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from hydromae.base.errors import ConfigError, RunError
from hydromae.prediction.known_data import KnownData
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import load_pretrained
from hydromae.store.store import Store
from hydromae.store.store_of_frame import store_of_frame
from hydromae.tasks.forecast import forecast
from hydromae.training.finetune import finetune
from hydromae.training.gain import Gain

DAYS = 300  # 182 of a window, 91 that are held out, and some
UNITS = {"precip": "mm/d", "temp": "degC", "riverflow": "m3/s"}
PLACES = pd.DataFrame({"latitude": [52.0, 55.5], "longitude": [-1.5, -3.0], "area": [120.0, 40.0]}, index=["7", "12"])


def gauges(days: int) -> pd.DataFrame:
    """Rain, temperature and flow in m3/s of two gauges; without evaporation."""
    random, tables = np.random.default_rng(3), []
    for station, area in PLACES["area"].items():
        rain = random.gamma(0.4, 6.0, days)
        flow = np.convolve(rain, 0.8 * 0.1 * np.exp(-np.arange(60) / 10))[:days] * area / 86.4
        table = pd.DataFrame({"precip": rain, "temp": 9 + random.normal(0, 3, days), "riverflow": flow})
        table["date"], table["station"] = pd.date_range("2012-01-01", periods=days), station
        tables.append(table)
    return pd.concat(tables)


@pytest.fixture(scope="module")
def data() -> Iterator[Store]:
    with store_of_frame(gauges(DAYS), ["precip", "temp", "riverflow"], UNITS, PLACES) as (store, _):
        yield store


@pytest.fixture(scope="module")
def tuned(data: Store, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDirectory, Gain]:
    gain, folder = Gain(), tmp_path_factory.mktemp("tuned")
    # Steps so large that they spoil the weights.
    run = finetune("gb", "forecast", ["training.lr=0.5", "training.epochs=1", "training.lr_scale={'*': 1.0}"],
                   folder / "mine", data=data, callbacks=[gain])  # fmt: skip
    return run, gain


def test_where_tuning_gains_nothing_the_forecasts_are_those_of_the_model_as_it_was(
    data: Store, tuned: tuple[RunDirectory, Gain]
) -> None:
    run, gain = tuned
    assert gain.first is not None and gain.lowest > gain.first
    assert (gain.sentence() or "").startswith("Tuning gained nothing on the days held out")
    before, after = forecast("gb", "2012-09-20", data=data), forecast(run.path, "2012-09-20", data=data)
    # Only the scale of a new station differs, since the days held out are no part of its record.
    assert not np.array_equal(before["riverflow"], after["riverflow"])
    np.testing.assert_allclose(after["riverflow"], before["riverflow"], rtol=0.1)
    np.testing.assert_array_equal(forecast(run.path, "2012-09-20")["riverflow"], after["riverflow"])


def test_the_model_meets_the_numbers_that_it_met_before(data: Store, tuned: tuple[RunDirectory, Gain]) -> None:
    run, _ = tuned
    store, model = run.store(), load_pretrained("gb")
    settings = RunDirectory.open("gb").config().data
    train, val = store.periods["train"], store.periods["val"]
    assert (val[1] - val[0]).days + 1 == 91 and (val[0] - train[1]).days == 1
    known = KnownData(model, data.with_periods(store.periods), False, settings, own_records=True)
    for name in model.shapes:
        values = torch.from_numpy(known.read(name, 0, DAYS))
        expected = known.scalers[name].scale(values)
        found = store.scaler(name).scale(torch.from_numpy(np.array(store.read(name, slice(None)))))
        torch.testing.assert_close(found, expected, equal_nan=True)
        assert not found.isnan().all()  # evaporation is computed
    np.testing.assert_allclose(store.scaled_attributes, known.attributes, rtol=1e-5)
    assert np.isnan(store.attributes).any()  # what is not known stays so
    assert (store.attribute_names, store.units("riverflow")) == (tuple(model.trained_on["attributes"]), "m3/s")


def test_a_tuned_model_knows_new_stations_as_before(tuned: tuple[RunDirectory, Gain]) -> None:
    first, then = (load_pretrained(path).trained_on for path in ("gb", tuned[0].path))
    assert then["modalities"]["riverflow"]["new_station"] == first["modalities"]["riverflow"]["new_station"]
    assert then["attribute_scale"] == first["attribute_scale"]
    assert then["stations"] == ["7", "12"] and len(then["before"]) == 1


def test_a_record_that_is_too_short_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with (
        store_of_frame(gauges(200), ["precip", "temp", "riverflow"], UNITS, PLACES) as (short, _),
        pytest.raises(ConfigError, match=r"holds 200 days of riverflow .* so 273 at least; forecast with the model"),
    ):
        finetune("gb", "forecast", output=tmp_path / "mine", data=short)
    assert not list(tmp_path.iterdir())


def test_an_output_that_holds_a_run_is_refused_before_data_are_read(tuned: tuple[RunDirectory, Gain]) -> None:
    with pytest.raises(RunError, match="already holds a run"):
        finetune("gb", "forecast", output=tuned[0].path, data="no_such_store")
