import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from hydromae.runs.checked_lines import CHECK, read_lines
from hydromae.training.callback import Beginning
from hydromae.training.records import Records


def begun(path: Path, keep: int = 0) -> Records:
    records = Records(path, keep)
    records.on_start(Beginning(step=0, total_steps=9))
    return records


def lines(path: Path) -> list[dict[str, int]]:
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [{key: value for key, value in record.items() if key != CHECK} for record in found]


def test_records_are_on_disk_at_once_one_a_line(tmp_path: Path) -> None:
    records = begun(tmp_path / "metrics.jsonl")
    assert (tmp_path / "metrics.jsonl").read_text() == ""
    for step in range(3):
        records.on_log({"step": step})
        assert lines(records.path) == [{"step": i} for i in range(step + 1)]


def test_continuing_keeps_the_lines_of_the_checkpoint_and_drops_later_ones(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    records = begun(path)
    for step in range(5):
        records.on_log({"step": step})
    with path.open("a", encoding="utf-8") as file:
        file.write('{"step": 5, "los')  # a crash
    begun(path, keep=3).on_log({"step": 33})
    assert lines(path) == [{"step": 0}, {"step": 1}, {"step": 2}, {"step": 33}]


def test_records_that_were_lost_do_not_stop_a_run(tmp_path: Path) -> None:
    records = begun(tmp_path / "metrics.jsonl", keep=7)
    records.on_log({"step": 8})
    assert lines(records.path) == [{"step": 8}]


def test_a_new_run_begins_with_empty_records(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n')
    begun(tmp_path / "metrics.jsonl")
    assert (tmp_path / "metrics.jsonl").read_text() == ""


def test_a_byte_that_is_no_text_does_not_stop_a_run_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step": \xff}\n{"step": 3}\n')
    begun(path, keep=2).on_log({"step": 33})
    first, damaged, last = path.read_bytes().splitlines()
    assert (first, damaged) == (b'{"step": 1}', b'{"step": \xff}') and json.loads(last)["step"] == 33


def test_the_checks_of_a_continued_run_are_those_of_one_go(tmp_path: Path) -> None:
    records = begun(tmp_path / "metrics.jsonl")
    for step in range(4):
        records.on_log({"step": step, "loss": 0.1 * step})
    whole = records.path.read_bytes()
    again = begun(records.path, keep=2)
    for step in (2, 3):
        again.on_log({"step": step, "loss": 0.1 * step})
    assert records.path.read_bytes() == whole and None not in list(read_lines(whole))


@pytest.mark.parametrize("taken", [0, 7])
def test_lines_that_a_full_disk_refuses_are_written_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, taken: int
) -> None:
    records = begun(tmp_path / "metrics.jsonl")
    records.on_log({"step": 0})
    opened = Path.open

    def full(path: Path, *given: Any, **named: Any) -> Any:
        with opened(path, "ab") as file:
            file.write(b"x" * taken)  # the room that was left
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", full)
        for step in (1, 2):
            records.on_log({"step": step})
    assert caplog.text.count("a line cannot be written now (No space left on device); the training goes on") == 1
    records.on_end()
    records.on_log({"step": 3})
    assert lines(records.path) == [{"step": step} for step in range(4)]
    assert None not in list(read_lines(records.path.read_bytes()))


def test_lines_that_stay_unwritten_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    records = begun(tmp_path / "metrics.jsonl")
    shutil.rmtree(tmp_path)
    for step in range(3):
        records.on_log({"step": step})
    records.on_end()
    assert "its last 3 lines were lost" in caplog.text
