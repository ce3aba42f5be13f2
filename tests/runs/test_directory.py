import json
import os
import shutil
import stat
from pathlib import Path

import pytest
import torch

from hydromae.base.errors import ConfigError, RunError
from hydromae.config import Config
from hydromae.config.read import with_absolute_paths
from hydromae.runs.changes import refuse_changes, settings_that_matter
from hydromae.runs.checkpoint import load_newest
from hydromae.runs.directory import RunDirectory
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.training.finetune import finetune_config
from hydromae.training.runs import is_finished, new_run
from support.small import small_config
from support.sources import World, make_world

Prepared = tuple[World, Store]


@pytest.fixture
def config(prepared: Prepared, tmp_path: Path) -> Config:
    return small_config(prepared[0], tmp_path / "run")


def test_a_run_remembers_its_configuration_and_store(prepared: Prepared, config: Config) -> None:
    made = RunDirectory.create(config, prepared[1])
    opened = RunDirectory.open(made.path)
    assert opened.config() == config
    assert opened.store().path == prepared[1].path


def test_an_existing_run_is_never_overwritten(prepared: Prepared, config: Config) -> None:
    run = RunDirectory.create(config, prepared[1])
    run.checkpoints.mkdir()
    (run.checkpoints / "step_00000001.pt").touch()
    before = run.config_file.stat().st_mtime_ns
    with pytest.raises(RunError, match=rf"already holds a run; continue it with `hydromae resume {run.path}`, give"):
        RunDirectory.create(config, prepared[1])
    assert run.config_file.stat().st_mtime_ns == before


def test_a_run_that_failed_before_its_first_checkpoint_does_not_stand_in_the_way(
    prepared: Prepared, config: Config
) -> None:
    first = RunDirectory.create(config, prepared[1])
    assert RunDirectory.create(config, prepared[1]).config() == first.config()


def test_a_period_added_to_the_store_leaves_its_runs_usable(world: World, tmp_path: Path) -> None:
    store = prepare(world.config())
    run = RunDirectory.create(small_config(world, tmp_path / "run"), store)
    days = store.periods["val"]
    halves = {"val": [days[0], days[0]], "test": [days[1], days[1]]}
    changed = world.config().data.model_copy(update={key: tuple(half) for key, half in halves.items()})
    prepare(world.config().model_copy(update={"data": changed}), overwrite=True)
    assert set(run.store().periods) == {"train", "val", "test"}


def test_days_appended_to_the_store_leave_its_runs_and_their_periods_as_they_were(world: World, tmp_path: Path) -> None:
    whole = world.raw["data"]["val"]
    world.raw["data"]["val"] = [whole[0], "2001-06-30"]
    run = RunDirectory.create(small_config(world, tmp_path / "run"), prepare(world.config()))
    world.raw["data"]["val"] = whole
    longer = prepare(world.config(), append=True)
    assert run.store().n_days == longer.n_days == 200 and str(longer.periods["val"][1]) == whole[1]
    assert str(run.store().periods["val"][1]) == "2001-06-30"


def test_a_store_whose_old_days_changed_is_refused(world: World, tmp_path: Path) -> None:
    run = RunDirectory.create(small_config(world, tmp_path / "run"), prepare(world.config()))
    world.series["riverflow"][150, 0] += 1
    world.write_series()
    prepare(world.config(), overwrite=True)
    with pytest.raises(RunError, match="not those the run was trained on: riverflow differs in the days"):
        run.store()


def test_what_is_no_directory_is_refused(prepared: Prepared, config: Config) -> None:
    Path(config.output_path).write_text("a file")
    with pytest.raises(RunError, match=r"run: cannot be made a directory \(File exists\); give another output="):
        RunDirectory.create(config, prepared[1])


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"is not a run directory \(no config\.yaml\); give the output of"):
        RunDirectory.open(tmp_path)


def test_a_store_that_is_gone_is_named_with_the_remedy(world: World, tmp_path: Path) -> None:
    store = prepare(world.config())
    run = RunDirectory.create(small_config(world, tmp_path / "run"), store)
    shutil.rmtree(store.path)
    with pytest.raises(RunError, match=rf"{run.path}: the run's store cannot be opened: {store.path}.*make one with"):
        run.store()


def test_data_that_changed_since_are_refused(world: World, tmp_path: Path) -> None:
    store = prepare(world.config())
    run = RunDirectory.create(small_config(world, tmp_path / "run"), store)
    world.grids["soil"][150, 12, 3] += 1e-3
    world.write_grids("soil")
    prepare(world.config(), overwrite=True)
    with pytest.raises(RunError, match=r"trained on: soil differs in the days 2001-05-09 to 2001-07-11; prepare"):
        run.store()


