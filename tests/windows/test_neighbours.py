from typing import Any

import numpy as np
import pytest

from hydromae.base.errors import ConfigError
from hydromae.config import DataConfig
from hydromae.store.store import Store
from hydromae.windows.neighbours import station_groups, trained_groups
from hydromae.windows.order import training_order
from support.small import small_config
from support.sources import World

Prepared = tuple[World, Store]


class Placed(Store):
    """A store whose stations lie where the test puts them."""

    places = np.empty((0, 2))

    @property
    def station_ids(self) -> tuple[str, ...]:
        return tuple(map(str, range(len(self.places))))

    @property
    def attribute_names(self) -> tuple[str, ...]:
        return ("longitude", "latitude")

    @property
    def attributes(self) -> Any:
        return self.places


def placed(store: Store, places: list[tuple[float, float]]) -> Store:
    made = Placed(store.path, store._description)
    made.places = np.array(places)
    return made


def groups(prepared: Prepared, store: Store, wanted: int | None) -> np.ndarray | None:
    config = small_config(prepared[0], store.path, data={"stations_per_window": wanted})
    return station_groups(config.data, store)


def test_a_window_of_several_stations_holds_each_once_first_and_its_nearest_behind_it(prepared: Prepared) -> None:
    # On one meridian and parallel a degree is farther to the north than to the east.
    store = placed(prepared[1], [(0.0, 51.0), (0.0, 52.0), (1.0, 51.0), (9.0, 58.0)])
    found = groups(prepared, store, 3)
    assert found is not None and found.tolist() == [[0, 2, 1], [1, 0, 2], [2, 0, 1], [3, 1, 2]]


def test_a_station_without_coordinates_is_nobodys_neighbour_before_the_others(prepared: Prepared) -> None:
    store = placed(prepared[1], [(0.0, 51.0), (np.nan, np.nan), (5.0, 57.0)])
    found = groups(prepared, store, 2)
    assert found is not None and found.tolist() == [[0, 2], [1, 0], [2, 0]]


def test_windows_of_one_station_need_no_coordinates(prepared: Prepared) -> None:
    found = groups(prepared, prepared[1], 1)
    assert found is not None and found.tolist() == [[0], [1], [2], [3]]
    assert groups(prepared, prepared[1], None) is None


def test_training_takes_the_windows_of_the_stations_that_are_named_and_no_others(prepared: Prepared) -> None:
    store = prepared[1]
    data = {"stations_per_window": 1, "train_stations": [store.station_ids[2], store.station_ids[0]]}
    config = small_config(prepared[0], store.path, data=data)
    found, every = trained_groups(config.data, store), station_groups(config.data, store)
    assert found is not None and every is not None
    assert found.tolist() == [[0], [2]] and len(every) == 4
    order = training_order(config.data, store, 2, 0)
    assert {int(batch.stations[i, 0]) for batch in order for i in range(len(batch.starts))} == {0, 2}


def test_stations_to_train_on_must_be_there_and_have_windows_of_their_own(prepared: Prepared) -> None:
    data: dict[str, Any] = {"stations_per_window": 1, "train_stations": ["nowhere"]}
    with pytest.raises(ConfigError, match=r"train_stations names nowhere, which .* does not have"):
        trained_groups(small_config(prepared[0], prepared[1].path, data=data).data, prepared[1])
    with pytest.raises(ValueError, match="needs windows of some stations: set stations_per_window"):
        DataConfig(train_stations=("39001",))


def test_what_cannot_be_grouped_is_refused(prepared: Prepared) -> None:
    with pytest.raises(ConfigError, match=r"is 5, but .* has 4 stations"):
        groups(prepared, prepared[1], 5)
    with pytest.raises(ConfigError, match="have no latitude and longitude"):
        groups(prepared, prepared[1], 2)
