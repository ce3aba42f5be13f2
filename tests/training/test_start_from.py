import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from hydromae.base.errors import ConfigError, RunError
from hydromae.config import Config
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import load_pretrained
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.training.build import build_trainer
from hydromae.training.runs import continue_run, new_run
from hydromae.training.setup import build_model
from hydromae.training.start_from import Start, start_from
from support.equal import newest
from support.processes import Nursery
from support.small import small_config, small_raw
from support.sources import World, make_world

Prepared = tuple[World, Store]
QUIET = {"images": False, "tensorboard": False}
RECURRENT = {"recurrent_dim": 4, "recurrent_donors": 2}


@pytest.fixture(scope="module")
def trained(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    path = tmp_path_factory.mktemp("trained") / "run"
    return new_run(small_config(prepared[0], path, model=RECURRENT, training={"epochs": 1}, logging=QUIET), prepared[1])


def weights(run: RunDirectory) -> dict[str, torch.Tensor]:
    return load_pretrained(run.path).state_dict()


def config_of(world: World, path: Path = Path("unused"), **sections: Any) -> Config:
    sections = {"logging": QUIET, **sections, "model": {**RECURRENT, **sections.get("model", {})}}
    return small_config(world, path, **sections).model_copy(update={"seed": 9})


def started(config: Config, store: Store, path: Path) -> tuple[MultiModalMAE, dict[str, torch.Tensor], Start]:
    """The model after its start, its weights before, and what was done."""
    model = build_model(config, store)
    fresh = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    return model, fresh, start_from(model, path, store)


def by_name(start: Start) -> dict[str, str]:
    return {tensor.name: tensor.how for tensor in start.tensors}


def assert_as_told(
    model: MultiModalMAE, fresh: dict[str, torch.Tensor], start: Start, old: dict[str, torch.Tensor]
) -> None:
    """Every parameter is told of once, and is what it is said to be."""
    told = by_name(start)
    own = dict(model.named_parameters())
    assert {name for name, how in told.items() if how != "left out"} == own.keys()
    assert {name for name, how in told.items() if how == "left out"} == old.keys() - own.keys() - {"valid_patches"}
    for name, parameter in own.items():
        if told[name] == "loaded":
            assert torch.equal(parameter, old[name]), name
        elif told[name] == "new":
            assert torch.equal(parameter, fresh[name]), name


def test_on_the_same_data_all_is_loaded(prepared: Prepared, trained: RunDirectory) -> None:
    old = weights(trained)
    for path in (trained.path, trained.model):
        model, _, start = started(config_of(prepared[0]), prepared[1], path)
        assert {tensor.how for tensor in start.tensors} == {"loaded"}
        assert all(torch.equal(parameter, old[name]) for name, parameter in model.named_parameters())


def test_other_stations_get_positions_of_their_own_and_keep_all_else(trained: RunDirectory, tmp_path: Path) -> None:
    world = make_world(tmp_path / "sources", seed=5)
    model, fresh, start = started(config_of(world), prepare(world.config()), trained.path)
    assert_as_told(model, fresh, start, weights(trained))
    new = {name for name, how in by_name(start).items() if how != "loaded"}
    assert new == {
        f"{m}_{part}.group_position.learned" for m in ("evap", "riverflow") for part in ("encoder", "decoder")
    }


def test_patches_at_the_same_place_keep_their_position(world: World, prepared: Prepared, trained: RunDirectory) -> None:
    land = world.land.copy()
    land[:5, 5:], land[:5, :5] = True, False  # patch 1 appears, patch 0 goes
    for grid in world.grids.values():
        grid[:, land & ~world.land] = 1.0
    for name in world.grids:
        world.write_grids(name)
    torch.save(torch.from_numpy(land.astype("float32")), world.root / "mask.pt")
    store = prepare(world.config())
    assert list(prepared[1].valid_patches) != list(store.valid_patches)
    model, fresh, start = started(config_of(world), store, trained.path)
    old = weights(trained)
    assert_as_told(model, fresh, start, old)
    told = {tensor.name: (tensor.how, tensor.why) for tensor in start.tensors}
    places, old_places = list(store.valid_patches), list(prepared[1].valid_patches)
    shared = len(set(places) & set(old_places))
    assert told["soil_encoder.patch_position"] == ("resized", f"{shared} of {len(places)} patches were there")
    assert told["soil_decoder.patch_position"] == ("loaded", "")
    for i, place in enumerate(places):
        expected = old["soil_encoder.patch_position"][old_places.index(place)] if place in old_places else None
        found = model.soil_encoder.patch_position[i]
        assert torch.equal(found, fresh["soil_encoder.patch_position"][i] if expected is None else expected)


def test_another_size_of_grid_makes_positions_of_patches_anew(
    world: World, trained: RunDirectory, prepared: Prepared
) -> None:
    world.raw["model"]["patch_size"] = 1
    store = prepare(world.config())
    model, fresh, start = started(config_of(world), store, trained.path)
    assert_as_told(model, fresh, start, weights(trained))
    told = {tensor.name: (tensor.how, tensor.why) for tensor in start.tensors}
    grid = "the grid was 15 x 10 cells in patches of 5, now 15 x 10 cells in patches of 1"
    assert told["soil_encoder.patch_position"] == told["soil_decoder.patch_position"] == ("new", grid)
    assert told["soil_encoder.embedding.weight"] == ("new", "tokens were 25 cells x 1 days, now 1 cells x 1 days")
    assert told["soil_encoder.stack.layers.0.mlp.0.weight"] == ("loaded", "")


def test_tokens_of_as_many_values_cut_otherwise_are_not_taken_for_the_same(
    prepared: Prepared, trained: RunDirectory
) -> None:
    config = config_of(prepared[0], model={"series_patch_size": 1, "series_patch_days": 2})
    model, fresh, start = started(config, prepared[1], trained.path)
    assert_as_told(model, fresh, start, weights(trained))
    cut = ("encoder.embedding.weight", "decoder.decoder.head.weight", "decoder.decoder.head.bias")
    for name in (f"evap_{part}" for part in (*cut, "decoder.states.to_query.weight")):
        assert by_name(start)[name] == "new" and fresh[name].shape == weights(trained)[name].shape


def test_a_modality_added_starts_anew_and_one_removed_is_left_out(
    world: World, prepared: Prepared, trained: RunDirectory
) -> None:
    modalities = world.raw["data"]["modalities"]
    modalities["wetness"] = {**modalities.pop("soil"), "kind": "grid", "units": "1"}
    model, fresh, start = started(config_of(world), prepare(world.config()), trained.path)
    assert_as_told(model, fresh, start, weights(trained))
    for name, how in by_name(start).items():
        if "wetness" in name:
            assert how == "new"
        elif "soil" in name:
            assert how == "left out"


def test_attributes_are_matched_by_name(world: World, prepared: Prepared, trained: RunDirectory) -> None:
    world.raw["data"]["attributes"]["columns"] = ["bfihost", "latitude"]
    store = prepare(world.config())
    model, fresh, start = started(config_of(world), store, trained.path)
    old, names = weights(trained), prepared[1].attribute_names
    assert_as_told(model, fresh, start, old)
    states = ("attributes.weight", "donors.receiver.weight", "donors.donor.weight")
    for name in (
        "evap_encoder.static.weight",
        "evap_encoder.stack.film.0.scale_and_shift.weight",
        *(f"station_states.{part}" for part in states),
    ):
        assert by_name(start)[name] == "resized"
        for i, attribute in enumerate(store.attribute_names):
            assert torch.equal(model.get_parameter(name)[:, i], old[name][:, names.index(attribute)])


def test_other_units_or_another_scaling_are_warned_of(
    world: World, trained: RunDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    world.raw["data"]["modalities"]["evap"]["scaling"] = "log1p"
    with caplog.at_level(logging.WARNING):
        started(config_of(world), prepare(world.config()), trained.path)
    (said,) = [record.getMessage() for record in caplog.records if record.name.endswith("start_from")]
    assert "evap was in" in said and "now in" in said and "scaling log1p" in said


def test_a_model_without_its_run_is_started_from_with_a_warning(
    prepared: Prepared, trained: RunDirectory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(trained.model, tmp_path / "alone")
    with caplog.at_level(logging.WARNING):
        _, _, start = started(config_of(prepared[0]), prepared[1], tmp_path / "alone")
    assert "its data are not at hand, so their units and attributes cannot be compared" in caplog.text
    assert {tensor.name for tensor in start.tensors if tensor.how != "loaded"} == {
        f"{m}_{part}.group_position.learned" for m in ("evap", "riverflow") for part in ("encoder", "decoder")
    }


def test_a_model_of_which_nothing_fits_is_refused(world: World, trained: RunDirectory) -> None:
    data = world.raw["data"]
    soil = data["modalities"]["soil"]
    data["modalities"] = {"wetness": {**soil, "kind": "grid", "units": "1"}}
    store = prepare(world.config())
    config = config_of(world, model={"fusion": "none", "recurrent_dim": 0, "recurrent_donors": 0})
    with pytest.raises(ConfigError, match=r"of whose weights none fits this model .*; make model\.\* agree"):
        started(config, store, trained.path)
    with pytest.raises(RunError, match="holds no trained model"):
        started(config, store, world.root)


def test_a_run_started_from_another_says_so_trains_and_continues_without_it(
    prepared: Prepared, trained: RunDirectory, tmp_path: Path
) -> None:
    origin = tmp_path / "origin"
    shutil.copytree(trained.path, origin)
    training = {"start_from": str(origin), "freeze": ["precip_*", "*_encoder.stack.norm"], "epochs": 1, "lr": 1e-2}
    config = config_of(prepared[0], tmp_path / "run", training=training)
    trainer = build_trainer(config, prepared[1])
    assert torch.equal(trainer.model.norm_shared.weight, weights(trained)["norm_shared.weight"])
    run = new_run(config, prepared[1])
    started = json.loads((run.path / "start.json").read_text())
    assert started["from"] == str(origin) and {tensor["how"] for tensor in started["tensors"]} == {"loaded"}
    old, state = weights(trained), newest(run)
    frozen = {name for name in old if name.startswith("precip_") or name.endswith("_encoder.stack.norm.weight")}
    assert len(frozen) > 20
    for name in old.keys() - {"valid_patches"}:
        same = torch.equal(state["model"][name], old[name])
        if name in frozen:
            assert same, name
        elif name.endswith("mlp.0.weight"):
            assert not same, name
    assert not frozen & state["optimizer"]["state"].keys()
    shutil.rmtree(origin)
    (run.path / "summary.json").unlink()
    continue_run(run)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["ddp", "fsdp"])
def test_two_processes_train_what_is_not_frozen(
    prepared: Prepared, trained: RunDirectory, tmp_path: Path, nursery: Nursery, engine: str
) -> None:
    training = {
        "start_from": str(trained.path),
        "freeze": ["*_encoder"],
        "lr_scale": {"*_decoder": 0.5},
        "epochs": 1,
        "batch_size": 2,
        "engine": engine,
        "ema": 0.5,
    }
    raw = small_raw(prepared[0], tmp_path / "run", training=training, logging=QUIET)
    raw["data"] = {**raw["data"], "store": str(prepared[1].path)}
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(raw))
    with nursery.train(["--config", config], tmp_path, 2) as training_run:
        assert training_run.wait() == [0, 0], training_run.said[-3000:]
    found, old = newest(RunDirectory(tmp_path / "run"))["model"], weights(trained)
    for name in old.keys() - {"valid_patches"}:
        if "_encoder." in name:
            assert torch.equal(found[name], old[name]), name
        elif name.endswith("mlp.0.weight"):
            assert not torch.equal(found[name], old[name]), name
