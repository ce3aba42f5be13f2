"""DeepSpeed's ZeRO stage 1 on two processes is what one process does."""

from pathlib import Path

import pytest

pytest.importorskip("deepspeed", reason="deepspeed is not installed; see docs/deepspeed.md")
from sources import World

from hydromae.data.store import Store
from training.test_processes import STEPS, Result, raw_of, train

Prepared = tuple[World, Store]


@pytest.fixture(scope="module")
def alone(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("alone")
    return train(raw_of(prepared, folder), folder / "one", processes=1, double=False)


def test_two(prepared: Prepared, alone: Result, tmp_path: Path) -> None:
    found = train(raw_of(prepared, tmp_path, batch_size=2, engine="deepspeed"), tmp_path / "two", 2, double=False)
    print((found.losses - alone.losses).abs().max())
    for n in found.weights:
        d = (found.weights[n] - alone.weights[n]).abs().max()
        if d > 1e-5: print(n, d)
    assert 0
