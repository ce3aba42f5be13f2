import errno
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer.record_writer import RecordWriter

from hydromae.training.callback import Beginning
from hydromae.training.tracking.tensorboard import TensorBoard


def begun(folder: Path, step: int) -> TensorBoard:
    board = TensorBoard(folder)
    board.on_start(Beginning(step, total_steps=8))
    return board


def record(step: int, loss: float, event: str = "train") -> dict[str, Any]:
    return {"event": event, "step": step, "epoch": step / 4, "loss": loss, "losses": {"precip": loss / 2}, "lr": 1e-3}


def read(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0}).Reload()


def scalars(folder: Path, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in read(folder).Scalars(tag)]


def written_earlier(folder: Path) -> Path:
    """Date the only file of a board back: readers order files by name, which is the second and then a count as text."""
    (file,) = folder.iterdir()
    *begin, _, host = file.name.split(".", 4)
    return file.rename(folder / ".".join([*begin, "0000000001", host]))


def test_every_number_of_a_record_is_read_back_at_its_step(tmp_path: Path) -> None:
    board = begun(tmp_path, 0)
    board.on_log(record(2, 1.0))
    board.on_log(record(4, 0.5))
    board.on_log(record(4, 0.75, "validation"))
    board.on_end()
    assert scalars(tmp_path, "train/loss") == [(2, 1.0), (4, 0.5)]
    assert scalars(tmp_path, "train/precip") == [(2, 0.5), (4, 0.25)]
    assert scalars(tmp_path, "train/lr") == [(2, pytest.approx(1e-3)), (4, pytest.approx(1e-3))]
    assert scalars(tmp_path, "validation/loss") == [(4, 0.75)]
    assert "train/step" not in json.dumps(read(tmp_path).Tags()["scalars"])


@pytest.mark.parametrize("step", [0, 4])
def test_a_run_that_goes_on_leaves_no_later_step_behind(tmp_path: Path, step: int) -> None:
    board = begun(tmp_path, 0)
    for done, loss in ((2, 1.0), (4, 0.5), (6, 99.0), (8, 99.0)):
        board.on_log(record(done, loss))
        board.on_picture("reconstruction", np.zeros((4, 6, 3), np.uint8), done)
    board.on_end()
    written_earlier(tmp_path)
    continued = begun(tmp_path, step)
    continued.on_log(record(6, 0.25))
    continued.on_end()
    kept = [(2, 1.0), (4, 0.5)] if step else []
    assert scalars(tmp_path, "train/loss") == [*kept, (6, 0.25)]
    assert [image.step for image in read(tmp_path).Images("reconstruction")] == [done for done, _ in kept]


def test_what_a_kill_left_half_written_does_not_hide_what_comes_after(tmp_path: Path) -> None:
    board = begun(tmp_path, 0)
    for done in (2, 4, 6):
        board.on_log(record(done, 1.0))
    board.on_end()
    file = written_earlier(tmp_path)
    file.write_bytes(file.read_bytes()[:-5])
    continued = begun(tmp_path, 4)
    continued.on_log(record(6, 0.25))
    continued.on_end()
    assert scalars(tmp_path, "train/loss") == [(2, 1.0), (4, 1.0), (6, 0.25)]


def test_a_picture_is_read_back_with_its_size(tmp_path: Path) -> None:
    board = begun(tmp_path, 0)
    board.on_picture("reconstruction", np.full((4, 6, 3), 255, np.uint8), 3)
    board.on_end()
    (image,) = read(tmp_path).Images("reconstruction")
    assert (image.step, image.height, image.width) == (3, 4, 6)


def test_what_a_full_disk_refuses_is_raised_once_and_no_trace_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(self: RecordWriter, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
    board = begun(tmp_path, 0)
    monkeypatch.setattr(RecordWriter, "write", full)

    def go_on() -> None:
        for step in range(100):
            board.on_log(record(step, 1.0))
            time.sleep(0.01)

    with pytest.raises(OSError, match="No space left"):
        go_on()
    with pytest.raises(OSError, match="No space left"):
        board.on_end()
    assert "Traceback" not in capfd.readouterr().err
    assert threading.excepthook is threading.__excepthook__
