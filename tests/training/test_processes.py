"""What several processes compute together is what one computes alone."""

from pathlib import Path

import pytest

from support.processes import Nursery
from support.steps import Prepared, Result, difference, raw_of, train


@pytest.fixture(scope="module")
def alone(nursery: Nursery, prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("alone")
    return train(nursery, raw_of(prepared, folder), folder / "one", processes=1)


@pytest.mark.parametrize("engine", ["ddp", pytest.param("fsdp", marks=pytest.mark.slow)])
def test_two_processes_do_what_one_does(
    nursery: Nursery, prepared: Prepared, alone: Result, tmp_path: Path, engine: str
) -> None:
    raw = raw_of(prepared, tmp_path, batch_size=2, engine=engine)
    assert difference(train(nursery, raw, tmp_path / engine, processes=2), alone) < 1e-9


def test_a_batch_in_parts_is_the_same_step(nursery: Nursery, prepared: Prepared, alone: Result, tmp_path: Path) -> None:
    raw = raw_of(prepared, tmp_path, batch_size=1, accumulate=4)
    assert difference(train(nursery, raw, tmp_path / "parts", processes=1), alone) < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["ddp", "fsdp"])
def test_parts_and_processes_together_are_the_same_step(
    nursery: Nursery, prepared: Prepared, alone: Result, tmp_path: Path, engine: str
) -> None:
    raw = raw_of(prepared, tmp_path, batch_size=1, accumulate=2, engine=engine)
    assert difference(train(nursery, raw, tmp_path / engine, processes=2), alone) < 1e-9
