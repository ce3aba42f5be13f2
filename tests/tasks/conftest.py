import pytest
import torch

from hydromae.runs.directory import RunDirectory
from hydromae.store.store import Store
from hydromae.training.runs import new_run
from support.small import small_config
from support.sources import World

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def run(prepared: tuple[World, Store], tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run whose model has been trained for some steps."""
    return new_run(small_config(prepared[0], tmp_path_factory.mktemp("trained") / "run"), prepared[1])
