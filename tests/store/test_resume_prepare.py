import json
import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hydromae.base.errors import DataError
from hydromae.base.locks import locked
from hydromae.store.prepare import ALREADY, prepare
from hydromae.store.store import Store

# Prepares again and again in children of its own, each of which is killed at a random moment.
KILLER = """
import os, random, signal, sys, time
import torch
from hydromae.config import Config
from hydromae.store.prepare import prepare

torch.set_num_threads(1)
config, chance = Config.model_validate_json(sys.argv[1]), random.Random(int(sys.argv[2]))
for _ in range(8):
    child = os.fork()
    if child == 0:
        prepare(config, lambda stage, done: time.sleep(0.02))
        os._exit(0)
    time.sleep(chance.uniform(0.02, 0.12))
    os.kill(child, signal.SIGKILL)
    print(os.WIFSIGNALED(os.waitpid(child, 0)[1]))
"""


def contents(directory: Path) -> dict[str, bytes]:
    return {str(f.relative_to(directory)): f.read_bytes() for f in sorted(directory.rglob("*")) if f.is_file()}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def unfinished(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.endswith(".unfinished")]


def interrupt_after(calls: int, stages: list[str] | None = None):
    left = iter(range(calls))

    def on_progress(stage: str, done: float) -> None:
        if stages is not None:
            stages.append(stage)
        if next(left, None) is None:
            raise KeyboardInterrupt

    return on_progress


@pytest.fixture(params=["float32", "float16"])
def storage(request):
    return f"data.storage={request.param}"


@pytest.fixture
def whole(world, storage):
    """The store of one uninterrupted prepare, beside the one that the test makes."""
    folder = world.root.parent / "apart"
    return prepare(world.config(storage, f"data.store={folder / 'store'}"))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_random_moments_it_makes_the_store_of_one_go(world, whole, storage):
    config, folder = world.config(storage), world.root.parent
    seed = str(random.randrange(10**6))
    printed = subprocess.run(
        [sys.executable, "-c", KILLER, config.model_dump_json(), seed],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    ).stdout.split()
    assert printed.count("True") >= 2, f"seed {seed}: too few were killed while at work: {printed}"
    store = prepare(config)
    assert store.fingerprint == whole.fingerprint
    assert contents(store.path) == contents(whole.path), f"seed {seed}"
    if not (folder / ".store.lock").exists():  # left where the last one was killed after its store was made
        assert names(folder) == ["apart", "sources", "store"]


@pytest.mark.parametrize("calls", [3, 10, *(pytest.param(calls, marks=pytest.mark.slow) for calls in (6, 15))])
def test_it_continues_where_it_was_interrupted_and_says_so(world, whole, storage, calls):
    folder, config = world.root.parent, world.config(storage)
    before: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        prepare(config, interrupt_after(calls, before))
    assert len(unfinished(folder)) == 1 and not (folder / "store").exists()
    stages = []
    store = prepare(config, lambda stage, done: stages.append((stage, done)))
    assert contents(store.path) == contents(whole.path) and names(folder) == ["apart", "sources", "store"]
    assert any(stage.startswith("continuing") for stage, _ in stages)
    assert [done for _, done in stages] == sorted(done for _, done in stages)
    # 16 blocks in all, and none is packed twice.
    assert sum(stage.startswith("packing") for stage in [*before, *(stage for stage, _ in stages)]) == 16


def test_a_fit_is_not_made_again(world):
    with pytest.raises(KeyboardInterrupt):
        prepare(world.config("data.storage=float16"), interrupt_after(25))
    stages = []
    prepare(world.config("data.storage=float16"), lambda stage, done: stages.append(stage))
    assert not any(stage.startswith("fitting") for stage in stages)
    assert "packing soil, continuing at 2001-05-09" in stages


