import json
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from hydromae.app import doctor
from hydromae.base.version import VERSION

Hydromae = Callable[..., tuple[int, str, str]]


def found(output: str) -> dict[str, dict[str, str]]:
    return {row["what"]: row for row in json.loads(output)}


def test_it_says_versions_device_and_room(hydromae: Hydromae, tmp_path: Path) -> None:
    _, output, _ = hydromae("doctor", tmp_path, "--json")
    rows = found(output)
    assert rows["hydromae"]["found"].startswith(f"{VERSION}, Python 3.")
    assert f"torch {torch.__version__}" in rows["libraries"]["found"]
    assert rows[f"disk: {tmp_path}"]["found"].endswith("GB free")
    assert rows["optional: wandb"]["found"] in ("installed", "not installed: pip install 'hydromae[wandb]'")


def test_what_gets_in_the_way_has_a_remedy_and_an_exit_code(
    hydromae: Hydromae, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1000)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda place: usage(9e9, 8.9e9, 0.1e9))
    code, output, _ = hydromae("doctor", tmp_path, "--json")
    rows = found(output)
    assert code == 1
    assert rows["threads"]["remedy"].startswith("set OMP_NUM_THREADS=")
    assert rows[f"disk: {tmp_path}"]["remedy"] == "make room, or work in another folder"


def test_a_folder_that_cannot_be_written_is_noticed(
    hydromae: Hydromae, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(doctor.h5py, "File", refused)
    code, output, _ = hydromae("doctor", tmp_path, "--json")
    assert code == 1
    assert "a file cannot be written there (Read-only file system)" in found(output)[f"disk: {tmp_path}"]["remedy"]


def test_a_folder_that_is_none_is_one_sentence(hydromae: Hydromae, tmp_path: Path) -> None:
    code, _, errors = hydromae("doctor", tmp_path / "absent")
    assert code == 2 and "absent: is no folder; name one, or leave it out" in errors
