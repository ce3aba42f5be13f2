"""A changed byte in a store, a model, a checkpoint, records or a result is an error or changes nothing: never silent.

`pytest -m slow -s tests/attacks -k flip` tries hundreds and prints how many were silent and how many crashed.
"""

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import hydromae
from hydromae.base.errors import DataError, HydroMAEError
from hydromae.config.types import Verify
from hydromae.readers.labelled import load_labelled
from hydromae.results.write import write_result
from hydromae.runs.checked_lines import read_lines
from hydromae.runs.checkpoint import load_newest, save_checkpoint
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import CONFIG, WEIGHTS, load_pretrained, read_trained_on, seal
from hydromae.runs.shipped import located, shipped_models
from hydromae.store.checked_blocks import CheckedBlocks
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.training.callback import Beginning
from hydromae.training.records import Records
from hydromae.training.runs import new_run
from support.small import small_config
from support.sources import World
from support.untrained import ONE, untrained_run

Prepared = tuple[World, Store]
Read = Callable[[], Any]


def begin_anew() -> None:
    """Forget which blocks were compared, as a new process has."""
    CheckedBlocks._known.clear()


@contextmanager
def flipped(path: Path, position: int, bits: int) -> Iterator[None]:
    content = path.read_bytes()
    changed = bytearray(content)
    changed[position] ^= bits
    path.write_bytes(changed)
    begin_anew()
    try:
        yield
    finally:
        path.write_bytes(content)
        begin_anew()


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.tobytes() == other.tobytes()
    return bool(one == other)


def campaign(name: str, files: list[Path], read: Read, trials: int) -> None:
    """Flip bits at random places of random files; what is read is then an error in words, or what it was."""
    draw, whole = random.Random(trials), read()
    silent, crashed, unnamed = [], [], []
    for _ in range(trials):
        path = draw.choice(files)
        position, bits = draw.randrange(path.stat().st_size), draw.randint(1, 255)
        with flipped(path, position, bits):
            try:
                if not same(read(), whole):
                    silent.append((path.name, position, bits))
            except HydroMAEError as error:
                unnamed += [] if path.stem in str(error) else [(path.name, str(error))]
            except Exception as error:
                crashed.append((path.name, position, bits, repr(error)))
    print(f"\n| {name} | {trials} | {len(silent)} | {len(crashed)} |")
    assert (silent, crashed, unnamed) == ([], [], [])


def all_of(path: Path) -> dict[str, Any]:
    """Everything that a store holds, as commands read it."""
    store = Store.open(path)
    read: dict[str, Any] = {key: np.array(getattr(store, key)) for key in ("land", "valid_patches", "attributes")}
    for name in store.names:
        read[name] = [store.present(name), store.mean(name), np.array(store.read(name, slice(0, store.n_days)))]
        if store.kind(name) == "series":
            days = np.arange(store.n_days)[None]
            read[name].append(store.gather(name, days, np.arange(len(store.station_ids))[None]))
    return read | {"fingerprint": store.fingerprint}


FEW_AND_MANY = pytest.mark.parametrize("share", [1, pytest.param(10, marks=pytest.mark.slow)], ids=["few", "many"])


@FEW_AND_MANY
@pytest.mark.parametrize("storage", ["float32", "float16"])
def test_no_flip_in_a_store_is_silent(world: World, storage: str, share: int) -> None:
    store = prepare(world.config(f"data.storage={storage}"))
    files = sorted(path for path in store.path.rglob("*") if path.is_file())
    campaign(f"store, {storage}", files, lambda: all_of(store.path), 30 * share)


@pytest.fixture(scope="module")
def own(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, RunDirectory]:
    """A store and a run that these tests may damage."""
    folder = tmp_path_factory.mktemp("own")
    store = Store.open(shutil.copytree(prepared[1].path, folder / "store"))
    sections = {**ONE, "data": {**ONE["data"], "store": str(store.path)}}
    return store, untrained_run(prepared[0], store, folder / "run", **sections)


@FEW_AND_MANY
def test_no_flip_in_a_model_is_silent(own: tuple[Store, RunDirectory], share: int) -> None:
    run = own[1]

    def read() -> dict[str, Any]:
        model = load_pretrained(run.path)
        of_model = {"config": model.config, "trained_on": model.trained_on, "weights": model.task_weights}
        return {"state": dict(model.state_dict()), "seen": read_trained_on(run.path), **of_model}

    campaign("model", [run.model / CONFIG, run.model / WEIGHTS], read, 20 * share)


@FEW_AND_MANY
def test_no_flip_in_a_checkpoint_is_silent(tmp_path: Path, share: int) -> None:
    content = {"model": {"weight": torch.randn(8, 8)}, "progress": {"step": 7}, "random": torch.get_rng_state()}
    path = save_checkpoint(tmp_path, 7, content, keep=2, best_step=None)

    def read() -> dict[str, Any]:
        try:
            return load_newest(tmp_path, torch.device("cpu"))
        except HydroMAEError as error:
            raise HydroMAEError(f"{path.name}: {error}") from error  # the folder is named, and a warning names the file

    campaign("checkpoint", [path, path.with_suffix(".sha256")], read, 20 * share)


@FEW_AND_MANY
def test_no_flip_in_a_result_is_silent(tmp_path: Path, share: int) -> None:
    values = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    data = xr.Dataset({"flow": (("time", "station"), values, {"units": "m3/s"})}, attrs={"title": "a result"})
    data = data.assign_coords(time=pd.date_range("2001", periods=40), station=["1", "2", "3"])
    path = tmp_path / "a.nc"
    write_result(data, path)

    def read() -> dict[str, Any]:
        return {"read": load_labelled(path).to_dict()}

    campaign("result", [path], read, 30 * share)


