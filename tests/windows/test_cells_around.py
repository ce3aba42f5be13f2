import numpy as np
import pytest

from hydromae.base.errors import ConfigError
from hydromae.config.read import build_config
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.windows.cells_around import CELLS_AROUND, around_stations, cell_places, cells_around
from support.sources import PATCH, World

# London and Edinburgh: easting and northing as the Ordnance Survey converts them, and degrees.
LONDON, EDINBURGH = (530034.0, 180381.0, 51.50722, -0.1275), (325900.0, 673900.0, 55.9526, -3.1883)


def grid_of_cells(step: float = 0.05) -> np.ndarray:
    north, east = np.meshgrid(np.arange(51, 57, step), np.arange(-6, 1, step), indexing="ij")
    return np.stack([north.ravel(), east.ravel()])


def test_cells_lie_at_every_distance_in_every_direction() -> None:
    cells = grid_of_cells()
    found = around_stations(np.array([[54.013], [-2.512]]), cells, np.ones(cells.shape[1], bool))
    assert found.cells.shape == (1, CELLS_AROUND)
    there = ~np.isnan(found.north[0])
    distance = np.hypot(found.north, found.east)[0][there]
    assert len(set(found.cells[0][there].tolist())) == there.sum() > 33  # none twice
    # The own cell of some 5.6 km by 3.3 km, and cells at every distance.
    assert distance[0] < 3.5
    assert all(((distance > 0.7 * ring) & (distance < 1.4 * ring)).sum() >= 8 for ring in (16, 32, 64, 128))
    north, east = found.north[0][there], found.east[0][there]
    assert {(n > 0, e > 0) for n, e in zip(north[distance > 50], east[distance > 50], strict=True)} == {
        (False, False), (False, True), (True, False), (True, True)
    }  # fmt: skip
    latitude = cells[0, found.cells[0][there]]
    np.testing.assert_allclose(north, (latitude - 54.013) * 111.195, rtol=1e-3, atol=1e-3)


def test_what_is_not_there_has_no_place() -> None:
    cells = grid_of_cells()
    dry = np.flatnonzero(cells[1] > -2.5)
    usable = np.isin(np.arange(cells.shape[1]), dry)
    found = around_stations(np.array([[54.0, np.nan], [-2.4, np.nan]]), cells, usable)
    assert np.isnan(found.north[1]).all() and np.isnan(found.east[1]).all()
    there = ~np.isnan(found.north[0])
    assert usable[found.cells].all() and (found.east[0][there] > -10).all()
    assert (found.east[0][there] > 100).any()


@pytest.mark.parametrize("kilometres", [False, True])
def test_cells_are_placed_as_their_system_says(world: World, kilometres: bool) -> None:
    grid = {"crs": "EPSG:27700", "y": [LONDON[1], -5000.0], "x": [LONDON[0], 5000.0]}
    store = prepare(build_config({**world.raw, "data": {**world.raw["data"], "grid": grid}}))
    if kilometres:
        store._description.coordinates["y"]["units"] = store._description.coordinates["x"]["units"] = "km"
        for axis in ("y", "x"):
            object.__setattr__(store._description, axis, tuple(v / 1000 for v in getattr(store._description, axis)))
    places = cell_places(store)  # patch by patch
    np.testing.assert_allclose(places[:, 0], LONDON[2:], atol=2e-3)
    step = (places[:, 1] - places[:, 0]) * 111.2 * np.array([1, np.cos(np.radians(LONDON[2]))])
    assert np.isclose(np.hypot(*step), 5.0, rtol=0.01)
    down = (places[:, PATCH] - places[:, 0]) * 111.2
    assert np.isclose(down[0], -5.0, rtol=0.01)


def test_what_the_data_do_not_say_is_asked_for(world: World, prepared: tuple[World, Store]) -> None:
    model = build_config({"model": {"recurrent_grids": 4, "recurrent_dim": 4}}).model
    store = prepared[1]
    assert cells_around(model.model_copy(update={"recurrent_grids": 0}), store) is None
    with pytest.raises(ConfigError, match="have no latitude and longitude that say where stations lie; set it to 0"):
        cells_around(model, store)
    with pytest.raises(ConfigError, match=r"do not say where the cells .* give it as data\.grid\.y and data\.grid\.x"):
        cell_places(store)
    grid = {"y": [900.0, -5.0], "x": [100.0, 5.0]}
    unknown = prepare(build_config({**world.raw, "data": {**world.raw["data"], "grid": grid}}))
    with pytest.raises(ConfigError, match=r"in which system .*; set data\.grid\.crs, as EPSG:27700"):
        cell_places(unknown)
