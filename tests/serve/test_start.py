"""Where the server listens, and what the command says when it cannot."""

import importlib.util
import socket
from collections.abc import Callable
from typing import Any

import pytest

from hydromae.base.errors import ConfigError
from hydromae.runs.directory import RunDirectory
from hydromae.serve import start
from hydromae.serve.served import Served
from hydromae.serve.start import address_of, serve
from hydromae.store.store import Store
from support.sources import World

Run = Callable[..., tuple[int, str, str]]


def test_port_0_takes_a_free_one_of_this_machine_only(
    prepared: tuple[World, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    bound: list[tuple[str, int]] = []

    def run(self: Any, sockets: list[socket.socket]) -> None:
        bound.append(sockets[0].getsockname())

    monkeypatch.setattr(start.uvicorn.Server, "run", run)
    said: list[str] = []
    serve(Served.open([], prepared[1]), 0, on_ready=said.append)
    ((host, port),) = bound
    assert host == "127.0.0.1" and port > 0 and said == [f"http://127.0.0.1:{port}/"]


def test_others_may_ask_only_where_it_is_said_and_then_with_a_token(prepared: tuple[World, Store]) -> None:
    with pytest.raises(ConfigError, match="--allow-network"):
        serve(Served.open([], prepared[1]), 0, "0.0.0.0")
    address, guard = address_of("0.0.0.0", 80, "secret")
    assert address.endswith(":80/?token=secret") and guard["token"] == "secret" and guard["addresses"]
    address, guard = address_of("10.0.0.7", 80, "secret")
    assert address == "http://10.0.0.7:80/?token=secret" and guard["names"] == {"10.0.0.7"} and not guard["addresses"]


def test_a_port_that_is_taken_is_a_sentence(prepared: tuple[World, Store]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match=r"Address already in use.*give another --port, or 0"):
            serve(Served.open([], prepared[1]), taken.getsockname()[1])


def test_the_command_names_what_is_missing(
    hydromae: Run, all_stations: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, errors = hydromae("serve", all_stations.path, "--host", "0.0.0.0")
    assert code == 2 and "add --allow-network" in errors
    code, _, errors = hydromae("serve", "gb")
    assert code == 2 and "give yours with --data" in errors
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "uvicorn" else find(name))
    code, _, errors = hydromae("serve", all_stations.path)
    assert code == 2 and 'needs uvicorn, not installed here; run `pip install "hydromae[serve]"`' in errors
