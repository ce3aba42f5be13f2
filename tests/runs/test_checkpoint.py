import logging
import math
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest
import torch

from hydromae.base.errors import RunError
from hydromae.runs import checkpoint
from hydromae.runs.checkpoint import load_newest, random_state, restore_random_state, save_checkpoint

CPU = torch.device("cpu")


def content(step: int) -> dict[str, Any]:
    return {"weights": torch.full((100,), float(step)), "progress": {"step": step, "best_loss": math.inf, "best": None}}


def steps(folder: Path) -> list[int]:
    assert {path.stem for path in folder.glob("*.pt")} == {path.stem for path in folder.glob("*.sha256")}
    assert all(path.suffix in (".pt", ".sha256") for path in folder.iterdir())
    return sorted(int(path.stem.removeprefix("step_")) for path in folder.glob("*.pt"))


def spoil(path: Path, place: int) -> None:
    changed = bytearray(path.read_bytes())
    changed[place] ^= 1
    path.write_bytes(changed)


def test_the_newest_comes_back_as_it_was(tmp_path: Path) -> None:
    for step in (5, 100, 20):
        save_checkpoint(tmp_path, step, content(step), keep=3, best_step=None)
    found = load_newest(tmp_path, CPU)
    assert found["progress"] == {"step": 20, "best_loss": math.inf, "best": None}
    assert torch.equal(found["weights"], content(20)["weights"])


def test_the_newest_few_and_the_best_are_kept(tmp_path: Path) -> None:
    for step in range(10, 80, 10):
        save_checkpoint(tmp_path, step, content(step), keep=2, best_step=20 if step >= 20 else None)
    assert steps(tmp_path) == [20, 60, 70]


def test_later_steps_that_were_passed_over_do_not_crowd_out_new_ones(tmp_path: Path) -> None:
    for step in (10, 20, 30):
        save_checkpoint(tmp_path, step, content(step), keep=2, best_step=None)
    spoil(tmp_path / "step_00000030.pt", 500)
    assert load_newest(tmp_path, CPU)["progress"]["step"] == 20
    save_checkpoint(tmp_path, 25, content(25), keep=1, best_step=None)
    assert steps(tmp_path) == [25] and load_newest(tmp_path, CPU)["progress"]["step"] == 25


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.99])
def test_a_flipped_byte_is_named_and_the_one_before_is_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, share: float
) -> None:
    for step in (10, 20):
        path = save_checkpoint(tmp_path, step, content(step), keep=3, best_step=None)
    spoil(path, int(share * path.stat().st_size))
    with caplog.at_level(logging.WARNING):
        assert load_newest(tmp_path, CPU)["progress"]["step"] == 10
    assert f"{path}: is damaged" in caplog.text


def test_what_was_cut_short_is_passed_over(tmp_path: Path) -> None:
    for step in (10, 20):
        path = save_checkpoint(tmp_path, step, content(step), keep=3, best_step=None)
    os.truncate(path, 300)
    assert load_newest(tmp_path, CPU)["progress"]["step"] == 10


def test_a_checkpoint_whose_checksum_file_was_lost_is_used_if_it_is_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for step in (10, 20):
        path = save_checkpoint(tmp_path, step, content(step), keep=3, best_step=None)
    path.with_suffix(".sha256").unlink()
    assert load_newest(tmp_path, CPU)["progress"]["step"] == 20
    assert "has no step_00000020.sha256 beside it; it is whole by the sums inside it" in caplog.text
    for place in range(0, path.stat().st_size, 97):
        whole = path.read_bytes()
        spoil(path, place)
        found = load_newest(tmp_path, CPU)
        assert torch.equal(found["weights"], content(found["progress"]["step"])["weights"])
        path.write_bytes(whole)


def test_where_none_is_whole_the_run_must_be_trained_anew(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"holds no whole checkpoint to continue from; train the run anew"):
        load_newest(tmp_path, CPU)
    spoil(save_checkpoint(tmp_path, 10, content(10), keep=3, best_step=None), 100)
    with pytest.raises(RunError, match="holds no whole checkpoint"):
        load_newest(tmp_path, CPU)


def test_a_failing_write_leaves_the_old_ones_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(tmp_path, 10, content(10), keep=1, best_step=None)

    def fail(content: object, file: IO[bytes]) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.torch, "save", fail)
    with pytest.raises(RunError, match=r"00000020\.pt: cannot be written \(No space left on device\); .* make room, "):
        save_checkpoint(tmp_path, 20, content(20), keep=1, best_step=None)
    assert steps(tmp_path) == [10] and load_newest(tmp_path, CPU)["progress"]["step"] == 10


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("values", [60_000, 44_000])  # the disk is full within the weights, and within the last bytes
def test_a_disk_that_is_really_full_ends_with_the_last_checkpoint_whole(small_disk: Path, values: int) -> None:
    folder = small_disk / "run" / "checkpoints"
    save_checkpoint(folder, 10, {**content(10), "more": torch.zeros(20_000)}, keep=1, best_step=None)
    with pytest.raises(RunError, match=r"\(No space left on device\); .* continue with `hydromae resume .*/run`"):
        save_checkpoint(folder, 20, {**content(20), "more": torch.zeros(values)}, keep=1, best_step=None)
    assert steps(folder) == [10] and load_newest(folder, CPU)["progress"]["step"] == 10
    save_checkpoint(folder, 30, content(30), keep=1, best_step=None)
    assert steps(folder) == [30]


def test_the_new_checkpoint_is_on_the_disk_before_the_old_one_is_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[int]] = []
    monkeypatch.setattr(checkpoint, "sync_directory", lambda folder, deep: seen.append(steps(folder)))
    for step in (10, 20):
        save_checkpoint(tmp_path, step, content(step), keep=1, best_step=None)
    assert seen == [[10], [10, 20]] and steps(tmp_path) == [20]


class Malicious:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Path.touch, (self.target,)


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "run", 10, {"weights": Malicious(tmp_path / "harm")}, keep=1, best_step=None)
    with pytest.raises(RunError, match="holds something else than tensors, numbers and text"):
        load_newest(tmp_path / "run", CPU)
    assert not (tmp_path / "harm").exists()


def test_the_random_state_that_was_kept_gives_the_same_numbers(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 1, {"random": random_state()}, keep=1, best_step=None)
    expected = torch.rand(9)
    torch.manual_seed(123)
    restore_random_state(load_newest(tmp_path, CPU)["random"])
    assert torch.equal(torch.rand(9), expected)
