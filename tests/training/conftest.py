from pathlib import Path

import pytest
import torch
from sources import World, make_world

from hydromae.data.prepare import prepare
from hydromae.data.store import Store

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Store]:
    """Sources and their store, shared by tests that only read them."""
    world = make_world(tmp_path_factory.mktemp("prepared") / "sources")
    return world, prepare(world.config())


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Sources of the test's own, to be changed freely."""
    return make_world(tmp_path / "sources")
