"""Settings and fixtures of the whole suite.

Nothing of the package is imported at the top: this file is read before the shapes of its functions can be checked.
"""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from hydromae.store.store import Store
    from support.sources import World

# Idle OpenMP threads that spin make the suite many times slower where something else uses the cores; read by torch
# when it is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Properties that say no number are tried on fewer examples than the library's 100;
# `pytest --hypothesis-profile=default` tries them on those.
# How long it takes to make examples says how busy the machine is, not whether the code is right.
settings.register_profile("quick", max_examples=25, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("quick")
# pytest-xdist gives its workers the width of the terminal that it was started in; output is tested as that of none.
os.environ.pop("COLUMNS", None)
# What is imported and collected stays until the end, so it is not searched for garbage again and again.
gc.disable()


def pytest_collection_finish() -> None:
    """From here on garbage is looked for, but only in what the tests make."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """No test cuts the power, so none waits until its files have reached the disk; what is no open file is refused."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)
        yield


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """What a test itself draws is the same whichever tests ran before in this process."""
    import torch

    torch.manual_seed(0)


@pytest.fixture
def hydromae(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run a command as the shell would: exit code, standard output, standard error."""
    from hydromae.app import cli

    def run(*arguments: Any) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["hydromae", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return (int(ended.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def world(tmp_path: Path) -> "World":
    """Sources of the test's own, to be changed freely."""
    from support.sources import make_world

    return make_world(tmp_path / "sources")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> "tuple[World, Store]":
    """Sources and their store, shared by tests that only read them."""
    from hydromae.store.prepare import prepare
    from support.sources import make_world

    world = make_world(tmp_path_factory.mktemp("prepared") / "sources")
    return world, prepare(world.config())
