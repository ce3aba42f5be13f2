"""Which stations take part, and what is said of those that do not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydromae.base.errors import ConfigError, DataError
from hydromae.sources.plan import make_plan, station_order
from hydromae.sources.station_choice import without_excluded
from hydromae.store.prepare import prepare
from support.sources import make_world


def test_excluded_stations_are_left_out_of_every_series_and_the_attributes(world, prepared):
    store = prepare(world.config("data.exclude_stations=['101']"))
    assert store.station_ids == ("9002", "39001", "27003")
    kept = [prepared[1].station_ids.index(station) for station in store.station_ids]
    for name in ("evap", "riverflow"):
        np.testing.assert_array_equal(store.values(name), prepared[1].values(name)[:, kept])
    np.testing.assert_array_equal(store.attributes, prepared[1].attributes[kept])


def test_an_unknown_station_to_exclude_names_the_nearest(world):
    with pytest.raises(ConfigError, match=r"data\.exclude_stations names 3901.*did you mean 39001\?"):
        make_plan(world.config("data.exclude_stations=['3901']"))
    # 55555 has attributes but no series: to exclude it is of no consequence, and no mistake.
    assert len(make_plan(world.config("data.exclude_stations=['55555']")).station_ids) == 4


def test_a_station_that_the_attributes_lack_can_be_excluded(world):
    (world.root / "attributes.csv").write_text(
        "id,latitude,catchment-area,bfihost\n" + "".join(f"{i},1,1,1\n" for i in ("9002", "101", "39001"))
    )
    with pytest.raises(DataError, match=r"unknown station 27003.*data\.exclude_stations"):
        make_plan(world.config())
    assert make_plan(world.config("data.exclude_stations=['27003']")).station_ids == ("9002", "101", "39001")


def test_excluding_every_station_is_refused(world):
    with pytest.raises(DataError, match="names all 4 stations"):
        make_plan(world.config("data.exclude_stations=['39001','9002','27003','101']"))


@given(stations=st.lists(st.text("0123456789", min_size=1), unique=True, min_size=1), data=st.data())
def test_what_is_left_are_the_others_in_their_order(stations, data):
    excluded = data.draw(st.lists(st.sampled_from(stations), unique=True, max_size=len(stations) - 1))
    assert without_excluded(stations, excluded) == tuple(s for s in stations if s not in excluded)


def test_stations_that_lack_too_many_training_days_are_left_out_of_all_series_and_named(world):
    flow, evap = world.series["riverflow"], world.series["evap"]
    flow[:] = np.where(np.isnan(flow), 1, flow)
    flow[:70, 0] = np.nan  # 39001: half of the 140 training days
    flow[:35, 1] = np.nan  # 9002: a quarter
    flow[150:, 2] = np.nan  # 27003: none of the training days
    evap[:140, 3] = np.nan  # 101: all
    world.write_series()
    plan = make_plan(world.config("data.modalities.riverflow.max_missing=0.25", "data.modalities.evap.max_missing=0.9"))
    assert plan.station_ids == ("9002", "27003") and plan.attributes.ids == plan.station_ids
    assert all(source.station_ids == plan.station_ids for source in plan.sources if source.settings.kind == "series")
    assert plan.notes == (
        "evap: 1 station lacks more than 90 % of data.train and is left out: 101 (100 %)",
        "riverflow: 1 station lacks more than 25 % of data.train and is left out: 39001 (50 %)",
    )
    every = make_plan(world.config("data.modalities.riverflow.max_missing=0.249"))
    assert every.notes[0].endswith("2 stations lack more than 24.9 % of data.train and are left out: "
                                   "9002 (25 %), 39001 (50 %)")  # fmt: skip
    assert len(make_plan(world.config()).station_ids) == 4


def test_no_station_left_is_refused_with_the_reasons(world):
    world.series["riverflow"][:139] = np.nan
    world.write_series()
    message = (
        r"none of 4 stations is left \(riverflow: 4 stations lack.*101 \(99\.3 %\).*raise data\.modalities\.riverflow"
    )
    with pytest.raises(DataError, match=message):
        make_plan(world.config("data.modalities.riverflow.max_missing=0.5"))


def test_excluded_days_and_codes_count_as_missing(world):
    world.series["evap"][:50, 0] = -99999
    world.write_series()
    keys = "data.modalities.evap.max_missing=0.4", "data.modalities.evap.exclude_dates=[[2001-03-01, 2001-03-10]]"
    assert "39001" not in make_plan(world.config(*keys)).station_ids
    assert "39001" in make_plan(world.config(keys[0])).station_ids


@settings(max_examples=10, deadline=None)
@given(limit=st.floats(0, 1), seed=st.integers(0, 100))
def test_who_stays_lacks_no_more_than_the_limit_and_who_goes_lacks_more(tmp_path_factory, limit, seed):
    world = make_world(tmp_path_factory.mktemp("choice") / "sources")
    del world.raw["data"]["modalities"]["precip"], world.raw["data"]["modalities"]["soil"]
    flow = world.series["riverflow"]
    starts = np.random.default_rng(seed).integers(0, 140, 4)
    starts[0] = 0
    flow[:] = np.where(np.arange(len(flow))[:, None] < starts, np.nan, 1 + np.arange(len(flow))[:, None])
    world.write_series()
    kept = make_plan(world.config(f"data.modalities.riverflow.max_missing={limit}")).station_ids
    assert set(kept) == {world.ids[i] for i in range(4) if starts[i] / 140 <= limit}


def test_the_order_of_those_that_stay_is_that_of_the_attributes(world):
    plan = make_plan(world.config("data.exclude_stations=['9002']", "data.modalities.evap.max_missing=0.5"))
    assert plan.station_ids == ("101", "39001", "27003")
    assert station_order([], None, world.config().data) == ()
