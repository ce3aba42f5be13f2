import numpy as np
import pytest
import torch

from hydromae.base.errors import ConfigError
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.windows.station_weights import station_weights
from support.sources import World


def store_of(world: World, flow: np.ndarray) -> Store:
    world.series["riverflow"] = flow.astype(np.float32)
    world.raw["data"]["modalities"]["riverflow"] |= {"scaling": "standard"}
    world.write_series()
    return prepare(world.config())


def scaled(store: Store) -> np.ndarray:
    values = torch.tensor(store.read("riverflow", store.period_slice("train")))
    return np.asarray(store.scaler("riverflow").scale(values).double().numpy())


def test_weights_make_squared_errors_those_of_the_nash_sutcliffe_efficiency(world: World) -> None:
    random = np.random.default_rng(0)
    flow = random.gamma(2.0, 1.0, (len(world.days), 4)) * [1.0, 3.0, 10.0, 100.0]
    flow[random.random(flow.shape) < 0.2] = np.nan
    flow[world.n_train :] *= 5.0  # nothing of later days may count
    store = store_of(world, flow)
    found, spread = station_weights(store, "riverflow"), np.nanstd(scaled(store), axis=0)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, 1 / (spread + 0.1) ** 2, rtol=1e-5)
    # The mean of a station costs less than 1 at each, by more where the flow hardly changes.
    costs = found * spread**2
    assert (costs < 1).all() and (np.diff(costs[np.argsort(spread)]) > 0).all()


def test_a_station_that_was_never_observed_counts_once_and_one_without_change_no_more_than_the_floor_allows(
    world: World,
) -> None:
    flow = np.random.default_rng(0).gamma(2.0, 1.0, (len(world.days), 4))
    flow[:, 1], flow[:, 2] = np.nan, 3.0
    store = store_of(world, flow)
    weights = dict(zip(store.station_ids, station_weights(store, "riverflow"), strict=True))
    assert weights[world.ids[1]] == 1
    assert weights[world.ids[2]] == pytest.approx(100, rel=1e-3)


def test_what_is_no_series_is_named(prepared: tuple[World, Store]) -> None:
    with pytest.raises(ConfigError, match=r"precip is no series of .*, whose series are: evap, riverflow"):
        station_weights(prepared[1], "precip")
