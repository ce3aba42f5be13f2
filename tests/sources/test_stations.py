import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydromae.base.errors import ConfigError, DataError
from hydromae.check.check import check
from hydromae.store.cf import outline
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.store.view import open_store
from support.placed import AREA, LATITUDE, place
from support.sources import make_world


@pytest.fixture(scope="module")
def stores(tmp_path_factory) -> dict[str, Store]:
    """One store as given, one in spatial order, one aggregated."""
    world = make_world(tmp_path_factory.mktemp("stations") / "sources")
    place(world)
    options = {"given": [], "spatial": ["data.station_order=spatial"], "cells": ["data.aggregate=2"]}
    return {
        name: prepare(world.config(f"data.store={world.root.parent / name}", *chosen))
        for name, chosen in options.items()
    }


def test_spatial_order_makes_tokens_of_neighbours_and_says_so(stores):
    assert stores["given"].station_ids == ("9002", "101", "39001", "27003")
    assert stores["spatial"].station_ids == ("9002", "27003", "101", "39001")
    assert stores["spatial"].provenance.options["station_order"] == "spatial"
    assert stores["spatial"].provenance.notes == ("stations are in spatial order, in compact groups of 2",)
    assert stores["given"].provenance.notes == () and stores["spatial"].members == {}


def test_each_station_keeps_its_own_values_in_spatial_order(stores):
    given_order, spatial = stores["given"], stores["spatial"]
    columns = [given_order.station_ids.index(station) for station in spatial.station_ids]
    for name in ("evap", "riverflow"):
        np.testing.assert_array_equal(spatial.values(name), given_order.values(name)[:, columns])
        np.testing.assert_array_equal(spatial.mean(name), given_order.mean(name)[columns])
    np.testing.assert_array_equal(spatial.attributes, given_order.attributes[columns])
    np.testing.assert_array_equal(spatial.areas, given_order.areas[columns])
    factor, expected = spatial.scaler("riverflow").factor, given_order.scaler("riverflow").factor
    assert factor == tuple(expected[i] for i in columns)
    assert spatial.fingerprint != given_order.fingerprint


def test_a_store_of_another_order_group_size_or_aggregate_is_refused(world):
    place(world)
    prepare(world.config())
    prepare(world.config("model.series_patch_size=3"))  # of no consequence to stations as given
    with pytest.raises(DataError, match=r"other options \(data\.station_order, model\.series_patch_size\)"):
        prepare(world.config("data.station_order=spatial"))
    with pytest.raises(DataError, match=r"other options \(data\.aggregate\)"):
        prepare(world.config("data.aggregate=3"))
    prepare(world.config("data.station_order=spatial"), overwrite=True)
    with pytest.raises(DataError, match=r"other options \(model\.series_patch_size\)"):
        prepare(world.config("data.station_order=spatial", "model.series_patch_size=3"))
    with pytest.raises(DataError, match=r"other options"):
        prepare(world.config())


@pytest.mark.parametrize("option", ["data.station_order=spatial", "data.aggregate=4"])
def test_coordinates_are_needed_and_asked_for(world, option):
    message = rf"{option} needs longitude; .*data\.attributes\.columns"
    with pytest.raises(ConfigError, match=message):
        prepare(world.config(option))
    assert any(option in problem.text for problem in check(world.config(option)).problems)
    world.raw["data"]["attributes"] = {}
    with pytest.raises(ConfigError, match=rf"{option} needs a table of attributes"):
        prepare(world.config(option))


def test_grids_alone_need_no_coordinates(world):
    modalities = world.raw["data"]["modalities"]
    world.raw["data"]["modalities"] = {"precip": modalities["precip"]}
    store = prepare(world.config("data.aggregate=4", "data.station_order=spatial"))
    assert store.station_ids == () and store.members == {}


