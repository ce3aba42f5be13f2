"""A run is not continued with other data or settings, and is told in what they differ."""

import os
import shutil
import signal
from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from hydromae.base.errors import RunError
from hydromae.config import Config
from hydromae.config.read import dump_config
from hydromae.runs.directory import RunDirectory
from hydromae.store.prepare import prepare
from hydromae.training.progress import Progress
from hydromae.training.runs import continue_run, is_finished, new_run
from support.callbacks import OnStep
from support.small import small_config
from support.sources import FIRST, LAST, TRAIN_END, World, make_world, write_mask

Hydromae = Callable[..., tuple[int, str, str]]


def stop(progress: Progress) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Path]:
    """Sources, their store and a run that was asked to stop after its first step, and a copy of all."""
    folder = tmp_path_factory.mktemp("changed")
    world = make_world(folder / "all" / "sources")
    run = new_run(small_config(world, folder / "all" / "run"), prepare(world.config()), [OnStep(stop)])
    assert not is_finished(run)
    shutil.copytree(folder / "all", folder / "kept")
    return world, folder


@pytest.fixture
def world(made: tuple[World, Path]) -> World:
    """The sources as they were made, with their store and run, to be changed freely."""
    world, folder = made
    shutil.rmtree(folder / "all")
    shutil.copytree(folder / "kept", folder / "all")
    return deepcopy(world)


@pytest.fixture
def stopped(world: World) -> RunDirectory:
    """The run, which may be changed too."""
    return RunDirectory.open(world.root.parent / "run")


def value(world: World) -> None:
    world.series["riverflow"][70, 2] += 1
    world.write_series()


def values_of_years(world: World) -> None:
    world.grids["soil"] *= np.float32(0.5)
    world.write_grids("soil")


def station_removed(world: World) -> None:
    world.raw["data"]["exclude_stations"] = ["39001"]


def change_attribute(world: World, station: int, name: str, number: float) -> None:
    table = pd.read_csv(world.root / "attributes.csv")
    table.loc[table["id"] == station, name] = number
    table.to_csv(world.root / "attributes.csv", index=False)


def attribute_value(world: World) -> None:
    change_attribute(world, 27003, "bfihost", 0.6)


def area(world: World) -> None:
    change_attribute(world, 9002, "catchment-area", 101.0)


def station_order(world: World) -> None:
    pd.read_csv(world.root / "attributes.csv")[::-1].to_csv(world.root / "attributes.csv", index=False)


def attribute_removed(world: World) -> None:
    world.raw["data"]["attributes"]["columns"] = ["latitude", "catchment-area"]


def modality_removed(world: World) -> None:
    del world.raw["data"]["modalities"]["evap"]


def scaling(world: World) -> None:
    world.raw["data"]["modalities"]["evap"]["scaling"] = "log1p"


def land(world: World) -> None:
    mask = world.land.copy()
    mask[14, 0] = False
    write_mask(world.root / "mask.pt", mask)


def fewer_days(world: World) -> None:
    world.raw["data"]["val"][1] = str(LAST - timedelta(days=40))


def train_period(world: World) -> None:
    later = TRAIN_END + timedelta(days=10)
    world.raw["data"] |= {"train": [str(FIRST), str(later)], "val": [str(later + timedelta(days=1)), str(LAST)]}


def storage(world: World) -> None:
    world.raw["data"]["storage"] = "float16"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (value, "riverflow differs in the days 2001-03-06 to 2001-05-08;"),
        pytest.param(
            values_of_years,
            "soil differs in the days 2001-01-01 to 2001-03-05 and 3 later blocks of 64 days;",
            marks=pytest.mark.slow,
        ),
        pytest.param(station_removed, "stations 39001 removed;", marks=pytest.mark.slow),
        (station_order, "the stations are in another order;"),
        (attribute_value, "the values of bfihost differ;"),
        (area, "the catchment area of 9002 differs, the values of catchment-area differ;"),
        pytest.param(attribute_removed, "attributes bfihost removed;", marks=pytest.mark.slow),
        (modality_removed, "modalities evap removed;"),
        (scaling, "the scaling of evap is log1p instead of standard;"),
        pytest.param(land, "the land differs;", marks=pytest.mark.slow),
        pytest.param(fewer_days, "the days end on 2001-06-09 instead of 2001-07-19;", marks=pytest.mark.slow),
        (train_period, "the training period is 2001-01-01 to 2001-05-30 instead of 2001-01-01 to 2001-05-20;"),
        pytest.param(storage, "precip has dtype float16 instead of float32,", marks=pytest.mark.slow),
    ],
    ids=lambda item: item.__name__ if callable(item) else "",
)
def test_a_run_is_not_continued_with_other_data_and_says_what_differs(
    hydromae: Hydromae, world: World, stopped: RunDirectory, change: Callable[[World], None], told: str
) -> None:
    before = {path: path.read_bytes() for path in stopped.path.rglob("*") if path.is_file()}
    change(world)
    prepare(world.config(), overwrite=True)
    code, _, said = hydromae("resume", stopped.path)
    assert code == 2 and f"store are not those the run was trained on: {told}" in said
    assert {path: path.read_bytes() for path in stopped.path.rglob("*") if path.is_file()} == before


def test_the_checkpoint_too_knows_its_data(world: World, stopped: RunDirectory) -> None:
    value(world)
    store = prepare(world.config(), overwrite=True)
    stopped.write_json("data.json", {"store": str(store.path), **store.identity_until(store.n_days)})
    with pytest.raises(RunError, match=r"those its checkpoint was made with: riverflow differs in the days 2001-03-06"):
        continue_run(stopped)


def test_a_configuration_that_was_changed_in_the_run_is_refused_with_both_values(stopped: RunDirectory) -> None:
    edit(stopped, training={"lr": 0.5}, masking={"grid_mask_ratio": 0.75})
    told = r"masking\.grid_mask_ratio \(0\.4 in the run, now 0\.75\), training\.lr \(0\.001 in the run, now 0\.5\);"
    with pytest.raises(RunError, match=rf"config\.yaml: is not as it was when the run was begun: {told}"):
        continue_run(stopped)


def test_what_changes_nothing_that_is_learnt_may_be_changed_in_the_run(stopped: RunDirectory) -> None:
    edit(stopped, training={"workers": 1, "device": "cpu"}, logging={"log_every": 1, "console": "quiet"})
    assert is_finished(continue_run(stopped))


def test_the_same_data_prepared_anew_are_the_same(world: World, stopped: RunDirectory) -> None:
    prepare(world.config(), overwrite=True)
    assert is_finished(continue_run(stopped))


def edit(run: RunDirectory, **sections: dict[str, Any]) -> None:
    raw = yaml.safe_load(run.config_file.read_text())
    for section, values in sections.items():
        raw[section] |= values
    run.config_file.write_text(dump_config(Config.model_validate(raw)))
