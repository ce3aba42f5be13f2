"""Days that `data.exclude_dates` declares wrong: nothing is fitted on them, whatever stands in them."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hydromae.base.errors import ConfigError, DataError
from hydromae.store.memory_store import MemoryStore
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.tasks.forecast_baselines import series_of
from hydromae.windows.events import flood_days
from hydromae.windows.station_weights import station_weights
from support.sources import World, make_world

WRONG = slice(30, 61)  # 2001-01-31 to 2001-03-02
EXCLUDE = "data.exclude_dates=[[2001-01-31,2001-02-20],2001-02-21,[2001-02-15,2001-03-02],2001-06-01]"


@pytest.fixture
def rivers(tmp_path: Path) -> World:
    """River flow and evaporation alone, a month of the flow garbage."""
    world = make_world(tmp_path / "sources")
    modalities = world.raw["data"]["modalities"]
    world.raw["data"]["modalities"] = {name: modalities[name] for name in ("evap", "riverflow")}
    del world.raw["data"]["land_mask"]
    world.series["riverflow"][WRONG] = 5000.0
    world.write_series()
    return world


def expected_log(world: World, store: Store) -> np.ndarray:
    """Scaled training flow before it is standardised, as the store has it, of the days that are right."""
    scaler = store.scaler("riverflow")
    flow = store.read("riverflow", slice(0, world.n_train)).astype(np.float64)
    assert scaler.factor is not None and scaler.transform == "log"
    right = np.ones(world.n_train, bool)
    right[WRONG] = False
    return np.log(flow[right] * np.array(scaler.factor) + scaler.eps)


@pytest.mark.parametrize("storage", ["float32", "float16"])
def test_scalers_and_means_are_those_of_the_days_that_are_right(rivers: World, storage: str) -> None:
    store = prepare(rivers.config(EXCLUDE, f"data.storage={storage}"))
    raw = Store.open(prepare(rivers.config(f"data.store={rivers.root.parent / 'exact'}")).path)
    values = expected_log(rivers, raw)
    scaler = store.scaler("riverflow")
    assert scaler.mean[0] == pytest.approx(np.nanmean(values), rel=1e-6)
    assert scaler.std[0] == pytest.approx(np.nanstd(values), rel=1e-6)
    assert scaler.std[0] < 0.8 * raw.scaler("riverflow").std[0]  # as it was with the garbage
    flow = raw.read("riverflow", slice(0, rivers.n_train)).copy()
    flow[WRONG] = np.nan
    np.testing.assert_allclose(store.mean("riverflow"), np.nanmean(flow, axis=0), rtol=1e-5)
    spans = [[str(day) for day in span] for span in store.provenance.fitted_without]
    assert spans == [["2001-01-31", "2001-03-02"]]  # of the training alone, together


def test_a_store_that_was_there_keeps_its_scalers_and_says_so(rivers: World, caplog: pytest.LogCaptureFixture) -> None:
    before = prepare(rivers.config())
    with caplog.at_level("WARNING", "hydromae"):
        kept = prepare(rivers.config(EXCLUDE))
    assert kept.fingerprint == before.fingerprint and not kept.usable[WRONG].any()
    assert (
        "fitted without none of the training days, while data.exclude_dates names 2001-01-31 to 2001-03-02"
        in caplog.text
    )
    caplog.clear()
    with caplog.at_level("WARNING", "hydromae"):
        anew = prepare(rivers.config(EXCLUDE), overwrite=True)  # what the message says to do
        again = prepare(rivers.config(EXCLUDE))
        prepare(rivers.config(EXCLUDE.replace("2001-06-01", "2001-06-02")))  # no day of the training
    assert not caplog.text and again.fingerprint == anew.fingerprint != before.fingerprint
    with caplog.at_level("WARNING", "hydromae"):
        prepare(rivers.config())
    assert "without 2001-01-31 to 2001-03-02 of the training days, while data.exclude_dates names none" in caplog.text


def test_days_are_added_to_a_store_whatever_days_are_excluded_since(rivers: World) -> None:
    rivers.raw["data"]["val"][1] = "2001-06-30"
    before = prepare(rivers.config("data.modalities.riverflow.max_missing=0.1"))
    rivers.raw["data"]["val"][1] = "2001-07-19"
    after = prepare(rivers.config("data.modalities.riverflow.max_missing=0.1", EXCLUDE), append=True)
    assert after.n_days == before.n_days + 19 and after.scaler("riverflow") == before.scaler("riverflow")
    assert after.provenance.fitted_without == () and not after.usable[WRONG].any()


def test_an_empty_training_period_names_the_key(rivers: World) -> None:
    with pytest.raises(DataError, match=r"evap: has no value in the training period; .*\(data.exclude_dates\)"):
        prepare(rivers.config("data.exclude_dates=[[2001-01-01,2001-05-20]]"))


def test_stations_are_left_out_by_their_share_of_the_days_that_are_right(rivers: World) -> None:
    rivers.series["riverflow"][WRONG, 2] = np.nan
    rivers.write_series()
    limit = "data.modalities.riverflow.max_missing=0.2"
    assert "27003" not in prepare(rivers.config(limit)).station_ids
    assert "27003" in prepare(rivers.config(limit, EXCLUDE, f"data.store={rivers.root.parent / 'other'}")).station_ids


def garbage(store: Store) -> np.ndarray:
    return np.flatnonzero(flood_days(store))


def weights(store: Store) -> np.ndarray:
    return station_weights(store, "riverflow")


def flows(store: Store) -> np.ndarray:
    return series_of(store, store.station_ids)["riverflow"].values


@pytest.mark.parametrize("learn", [garbage, weights, flows])
def test_values_of_excluded_days_change_nothing_learnt(rivers: World, learn: Callable[[Store], Any]) -> None:
    found = []
    for number, value in enumerate((5000.0, 1e-3)):
        rivers.series["riverflow"][WRONG] = value
        rivers.write_series()
        found.append(prepare(rivers.config(EXCLUDE, f"data.store={rivers.root.parent / str(number)}")))
    one, other = map(learn, found)
    np.testing.assert_array_equal(one, other)
    unaware = learn(Store.open(found[0].path))
    assert unaware.shape != one.shape or not np.array_equal(unaware, one, equal_nan=True)


def test_a_store_stays_without_the_excluded_days_in_other_processes_and_periods(rivers: World) -> None:
    store = prepare(rivers.config(EXCLUDE))
    for same in (
        pickle.loads(pickle.dumps(store)),
        store.with_periods({}),
        MemoryStore(store),
    ):
        assert np.isnan(same.read_usable("riverflow", slice(20, 70))[10:41]).all()
        assert np.isfinite(same.read("riverflow", slice(20, 70))[10:41]).all()
        assert np.array_equal(same.usable, store.usable) and not same.usable[WRONG].any()


def test_floods_are_not_looked_for_where_everything_is_excluded(rivers: World) -> None:
    with pytest.raises(ConfigError, match="no station has 50 days"):
        flood_days(prepare(rivers.config()).with_excluded((rivers.config().data.train,)))  # type: ignore[arg-type]