def test_cells_are_named_and_list_their_members(stores):
    store = stores["cells"]
    assert store.station_ids == ("cell_00_01", "cell_01_00")
    assert store.members == {"cell_00_01": ("9002", "27003"), "cell_01_00": ("101", "39001")}
    assert json.loads((store.path / "store.json").read_text())["provenance"]["members"]["cell_00_01"] == [
        "9002",
        "27003",
    ]
    assert "4 stations are aggregated to 2 cells of a 2 x 2 grid" in store.provenance.notes[0]
    store.verify()


def test_attributes_of_cells_are_means_by_area_and_their_area_is_the_sum(stores):
    north, south = np.array([20.0, 400.0]), np.array([100.0, 80.0])
    np.testing.assert_array_equal(stores["cells"].areas, [180, 420])
    expected = [
        [south @ [50, 50.1] / 180, south @ [-3, -2.9] / 180, 180, south @ [0.3, 0.8] / 180],
        [north @ [58, 58.2] / 420, north @ [-4, -4.1] / 420, 420, 0.5],  # one bfihost is missing
    ]
    np.testing.assert_allclose(stores["cells"].attributes, expected, rtol=1e-6)


def weighted(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean over the observed columns, NaN where none is: written plainly."""
    observed = ~np.isnan(values)
    total = (observed * weights).sum(axis=1)
    return np.where(total > 0, np.nansum(values * weights, axis=1) / np.where(total > 0, total, 1), np.nan)


def test_series_of_cells_are_means_by_area_and_flows_the_mean_depth_over_the_whole_cell(stores):
    stations, cells = stores["given"], stores["cells"]
    assert np.isnan(cells.values("riverflow")[:10]).all()  # never observed in these days
    for i, members in enumerate(cells.members.values()):
        columns = [stations.station_ids.index(member) for member in members]
        evap, flow = (stations.values(name)[:, columns].astype(float) for name in ("evap", "riverflow"))
        areas = stations.areas[columns]
        np.testing.assert_allclose(cells.values("evap")[:, i], weighted(evap, areas), rtol=1e-6)
        expected = weighted(flow / areas, areas) * areas.sum()
        np.testing.assert_allclose(cells.values("riverflow")[:, i], expected, rtol=1e-6)
        complete = ~np.isnan(flow).any(axis=1)
        np.testing.assert_allclose(cells.values("riverflow")[complete, i], flow[complete].sum(axis=1), rtol=1e-6)
    assert cells.scaler("riverflow").factor == pytest.approx((86.4 / 180, 86.4 / 420))


@settings(max_examples=10, deadline=None)
@given(value=st.floats(0.5, 50), n=st.integers(1, 5))
def test_one_depth_of_runoff_everywhere_stays_that_depth_in_every_cell(tmp_path_factory, value, n):
    world = make_world(tmp_path_factory.mktemp("uniform") / "sources")
    place(world)
    del world.raw["data"]["modalities"]["precip"], world.raw["data"]["modalities"]["soil"]
    areas = np.array([AREA[station] for station in world.ids])
    depth = value * (1 + np.arange(len(world.days)) % 7)[:, None]
    flow = (depth * areas / 86.4).astype(np.float32)
    world.series["riverflow"] = np.where(np.isnan(world.series["riverflow"]), np.nan, flow).astype(np.float32)
    world.write_series()
    store = prepare(world.config(f"data.aggregate={n}"))
    modelled = store.values("riverflow") * np.array(store.scaler("riverflow").factor)
    seen = ~np.isnan(modelled)
    assert seen.any()
    np.testing.assert_allclose(modelled[seen], np.broadcast_to(depth, modelled.shape)[seen], rtol=1e-5)


def test_cells_of_one_station_hold_that_stations_values(world, stores):
    place(world)
    store = prepare(world.config("data.aggregate=100", "data.station_order=spatial"))
    assert [len(members) for members in store.members.values()] == [1, 1, 1, 1]
    columns = [stores["given"].station_ids.index(members[0]) for members in store.members.values()]
    order = [list(store.members).index(cell) for cell in store.station_ids]
    for name in ("evap", "riverflow"):
        expected = stores["given"].values(name)[:, columns][:, order]
        np.testing.assert_allclose(store.values(name), expected, rtol=2e-7)


def test_an_impossible_value_names_its_station_before_it_is_averaged(world):
    place(world)
    world.series["riverflow"][40, 2] = -2
    world.write_series()
    with pytest.raises(DataError, match=r"series\.parquet: .* of station 27003 on 2001-02-10 is -2 m3/s"):
        prepare(world.config("data.aggregate=2"))


def test_sums_of_flows_may_exceed_what_one_station_may_have(world):
    place(world)
    world.raw["data"]["modalities"]["riverflow"]["maximum"] = float(np.nanmax(world.series["riverflow"]))
    world.series["riverflow"][50] = world.raw["data"]["modalities"]["riverflow"]["maximum"]
    world.write_series()
    store = prepare(world.config("data.aggregate=1"))
    assert store.values("riverflow")[50, 0] == pytest.approx(4 * np.nanmax(world.series["riverflow"]), rel=1e-6)


def test_a_missing_area_is_assumed_and_noted_and_no_area_at_all_means_equal_weights(world):
    place(world, area={**AREA, "101": None})
    store = prepare(world.config("data.aggregate=2"))
    assert "station 101 has no catchment area" in store.provenance.notes[0]
    assert store.areas[1] > 400 and not np.isnan(store.areas).any()
    place(world, area=dict.fromkeys(AREA))
    store = prepare(world.config("data.aggregate=2"), overwrite=True)
    assert "weigh the same" in store.provenance.notes[0] and store.areas is None
    evap = world.series["evap"][:, [world.ids.index("9002"), world.ids.index("27003")]]
    np.testing.assert_allclose(store.values("evap")[:, 0], evap.mean(axis=1), rtol=1e-6)
    assert store.scaler("riverflow").factor is None


def test_a_station_without_coordinates_is_last_in_spatial_order_and_in_no_cell(world):
    place(world, latitude={**LATITUDE, "9002": None})
    assert prepare(world.config("data.station_order=spatial")).station_ids[-1] == "9002"
    with pytest.raises(DataError, match=r"station 9002 has no latitude or longitude"):
        prepare(world.config("data.aggregate=2"), overwrite=True)


@pytest.mark.parametrize("units", ["cumecs", "m³/s", "m**3/s", "m3 s-1"])
def test_flow_is_flow_however_its_unit_is_spelt(world, stores, units):
    place(world)
    world.raw["data"]["modalities"]["riverflow"]["units"] = units
    store = prepare(world.config("data.aggregate=2"))
    np.testing.assert_array_equal(store.values("riverflow"), stores["cells"].values("riverflow"))
    assert store.specific_units("riverflow") == "mm/d"


def test_coordinates_of_other_names_serve_everywhere_as_latitude_and_longitude_do(world, tmp_path):
    place(world)
    expected = prepare(world.config("data.station_order=spatial"))
    table = world.root / "attributes.csv"
    table.write_text(table.read_text().replace("latitude", "gauge_lat").replace("longitude", "gauge_lon"))
    columns = [{"latitude": "gauge_lat", "longitude": "gauge_lon"}.get(name, name) for name in expected.attribute_names]
    world.raw["data"]["attributes"]["columns"] = columns
    store = prepare(world.config("data.station_order=spatial", f"data.store={tmp_path / 'other'}"))
    assert store.station_ids == expected.station_ids and store.attribute_names == tuple(columns)
    np.testing.assert_array_equal(open_store(store).latitude, open_store(expected).latitude)
    seen = check(world.config()).attributes
    assert seen is not None and seen.latitude is not None and seen.longitude is not None
    assert {"latitude", "longitude"} <= set(outline(store, store.days, {"series"}).coords)
    prepare(world.config("data.aggregate=2"), overwrite=True)