def test_the_store_is_found_from_another_folder_even_where_another_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed, place in enumerate(("here", "there")):
        world = make_world(tmp_path / place / "sources", seed)
        world.raw["data"]["store"] = "stores/gb"
        monkeypatch.chdir(tmp_path / place)
        store = prepare(world.config())
        if place == "here":
            run, mine = RunDirectory.create(small_config(world, tmp_path / "run"), store), store
    assert store.fingerprint != mine.fingerprint
    assert run.store().fingerprint == mine.fingerprint
    monkeypatch.chdir(tmp_path)
    assert run.store().path == mine.path


@pytest.mark.parametrize("content", ["", "{", "[1, 2]"])
def test_a_damaged_small_file_is_named(prepared: Prepared, config: Config, content: str) -> None:
    run = RunDirectory.create(config, prepared[1])
    (run.path / "data.json").write_text(content)
    with pytest.raises(RunError, match=r"data\.json: cannot be read"):
        run.store()


def test_a_damaged_configuration_is_named(prepared: Prepared, config: Config) -> None:
    run = RunDirectory.create(config, prepared[1])
    run.config_file.write_text("training: {epochs: none}")
    with pytest.raises(ConfigError, match=r"config\.yaml: training\.epochs"):
        run.config()


def test_small_files_come_back_as_written(prepared: Prepared, config: Config) -> None:
    run = RunDirectory.create(config, prepared[1])
    run.write_json("scores.json", {"a": [1, None, 2.5]})
    assert run.read_json("scores.json") == {"a": [1, None, 2.5]}
    assert json.loads((run.path / "scores.json").read_text())["a"] == [1, None, 2.5]
    assert not list(run.path.glob(".*"))


def test_a_run_is_the_same_place_from_any_folder(
    prepared: Prepared, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = RunDirectory.create(config, prepared[1])
    made.checkpoints.mkdir()
    for folder, given in ((made.path, "."), (made.checkpoints, ".."), (made.path.parent, "run")):
        monkeypatch.chdir(folder)
        assert RunDirectory.open(given).path == made.path


@pytest.fixture
def project(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Store, Config]:
    """A folder with a store, a trained run and the configuration of another one, all of whose paths are relative."""
    folder = tmp_path / "project"
    folder.mkdir()
    world.root.rename(folder / "sources")
    monkeypatch.chdir(folder)
    places = {"root": "sources", "store": "store"}
    before = small_config(world, Path("before"), data=places)
    store = prepare(before)
    new_run(before, store)
    return folder, store, small_config(world, Path("run"), data=places, training={"start_from": "before"})


def test_what_a_run_keeps_of_its_configuration_holds_from_any_folder(
    project: tuple[Path, Store, Config], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder, store, config = project
    config = config.model_copy(update={"logging": config.logging.model_copy(update={"log_file": "log.txt"})})
    run = new_run(config, store)
    refuse_changes(run, config)  # they are the same places
    monkeypatch.chdir(tmp_path)
    kept = RunDirectory.open("project/run").config()
    assert kept.training.start_from == str(folder / "before")
    assert (kept.output_path, kept.store_path) == (str(folder / "run"), str(folder / "store"))
    assert (kept.data.root, kept.logging.log_file) == (str(folder / "sources"), str(folder / "log.txt"))
    assert run.store().fingerprint == store.fingerprint
    # A checkpoint is refused where what it knows of the configuration differs.
    known = load_newest(run.checkpoints, torch.device("cpu"))["data"]["settings"]
    assert known == settings_that_matter(kept) and known["training.start_from"] == str(folder / "before")


def test_a_project_that_was_moved_as_a_whole_finds_its_store(
    project: tuple[Path, Store, Config], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder, store, _ = project
    folder.rename(tmp_path / "moved")
    monkeypatch.chdir(tmp_path / "moved")
    assert RunDirectory.open("before").store().fingerprint == store.fingerprint


def test_a_name_of_the_hub_is_kept_as_it_is(config: Config) -> None:
    training = config.training.model_copy(update={"start_from": "someone/model"})
    placed = with_absolute_paths(config.model_copy(update={"training": training}))
    assert placed.training.start_from == "someone/model"


def test_a_run_in_the_current_folder(
    prepared: Prepared, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    run = new_run(config.model_copy(update={"output": "."}), prepared[1])
    assert run.path == tmp_path / "here" and is_finished(RunDirectory.open("."))
    assert finetune_config(RunDirectory.open("."), "forecast").output_path == str(tmp_path / "here_forecast")
    monkeypatch.chdir(run.checkpoints)
    assert finetune_config(RunDirectory.open(".."), "forecast").output_path == str(tmp_path / "here_forecast")


def test_every_file_of_a_store_and_a_run_has_the_permissions_of_the_umask(world: World, tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        run = new_run(
            small_config(world, tmp_path / "run", logging={"tensorboard": True, "images": True}),
            prepare(world.config()),
        )
    finally:
        os.umask(old)
    made = [path for top in (run.path, run.store().path) for path in (top, *top.rglob("*"))]
    assert len(made) > 15
    wrong = [path for path in made if stat.S_IMODE(path.stat().st_mode) != (0o750 if path.is_dir() else 0o640)]
    assert wrong == []