@FEW_AND_MANY
def test_no_flip_in_small_files_and_records_of_a_run_is_silent(tmp_path: Path, share: int) -> None:
    run = RunDirectory(tmp_path)
    run.write_json("scores.json", {"mse": {"flow": 0.25}, "windows": 12, "period": ["2001-01-01", "2001-03-01"]})
    campaign("scores.json", [tmp_path / "scores.json"], lambda: run.read_json("scores.json"), 30 * share)
    records = Records(tmp_path / "metrics.jsonl")
    records.on_start(Beginning(0, 9))
    for step in range(9):
        records.on_log({"event": "train", "step": step, "loss": 0.7**step})

    def read() -> list[dict[str, Any] | None]:
        lines = list(read_lines(records.path.read_bytes()))
        if None in lines:
            raise HydroMAEError("metrics.jsonl: lines are not what was written")
        return lines

    campaign("metrics.jsonl", [records.path], read, 30 * share)


def last_block(store: Store, name: str) -> int:
    """A position in the file of values, on the last day."""
    return (store.path / "values" / f"{name}.npy").stat().st_size - 2


def test_commands_and_training_refuse_a_damaged_block_and_name_its_days(
    own: tuple[Store, RunDirectory], prepared: Prepared, tmp_path: Path
) -> None:
    store, run = own
    period = (str(store.days[-20]), str(store.days[-1]))
    with flipped(store.path / "values" / "riverflow.npy", last_block(store, "riverflow"), 1):
        for task in (
            lambda: hydromae.forecast(run.path, str(store.days[-1]), horizon=3),
            lambda: hydromae.infill(run.path, tmp_path / "a.nc", period=period),
            lambda: hydromae.reconstruct(run.path, tmp_path / "b.nc", period=period),
            lambda: hydromae.export(store.path, tmp_path / "c.nc"),
        ):
            with pytest.raises(DataError, match=rf"riverflow\.npy: days .* to {store.days[-1]} differ"):
                task()
    assert not list(tmp_path.iterdir())
    first = (store.path / "values" / "riverflow.npy").stat().st_size - store.n_days * len(store.station_ids) * 4
    with flipped(store.path / "values" / "riverflow.npy", first, 1):
        config = small_config(prepared[0], tmp_path / "trained")
        with pytest.raises(DataError, match=rf"riverflow\.npy: days {store.days[0]} to .* differ"):
            new_run(config, store)


@pytest.mark.parametrize(("verify", "noticed"), [("first", [True, False]), ("always", [True, True]), ("never", [])])
def test_a_block_is_compared_when_the_setting_says(
    own: tuple[Store, RunDirectory], verify: Verify, noticed: list[bool]
) -> None:
    """Damage that is there at the first reading, and damage that comes later, as on a failing disk."""
    store, found = own[0], []
    path, position = store.path / "values" / "evap.npy", last_block(own[0], "evap")
    for later in (False, True):
        begin_anew()
        opened = Store.open(store.path).with_checking(verify)
        if later:
            opened.read("evap", slice(0, store.n_days))
        with path.open("rb+") as file:
            file.seek(position)
            byte = file.read(1)
            file.seek(position)
            file.write(bytes([byte[0] ^ 1]))
        try:
            opened.read("evap", slice(store.n_days - 1, store.n_days))
            found += [False] if verify != "never" else []
        except DataError:
            found.append(True)
        finally:
            with path.open("rb+") as file:
                file.seek(position)
                file.write(byte)
    begin_anew()
    assert found == noticed


def test_a_block_is_hashed_once_by_a_process(own: tuple[Store, RunDirectory], monkeypatch: pytest.MonkeyPatch) -> None:
    begin_anew()
    hashed: list[int] = []
    monkeypatch.setattr("hydromae.store.checked_blocks.check_block", lambda *given: hashed.append(given[3]))
    for store in (Store.open(own[0].path), Store.open(own[0].path).with_excluded(())):
        for _ in range(2):
            store.read("evap", slice(0, store.n_days))
            store.read("evap", slice(3, 4))
    begin_anew()
    assert hashed == list(range(-(-store.n_days // store.block_days)))


def test_a_model_that_was_saved_before_loads_and_can_be_sealed(own: tuple[Store, RunDirectory], tmp_path: Path) -> None:
    folder = shutil.copytree(own[1].model, tmp_path / "model")
    whole = load_pretrained(folder).state_dict()
    with safe_open(folder / WEIGHTS, framework="pt") as file:
        old = {"sha256": file.metadata()["sha256"]}
    save_file(load_file(folder / WEIGHTS), folder / WEIGHTS, metadata=old)
    assert same(dict(load_pretrained(folder).state_dict()), dict(whole))
    seal(folder)
    assert same(dict(load_pretrained(folder).state_dict()), dict(whole))
    (folder / CONFIG).write_text((folder / CONFIG).read_text() + " ")
    with pytest.raises(HydroMAEError, match=rf"{CONFIG}: is damaged .it is not what {WEIGHTS} was saved with"):
        load_pretrained(folder)


def test_the_model_that_comes_with_the_package_is_sealed() -> None:
    for name in shipped_models():
        with safe_open(located(name) / "model" / WEIGHTS, framework="pt") as file:
            assert {"sha256", "config_sha256"} <= file.metadata().keys()
