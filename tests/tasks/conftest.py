from pathlib import Path

import pytest
import torch
from sources import World, make_world

from hydromae.data.prepare import prepare
from hydromae.data.store import Store
from hydromae.training.run_directory import RunDirectory
from hydromae.training.runs import new_run
from training.small import small_config

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Store]:
    """Sources and their store, shared by tests that only read them."""
    world = make_world(tmp_path_factory.mktemp("prepared") / "sources")
    return world, prepare(world.config())


@pytest.fixture(scope="session")
def run(prepared: tuple[World, Store], tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run whose model has been trained for some steps."""
    return new_run(small_config(prepared[0], tmp_path_factory.mktemp("trained") / "run"), prepared[1])


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Sources of the test's own, to be changed freely."""
    return make_world(tmp_path / "sources")
