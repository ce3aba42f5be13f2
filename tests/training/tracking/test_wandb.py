"""The real client, offline."""

import json
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hydromae.base.errors import ConfigError
from hydromae.config import Config
from hydromae.training.callback import Beginning
from hydromae.training.tracking.configured import check_tracking
from hydromae.training.tracking.wandb import WeightsAndBiases
from support.small import small_config
from support.sources import World

pytest.importorskip("wandb", reason="wandb is an extra")

BLOCK, HEADER = 32768, 7


def transaction_log(path: Path) -> Iterator[Any]:
    """Records of a run's log: LevelDB's format, in blocks whose pieces hold checksum, length and type."""
    from wandb.proto.wandb_internal_pb2 import Record

    content, place, whole = path.read_bytes(), HEADER, b""
    while place + HEADER <= len(content):
        left = BLOCK - place % BLOCK
        if left < HEADER:
            place += left
            continue
        _, length, kind = struct.unpack("<IHB", content[place : place + HEADER])
        if kind == 0:
            break
        whole += content[place + HEADER : place + HEADER + length]
        place += HEADER + length
        if kind in (1, 4):  # the whole, or its last piece
            record = Record()
            record.ParseFromString(whole)
            whole = b""
            yield record


def history(run: Path) -> list[dict[str, Any]]:
    rows = []
    for log in sorted(run.glob("wandb/offline-run-*/*.wandb")):
        for record in transaction_log(log):
            if record.WhichOneof("record_type") == "history":
                items = {item.key or ".".join(item.nested_key): item.value_json for item in record.history.item}
                rows.append({key: json.loads(value) for key, value in items.items()})
    return rows


def configured(world: World, path: Path) -> Config:
    return small_config(world, path, logging={"wandb": "offline", "wandb_project": "a-project"})


def record(step: int, loss: float) -> dict[str, Any]:
    return {"event": "train", "step": step, "epoch": 0.5, "loss": loss, "losses": {"precip": loss / 2}, "lr": 1e-3}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    for folder in ("CACHE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"WANDB_{folder}_DIR", str(tmp_path / folder))


def test_the_numbers_are_in_the_log_that_is_synchronised_later_under_one_id(world: World, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    tracker = WeightsAndBiases(configured(world, run), run)
    tracker.on_start(Beginning(step=0, total_steps=6))
    tracker.on_log(record(2, 1.0))
    tracker.on_log(record(4, 0.5))
    tracker.on_picture("reconstruction", np.zeros((4, 6, 3), np.uint8), 4)
    tracker.on_end()
    known = json.loads((run / "wandb.json").read_text())["id"]
    continued = WeightsAndBiases(configured(world, run), run)
    continued.on_start(Beginning(step=2, total_steps=6))
    continued.on_log(record(4, 0.25))  # a step that is taken anew
    continued.on_end()

    assert json.loads((run / "wandb.json").read_text())["id"] == known
    assert [log.stem for log in run.glob("wandb/offline-run-*/*.wandb")] == [f"run-{known}"] * 2
    numbers: list[tuple[int, float, float]] = []
    patience = time.monotonic() + 30
    while len(numbers) < 3 and time.monotonic() < patience:  # the client's own process may write after its end
        rows = history(run)
        numbers = [(row["step"], row["train/loss"], row["train/precip"]) for row in rows if "train/loss" in row]
        time.sleep(0.1)
    assert numbers == [(2, 1.0, 0.5), (4, 0.5, 0.25), (4, 0.25, 0.125)]
    (pictured,) = [row for row in rows if any(key.startswith("reconstruction") for key in row)]
    assert pictured["step"] == 4
    assert len(list(run.glob("wandb/offline-run-*/files/media/images/reconstruction*.png"))) == 1
    projects = {
        found.run.project
        for log in run.glob("wandb/offline-run-*/*.wandb")
        for found in transaction_log(log)
        if found.WhichOneof("record_type") == "run"
    }
    assert projects == {"a-project"}


def test_without_the_package_nothing_is_begun(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = configured(world, tmp_path / "run")
    # A folder that the client left where it ran is no package.
    (tmp_path / "elsewhere" / "wandb").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "elsewhere")])
    for name in [name for name in sys.modules if name.split(".")[0] == "wandb"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ConfigError, match=r"pip install hydromae\[wandb\]"):
        check_tracking(config)
    check_tracking(small_config(world, tmp_path / "run"))
