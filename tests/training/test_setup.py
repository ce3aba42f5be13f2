from pathlib import Path

import pytest
import torch

from hydromae.base.errors import ConfigError
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.training.setup import build_model, model_config_for, usable_cores
from support.small import small_config
from support.sources import World, write_attributes

Prepared = tuple[World, Store]


def test_sizes_come_from_the_store(prepared: Prepared, tmp_path: Path) -> None:
    world, store = prepared
    decided = model_config_for(small_config(world, tmp_path), store)
    assert list(decided.modalities.items()) == [(name, store.kind(name)) for name in store.names]
    assert (decided.grid_height, decided.grid_width, decided.patch_size) == (15, 10, 5)
    assert (decided.stations_per_window, decided.static_attr_dim) == (4, 3)
    model = build_model(small_config(world, tmp_path), store)
    assert model.valid_patches.tolist() == store.valid_patches.tolist()


@pytest.mark.parametrize("size", [{"stations_per_window": 604}, {"grid_height": 290}, {"modalities": {"soil": "grid"}}])
def test_a_size_that_is_not_the_datas_is_refused_by_name(prepared: Prepared, tmp_path: Path, size: dict) -> None:
    config = small_config(prepared[0], tmp_path, model=size)
    with pytest.raises(ConfigError, match=rf"model\.{next(iter(size))} is .*{prepared[1].path}.*leave the key out"):
        build_model(config, prepared[1])


def test_what_the_data_decided_is_accepted_again(prepared: Prepared, tmp_path: Path) -> None:
    config = small_config(prepared[0], tmp_path)
    decided = model_config_for(config, prepared[1])
    again = model_config_for(config.model_copy(update={"model": decided}), prepared[1])
    assert again == decided


def test_the_seed_decides_the_weights(prepared: Prepared, tmp_path: Path) -> None:
    world, store = prepared
    one, two = (build_model(small_config(world, tmp_path), store).state_dict() for _ in range(2))
    other = build_model(small_config(world, tmp_path).model_copy(update={"seed": 1}), store).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["soil_encoder.embedding.weight"], other["soil_encoder.embedding.weight"])


def test_a_model_knows_the_stations_and_scales_only_of_those_it_is_trained_on(
    prepared: Prepared, tmp_path: Path
) -> None:
    world, store = prepared
    chosen = [store.station_ids[place] for place in (3, 1)]
    data = {"stations_per_window": 1, "train_stations": chosen}
    known = build_model(small_config(world, tmp_path, data=data), store).trained_on
    assert known["stations"] == [store.station_ids[1], store.station_ids[3]]
    whole, found = store.scaler("riverflow"), known["modalities"]["riverflow"]["scaler"]
    assert whole.factor is not None and found["factor"] == [whole.factor[1], whole.factor[3]]
    assert found["mean"] == list(whole.mean) and len(whole.mean) == 1  # one for all stations


def test_without_coordinates_positions_are_learned_unless_coordinates_were_asked_for(
    prepared: Prepared, tmp_path: Path
) -> None:
    world, store = prepared
    assert model_config_for(small_config(world, tmp_path), store).series_position == "learned"
    asked = small_config(world, tmp_path, model={"series_position": "coordinates"})
    with pytest.raises(ConfigError, match="no latitude and longitude; set it to learned"):
        model_config_for(asked, store)


def test_coordinates_are_found_among_the_attributes(world: World, tmp_path: Path) -> None:
    columns = {"bfihost": [1, 2, 3, 4], "longitude": [4, 3, 2, 1], "latitude": [5, 6, 7, 8]}
    write_attributes(world.root / "attributes.csv", [9002, 101, 39001, 27003], columns)
    world.raw["data"]["attributes"] = {"path": "attributes.csv", "columns": list(columns)}
    world.raw["data"]["modalities"].pop("riverflow")
    store = prepare(world.config())
    decided = model_config_for(small_config(world, tmp_path), store)
    assert decided.series_position == "coordinates" and decided.coordinate_attrs == (2, 1)
    named = small_config(world, tmp_path, model={"coordinate_attrs": [0, 1]})
    assert model_config_for(named, store).coordinate_attrs == (0, 1)


def test_at_least_one_core_can_be_used() -> None:
    assert usable_cores() >= 1