def _flip(position):
    def spoil(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[position] ^= 0xFF
        path.write_bytes(content)

    return spoil


DAMAGE = {
    "a byte of the first block": ("values/evap.npy", _flip(130)),
    "a byte of the second block": ("values/evap.npy", _flip(128 + 64 * 16 + 5)),
    "the header": ("values/evap.npy", _flip(20)),
    "half a block": ("values/evap.npy", lambda path: path.write_bytes(path.read_bytes()[:-300])),
    "a tail of zeros": ("values/evap.npy", lambda path: path.write_bytes(path.read_bytes() + bytes(5000))),
    "no values": ("values/evap.npy", lambda path: path.unlink()),
    "a journal cut in a line": ("journal/evap", lambda path: path.write_text(path.read_text()[:-30])),
    "a journal of zeros": ("journal/evap", lambda path: path.write_bytes(bytes(200))),
    "a journal that runs ahead": ("journal/evap", lambda path: path.write_text(path.read_text() + "0" * 64 + "\n")),
    "no journal": ("journal/evap", lambda path: path.unlink()),
    "a fit cut short": (
        "journal/evap.fit",
        lambda path: path.write_text(path.read_text()[:-9]) if path.exists() else 0,
    ),
    "an altered fit": (
        "journal/evap.fit",
        lambda path: path.write_text(path.read_text().replace("1", "2")) if path.exists() else 0,
    ),
}


# What one of the others does in another place.
_SLOW = {"a byte of the first block", "a tail of zeros", "a journal of zeros", "a fit cut short"}


# Fits are damaged in a store of float16, all else in one of float32.
@pytest.mark.parametrize(
    ("damage", "storage"),
    [
        pytest.param(
            damage,
            f"data.storage=float{16 if 'fit' in damage else 32}",
            marks=pytest.mark.slow if damage in _SLOW else (),
        )
        for damage in DAMAGE
    ],
)
def test_what_was_damaged_while_it_lay_there_is_made_anew(world, whole, storage, damage):
    with pytest.raises(KeyboardInterrupt):
        prepare(world.config(storage), interrupt_after(9))
    (work,) = unfinished(world.root.parent)
    file, spoil = DAMAGE[damage]
    spoil(work / file)
    assert contents(prepare(world.config(storage)).path) == contents(whole.path)


def test_another_configuration_does_not_go_on_with_it_and_success_removes_it(world):
    folder = world.root.parent
    with pytest.raises(KeyboardInterrupt):
        prepare(world.config(), interrupt_after(9))
    (folder / ".store.b.0123456789ab.unfinished").mkdir()  # of a store with the name store.b
    stages = []
    prepare(world.config("data.land_threshold=0.1"), lambda stage, done: stages.append(stage))
    assert not any("continuing" in stage for stage in stages)
    assert names(folder) == [".store.b.0123456789ab.unfinished", "sources", "store"]


def test_changed_files_are_not_mixed_with_what_is_there(world, storage):
    with pytest.raises(KeyboardInterrupt):
        prepare(world.config(storage), interrupt_after(9))
    world.series["evap"][:] += 1
    world.write_series()
    store = prepare(world.config(storage))
    apart = prepare(world.config(storage, f"data.store={world.root.parent / 'apart'}"))
    assert store.fingerprint == apart.fingerprint
    assert not unfinished(world.root.parent)


def test_bad_input_met_when_continuing_leaves_nothing(world):
    world.grids["soil"][199, 12, 3] = float("inf")
    world.write_grids("soil")
    with pytest.raises(KeyboardInterrupt):
        prepare(world.config(), interrupt_after(9))
    with pytest.raises(DataError, match=r"soil_val\.h5"):
        prepare(world.config())
    assert names(world.root.parent) == ["sources"]


def test_the_old_store_stays_while_its_successor_is_interrupted(world):
    old = prepare(world.config())
    before = contents(old.path)
    with pytest.raises(KeyboardInterrupt):
        prepare(world.config("data.land_threshold=0.1"), interrupt_after(9), overwrite=True)
    assert contents(old.path) == before
    new = prepare(world.config("data.land_threshold=0.1"), overwrite=True)
    assert len(new.valid_patches) == 5 and names(world.root.parent) == ["sources", "store"]


def test_of_two_at_once_the_second_waits_and_takes_what_the_first_made(world):
    stages: dict[str, list[str]] = {"first": [], "second": []}
    made: dict[str, Store] = {}
    waiting, started = threading.Event(), threading.Event()

    def first(stage: str, done: float) -> None:
        stages["first"].append(stage)
        started.set()
        assert waiting.wait(20)

    def second(stage: str, done: float) -> None:
        stages["second"].append(stage)
        waiting.set()

    def run(name, on_progress) -> None:
        made[name] = prepare(world.config(), on_progress)

    threads = [threading.Thread(target=run, args=("first", first))]
    threads[0].start()
    assert started.wait(20)
    threads.append(threading.Thread(target=run, args=("second", second)))
    threads[1].start()
    for thread in threads:
        thread.join(30)
    assert stages["second"] == ["waiting for another process that prepares this store", ALREADY]
    assert made["first"].fingerprint == made["second"].fingerprint and len(stages["first"]) > 16
    assert names(world.root.parent) == ["sources", "store"]


def test_the_lock_passes_on_although_its_file_is_removed(tmp_path):
    holders, most, guard = [], [], threading.Lock()

    def hold() -> None:
        for _ in range(20):
            with locked(tmp_path / "store", lambda: None):
                with guard:
                    holders.append(1)
                    most.append(len(holders))
                with guard:
                    holders.pop()

    threads = [threading.Thread(target=hold) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(most) == 80 and max(most) == 1 and not any(tmp_path.iterdir())


def test_a_lock_file_that_a_killed_process_left_is_no_hindrance(world):
    (world.root.parent / ".store.lock").touch()
    prepare(world.config())
    assert names(world.root.parent) == ["sources", "store"]


@pytest.mark.parametrize("swaps", [True, False])
def test_a_store_is_replaced_whether_or_not_the_system_can_swap_names(world, monkeypatch, swaps):
    prepare(world.config())
    if not swaps:
        monkeypatch.setattr("hydromae.base.leftovers._swapped", lambda one, other: False)
    new = prepare(world.config("data.land_threshold=0.1"), overwrite=True)
    new.verify()
    assert len(Store.open(new.path).valid_patches) == 5 and names(world.root.parent) == ["sources", "store"]


def test_an_exchange_that_was_cut_off_is_undone(world):
    old = prepare(world.config())
    before = contents(old.path)
    old.path.rename(old.path.with_name(".store.retired"))
    with pytest.raises(KeyboardInterrupt):
        prepare(world.config("data.land_threshold=0.1"), interrupt_after(3), overwrite=True)
    assert contents(old.path) == before and json.loads(before["store.json"])
