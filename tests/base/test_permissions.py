"""A file that may not be read is not a damaged one, and the sentence says how it is allowed."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hydromae.base.files import atomic_directory, atomic_path, sha256, write_text
from hydromae.base.permissions import refused, told_of_files
from hydromae.config.read import load_config
from hydromae.folds.folds import Folds
from hydromae.readers.files import expand, require_file
from hydromae.readers.guard import reading
from hydromae.report.inputs import open_reconstruction
from hydromae.runs.checkpoint import load_newest, save_checkpoint
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import load_pretrained, save_pretrained
from hydromae.sources.plan import make_plan
from hydromae.store.memory_store import MemoryStore
from hydromae.store.prepare import prepare
from hydromae.store.provenance import source_files
from hydromae.store.store import Store
from support.as_nobody import as_nobody, needs_root, open_to_all
from support.tiny import tiny_config, tiny_model

pytestmark = needs_root

CHMOD = re.compile(r"ask the owner for `chmod (a\+[rx]+) ([^`]+)`$")


def follow(told: str) -> None:
    """Do as owner what the sentence asks for, to the letter."""
    change = CHMOD.search(told)
    assert change, told
    subprocess.run(f"chmod {change[1]} {change[2]}", shell=True, check=True)


def check(action: Callable[[], Any], kind: str, path: Path) -> None:
    """The action says as another user that `path` may not be read, and works once that is allowed."""
    open_to_all(path)
    action()  # as root, who may: what it imports later on, another user may not
    found, told = as_nobody(action)
    assert (found, told.split(": ")[0]) == (kind, str(path)), told
    assert "may not be read (permission denied)" in told and "damaged" not in told
    follow(told)
    again = as_nobody(action)
    assert again == ("", ""), again


def test_weights_and_configuration_of_a_model(tmp_path: Path) -> None:
    save_pretrained(tiny_model(tiny_config()), tmp_path / "model")
    for name in ("model.safetensors", "config.json"):
        (tmp_path / "model" / name).chmod(0o600)
        check(lambda: load_pretrained(tmp_path), "RunError", tmp_path / "model" / name)
    (tmp_path / "model").chmod(0o700)
    check(lambda: load_pretrained(tmp_path), "RunError", tmp_path / "model")


def test_a_run_in_a_closed_folder(tmp_path: Path) -> None:
    run = tmp_path / "closed" / "run"
    write_text(run / "config.yaml", "name: a")
    open_to_all(run)
    (tmp_path / "closed").chmod(0o700)
    kind, told = as_nobody(lambda: RunDirectory.open(run))
    assert kind == "RunError"
    assert told.startswith(f"{run}: may not be read (permission denied), since the folder {run.parent} is closed")
    follow(told)
    assert as_nobody(lambda: RunDirectory.open(run)) == ("", "")


def test_a_configuration_and_what_it_extends(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("seed: 3")
    (tmp_path / "own.yaml").write_text("extends: base.yaml")
    (tmp_path / "base.yaml").chmod(0o600)
    check(lambda: load_config(tmp_path / "own.yaml"), "ConfigError", tmp_path / "base.yaml")


def test_checkpoints(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    path = save_checkpoint(folder, 3, {"step": 3}, 2, None)
    for closed in (path, path.with_suffix(".sha256")):
        closed.chmod(0o600)
        check(lambda: load_newest(folder, torch.device("cpu")), "RunError", closed)


@pytest.mark.parametrize("source", ["precip_train.h5", "series.parquet", "attributes.csv", "mask.pt"])
def test_sources(world: Any, source: str) -> None:
    path = world.root / source
    path.chmod(0o600)
    open_to_all(path)
    check(lambda: source_files(world.config()) and make_plan(world.config()), "DataError", path)


def test_files_of_a_store(world: Any) -> None:
    path = prepare(world.config()).path

    def read() -> None:
        store = Store.open(path)
        store.read("precip", slice(0, 2))
        MemoryStore(store)

    for name in ("store.json", "values/precip.npy", "values/evap.npy"):
        (path / name).chmod(0o600)
        check(read, "DataError", path / name)


def test_a_folder_that_may_not_be_listed_is_not_an_empty_one(tmp_path: Path) -> None:
    folder = tmp_path / "months"
    folder.mkdir()
    (folder / "2001-01.h5").touch()
    for pattern in ("months/*.h5", "months"):
        folder.chmod(0o711)
        check(lambda pattern=pattern: expand(tmp_path, [pattern]), "DataError", folder)  # type: ignore[misc]


@pytest.mark.parametrize(
    "read", [require_file, Folds.read, open_reconstruction], ids=["a source", "a table of folds", "a reconstruction"]
)
def test_other_files(tmp_path: Path, read: Callable[[Path], Any]) -> None:
    path = tmp_path / "it's a file.csv"  # a name that a shell must be told as one
    path.write_text("")
    path.chmod(0o600)
    open_to_all(path)
    kind, told = as_nobody(lambda: read(path))
    assert kind == "DataError" and told.startswith(f"{path}: may not be read (permission denied); ask the owner")
    follow(told)
    assert "permission" not in as_nobody(lambda: read(path))[1]


def test_a_reader_names_the_file_within_a_folder(tmp_path: Path) -> None:
    chunk = tmp_path / "grid.zarr" / "0"
    chunk.parent.mkdir()
    chunk.write_bytes(b"x")
    chunk.chmod(0o600)

    def read() -> None:
        with reading(tmp_path / "grid.zarr"):
            chunk.read_bytes()

    check(read, "DataError", chunk)


def test_the_owner_is_told_how_to_allow_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("here")
    os.chown(path, 65534, 65534)
    path.chmod(0o200)
    open_to_all(path)
    kind, told = as_nobody(lambda: require_file(path))
    assert (kind, told) == (
        "DataError",
        f"{path}: may not be read (permission denied); allow it with `chmod u+r {path}`",
    )


def test_a_whole_or_absent_file_is_not_refused(tmp_path: Path) -> None:
    (tmp_path / "here").touch()
    assert refused(tmp_path / "here") == refused(tmp_path) == refused(tmp_path / "absent" / "file") == ""
    assert refused(tmp_path / "here", ValueError("damaged")) == ""
    assert told_of_files(FileNotFoundError(2, "No such file", "x")) == ""


@pytest.mark.parametrize("writer", [atomic_path, atomic_directory])
def test_a_folder_that_may_not_be_written_to_is_said_before_any_work(tmp_path: Path, writer: Any) -> None:
    open_to_all(tmp_path / "x")
    tmp_path.chmod(0o755)

    def write() -> None:
        with writer(tmp_path / "result.nc"):
            raise AssertionError("the work began")

    assert as_nobody(write) == (
        "DataError",
        f"{tmp_path / 'result.nc'}: cannot be written (Permission denied); give a path that you may write to",
    )


@pytest.mark.parametrize("writer", [atomic_path, atomic_directory])
def test_a_source_that_may_not_be_read_is_not_the_fault_of_the_target(tmp_path: Path, writer: Any) -> None:
    source, target = tmp_path / "source.csv", tmp_path / "out" / "result"
    source.write_text("here")
    source.chmod(0o600)
    target.parent.mkdir()
    target.parent.chmod(0o777)

    def write() -> None:
        with writer(target):
            sha256(source)
            raise SystemExit  # it could be read

    open_to_all(source)
    kind, told = as_nobody(write)
    assert kind == "DataError" and told.startswith(f"{source}: may not be read (permission denied); ask the owner")
    follow(told)
    assert as_nobody(write)[0] == "SystemExit"
    assert np.all([entry.name != "result" for entry in target.parent.iterdir()])
