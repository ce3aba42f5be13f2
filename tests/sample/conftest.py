from pathlib import Path

import pytest

from hydromae.sample import SIZES, Sample, write_sample
from hydromae.sample.world import World, make_world


@pytest.fixture(scope="session")
def world() -> World:
    return make_world(SIZES["tiny"], 0, lambda stage, fraction: None)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return write_sample(tmp_path_factory.mktemp("sample") / "tiny", "tiny", seed=0)


@pytest.fixture(scope="session")
def user_attributes() -> Path:
    path = Path(__file__).parents[2].parent / "shared/data/gb/Catchment_attributes_nrfa.csv"
    if not path.is_file():
        pytest.skip("needs ../shared/data/gb, which is absent")
    return path
