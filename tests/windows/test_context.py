from pathlib import Path

import numpy as np
import pytest

from hydromae.base.errors import ConfigError
from hydromae.config import DataConfig
from hydromae.store.store import Store
from hydromae.tokens.shape import TokenShape
from hydromae.windows.context import around, context_stations
from hydromae.windows.windows import WindowReader
from support.small import small_config
from support.sources import World


def grid_of_stations() -> np.ndarray:
    """Latitude and longitude of stations every 0.25 degrees."""
    north, east = np.meshgrid(np.arange(52, 56, 0.25), np.arange(-4, 0, 0.25), indexing="ij")
    return np.stack([north.ravel(), east.ravel()])


def test_all_directions_and_distances_are_around_a_station() -> None:
    places = grid_of_stations()
    chosen = around(places, 32)
    assert chosen.shape == (256, 32)
    assert all(len(set(row)) == 32 and i not in row for i, row in enumerate(chosen.tolist()))
    centre = 8 * 16 + 8
    north = (places[0, chosen[centre]] - places[0, centre]) * 111.2
    east = (places[1, chosen[centre]] - places[1, centre]) * 111.2 * np.cos(np.radians(54))
    distance = np.hypot(north, east)
    for ring in (50, 100):
        of_ring = (distance > ring / 1.5) & (distance < ring * 1.5)
        quarters = {(bool(n > 0), bool(e > 0)) for n, e in zip(north[of_ring], east[of_ring], strict=True)}
        assert len(quarters) == 4
    assert np.isclose(np.sort(distance)[0], 111.2 * 0.25 * np.cos(np.radians(54)), rtol=0.01)  # the nearest


def test_few_are_the_nearest() -> None:
    places = grid_of_stations()
    distance = np.hypot(places[0] - places[0][136], (places[1] - places[1][136]) * np.cos(np.radians(54)))
    assert set(around(places, 4)[136]) == set(np.argsort(distance, kind="stable")[1:5])


def test_unknown_places_come_last_and_do_no_harm() -> None:
    places = grid_of_stations()
    places[:, 7] = np.nan
    chosen = around(places, 20)
    assert 7 not in np.delete(chosen, 7, axis=0)
    assert len(set(chosen[7].tolist())) == 20 and 7 not in chosen[7]


def test_windows_of_few_stations_have_the_series_around_their_first(prepared: tuple[World, Store]) -> None:
    store = prepared[1]
    shapes = {"riverflow": TokenShape("series", 1, 1, 1), "evap": TokenShape("series", 1, 1, 1)}
    chosen = np.array([[1, 2], [2, 3], [3, 0], [0, 1]])
    windows = WindowReader(store, shapes, chosen).read([60, 80], 6, stations=np.array([[2], [0]]))
    assert windows.context is not None
    assert windows.context.stations.tolist() == [[3, 0], [1, 2]]
    assert set(windows.context.values) == {"riverflow", "evap"}
    flow = store.read("riverflow", slice(80, 86))
    np.testing.assert_array_equal(windows.context.values["riverflow"][1].numpy(), flow[:, [1, 2]])
    assert WindowReader(store, shapes, chosen).read([60], 6).context is None


def test_what_is_lacking_is_said(prepared: tuple[World, Store], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"data.context_stations is 99, but .* has \d+ stations; ask for fewer"):
        context_stations(DataConfig(stations_per_window=1, context_stations=99), prepared[1])
    with pytest.raises(ConfigError, match="no latitude and longitude that say where stations lie"):
        context_stations(DataConfig(stations_per_window=1, context_stations=2), prepared[1])
    with pytest.raises(ValueError, match="give stations_per_window, as 1"):
        DataConfig(context_stations=3)
    with pytest.raises(ConfigError, match="set both, as 32 and 12, or neither"):
        small_config(prepared[0], tmp_path, data={"stations_per_window": 1, "context_stations": 2})
