import numpy as np
import pytest

from hydromae.base.errors import ConfigError
from hydromae.config import DataConfig
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.windows import events
from hydromae.windows.events import flood_days
from hydromae.windows.order import training_order
from support.sources import World


def store_of(world: World, flow: np.ndarray) -> Store:
    world.series["riverflow"] = flow.astype(np.float32)
    world.write_series()
    return prepare(world.config())


def calm(world: World) -> np.ndarray:
    """Flow of four stations that differ a thousandfold in size, [days, 4]; each day has its own value at each."""
    random = np.random.default_rng(1)
    return (1 + 0.1 * random.random((len(world.days), 4))) * [1.0, 10.0, 100.0, 1000.0]


FLOODS = [30, 31, 77]  # the 2 % of the 140 training days above the 98th percentile


def flooded(world: World) -> np.ndarray:
    flow = calm(world)
    flow[FLOODS] *= 3.0
    return flow


def floods(store: Store, name: str | None = None) -> set[int]:
    return set(np.flatnonzero(flood_days(store, name)).tolist())


def test_a_flood_is_a_day_on_which_many_stations_exceed_their_own_high_flow(world: World) -> None:
    flow = flooded(world)
    flow[80, 3] *= 10.0  # at the largest alone, whose water outweighs all others'
    assert floods(store_of(world, flow)) == set(FLOODS)


def test_days_after_the_training_period_are_no_flood_days_and_set_no_threshold(world: World) -> None:
    flow = flooded(world)
    flow[world.n_train :] *= 9.0
    assert floods(store_of(world, flow)) == set(FLOODS)


def test_missing_flow_makes_no_flood_and_hides_none(world: World) -> None:
    flow = flooded(world)
    flow[31, :2] = np.nan  # half of the stations are missing on one flood,
    flow[100] = [np.nan, np.nan, np.nan, 5000.0]  # and one station alone is high on a day without the others
    assert floods(store_of(world, flow)) == set(FLOODS)


def test_a_station_with_few_days_takes_no_part(world: World) -> None:
    flow = np.full((len(world.days), 4), np.nan)
    flow[60 : 60 + events.FEWEST_DAYS - 1, 3] = calm(world)[60 : 60 + events.FEWEST_DAYS - 1, 3]
    flow[77, 3] *= 9.0
    few = store_of(world, flow)
    flow[20, 3] = 1000.0
    world.raw["data"]["store"] += "_more"
    assert 77 in floods(store_of(world, flow))
    with pytest.raises(ConfigError, match=r"no station has 50 days of riverflow in the training period"):
        floods(few)


def test_stations_read_in_blocks_give_the_same_days(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_of(world, flooded(world))
    monkeypatch.setattr(events, "_STATIONS", 3)
    assert floods(store) == set(FLOODS)


def test_another_series_can_tell_the_events(world: World) -> None:
    world.series["evap"][50] = 40.0
    store = store_of(world, calm(world))
    assert 50 in floods(store, "evap") and 50 not in floods(store)


def test_without_flow_in_cubic_metres_a_series_must_be_named(world: World) -> None:
    world.raw["data"]["modalities"]["riverflow"] |= {"units": "mm/d", "per_area": False}
    store = store_of(world, calm(world))
    with pytest.raises(ConfigError, match=r"data\.event_share: .* has no series in m3/s .* data\.event_modality"):
        floods(store)
    assert floods(store, "riverflow")


def test_training_places_the_asked_share_of_its_windows_on_floods(world: World) -> None:
    store = store_of(world, flooded(world))
    held = {}
    for share in (0.0, 0.5):
        data = DataConfig.model_validate({**world.raw["data"], "window": 5, "stride": 5, "event_share": share})
        order = training_order(data, store, 4, seed=0)
        found = []
        for epoch in range(20):
            order.epoch = epoch
            found += [any(start <= day < start + 5 for day in FLOODS) for batch in order for start in batch.starts]
        held[share] = np.mean(found)
    assert held[0.0] < 0.2 and held[0.5] > 0.5
