"""Models that were never trained, on the small world, and a client that asks them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from hydromae.runs.directory import RunDirectory
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from support.sources import World, make_world
from support.untrained import ALL, ONE, untrained_run

pytest.importorskip("starlette", reason="the extra is not installed: pip install hydromae[serve]")
torch.set_num_threads(1)
ADDRESS = "http://127.0.0.1:8765"

Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def all_stations(prepared: tuple[World, Store], tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run whose windows hold all stations and the grids."""
    return untrained_run(*prepared, tmp_path_factory.mktemp("served") / "all", **ALL)


@pytest.fixture(scope="session")
def one_station(prepared: tuple[World, Store], tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run whose windows hold one station, in tokens of 3 days."""
    return untrained_run(*prepared, tmp_path_factory.mktemp("served") / "one", **ONE)


@pytest.fixture(scope="session")
def client(all_stations: RunDirectory, one_station: RunDirectory) -> Any:
    """Asks both runs."""
    from starlette.testclient import TestClient

    from hydromae.serve.served import Served
    from hydromae.serve.site import site

    return TestClient(site(Served.open([all_stations.path, one_station.path])), base_url=ADDRESS)


@pytest.fixture
def ask(client: Any) -> Ask:
    """Ask and expect an answer; the question is a forecast unless something else is said."""

    def question(**changes: Any) -> dict[str, Any]:
        body = {"page": "0123abcd", "number": 1, "station": "39001", "day": "2001-06-20", "horizon": 3, **changes}
        answer = client.post("/ask", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    return question


@pytest.fixture(scope="session")
def other_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The same sources, but for the flow of 39001 on 2001-06-18, all evaporation, and patch 0 of the grids."""
    world = make_world(tmp_path_factory.mktemp("other") / "sources")
    world.series["riverflow"][int((np.datetime64("2001-06-18") - world.days[0]).astype(int)), 0] = 77.0
    world.series["evap"] += 1.0
    world.write_series()
    for name, grid in world.grids.items():
        grid[:, :5, :5] *= 0.5
        world.write_grids(name)
    return prepare(world.config())
