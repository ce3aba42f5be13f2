"""Grids that a cluster reads make the same store; what hinders it is said in a sentence."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, get_ident

import numpy as np
import pytest

from hydromae.base.errors import ConfigError, DataError
from hydromae.base.version import VERSION
from hydromae.sources import cluster
from hydromae.sources.source import Source
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from support.sources import World

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The scheduler of two workers of one thread each, in this process."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
    ) as workers:
        yield workers.scheduler_address


def contents(store: Store) -> dict[str, bytes]:
    paths = (path for path in store.path.rglob("*") if path.is_file())
    return {path.relative_to(store.path).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.parametrize("storage", ["float32", "float16"])
def test_the_store_is_the_same_bit_for_bit(
    world: World, address: str, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = contents(prepare(world.config(f"data.storage={storage}")))
    read_by_workers: set[str] = set()
    read = Source.read

    def noted(self: Source, first: np.datetime64, count: int) -> np.ndarray:
        if self.settings.kind == "grid":
            read_by_workers.add(distributed.get_worker().address)
        return read(self, first, count)

    monkeypatch.setattr(Source, "read", noted)
    store = prepare(world.config(f"data.storage={storage}", f"data.dask={address}"), overwrite=True)
    assert contents(store) == here
    assert read_by_workers


def test_a_store_is_taken_whoever_read_its_files(world: World, address: str) -> None:
    store = prepare(world.config(f"data.dask={address}"))
    assert prepare(world.config()).fingerprint == store.fingerprint
    assert prepare(world.config("data.dask=tcp://127.0.0.1:1")).fingerprint == store.fingerprint


def test_spans_are_read_together_come_in_order_and_are_few_at_once(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "both", Barrier(2), raising=False)
    asked: list[int] = []

    def spans() -> Iterator[tuple[np.datetime64, int]]:
        for count in range(20):
            asked.append(count)
            yield np.datetime64("2001-01-01"), count

    def read(first: np.datetime64, count: int) -> np.ndarray:
        cluster.both.wait(20)  # for the other worker
        return np.full(2, count, np.float32)

    came = cluster.read_on(address, read, spans(), [])
    for count, values in enumerate(came):
        assert values.tolist() == [count, count] and values.flags.writeable
        assert len(asked) <= count + 4  # two workers of one thread, and as many again


def test_a_wrong_value_is_the_same_sentence(world: World, address: str) -> None:
    world.grids["soil"][70, 3, 2] = np.inf
    world.grids["soil"][150, 3, 2] = np.inf
    world.write_grids("soil")
    said = []
    for overrides in ([], [f"data.dask={address}"]):
        with pytest.raises(DataError) as error:
            prepare(world.config(*overrides))
        said.append(str(error.value))
    assert said[0] == said[1] and "soil_train.h5" in said[0]


def test_an_address_that_nobody_answers_has_a_remedy(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_PATIENCE", 0.2)
    with pytest.raises(ConfigError, match=r"^data\.dask is tcp://127\.0\.0\.1:1, where no scheduler of dask answers"):
        prepare(world.config("data.dask=tcp://127.0.0.1:1"))
    with pytest.raises(ConfigError, match=r"data\.dask"):
        world.config("data.dask=here")


def test_a_cluster_without_workers_is_not_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_PATIENCE", 0.2)
    with distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as empty:
        monkeypatch.setattr(cluster, "_PATIENCE", 1)
        with pytest.raises(ConfigError, match=r"a scheduler without workers; start some with `dask worker inproc://"):
            prepare(world.config(f"data.dask={empty.scheduler_address}"))


def test_workers_that_see_other_files_are_refused(world: World, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, here = cluster._seen, get_ident()

    def workers_see(answer: object) -> None:
        monkeypatch.setattr(cluster, "_seen", lambda paths: seen(paths) if get_ident() == here else answer)

    workers_see(("0.0.1", []))
    with pytest.raises(ConfigError, match=r"has hydromae 0\.0\.1, not .*; install the same there, or set data\.dask"):
        prepare(world.config(f"data.dask={address}"))
    workers_see((VERSION, [None, None]))
    with pytest.raises(ConfigError, match=r"precip_train\.h5: is not the same file for the worker"):
        prepare(world.config(f"data.dask={address}"))


def test_without_the_extra_it_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match=r"distributed is not installed; run `pip install 'hydromae\[dask\]'`"):
        prepare(world.config("data.dask=tcp://127.0.0.1:8786"))


@pytest.mark.slow
def test_processes_in_another_folder_make_the_same_store(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as workers:
        monkeypatch.chdir(world.root.parent)
        relative = f"data.root={os.path.relpath(world.root)}"
        here = prepare(world.config(relative))
        on_workers = [relative, f"data.dask={workers.scheduler_address}", "data.store=there"]
        there = prepare(world.config(*on_workers))
        world.grids["soil"][70, 3, 2] = np.inf
        world.write_grids("soil")
        with pytest.raises(DataError, match=r"soil_train\.h5: data at row 3, column 2 on .* is inf"):
            prepare(world.config(*on_workers), overwrite=True)
    assert here.fingerprint == there.fingerprint
    made = [contents(store) for store in (here, there)]
    assert all(made[1][name] == content for name, content in made[0].items() if name != "store.json")
