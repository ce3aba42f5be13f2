import json
from pathlib import Path

from hydromae.training.records import Records


def lines(path: Path) -> list[dict[str, int]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_records_are_on_disk_at_once_one_a_line(tmp_path: Path) -> None:
    records = Records(tmp_path / "metrics.jsonl")
    assert (tmp_path / "metrics.jsonl").read_text() == ""
    for step in range(3):
        records.append({"step": step})
        assert records.lines == step + 1 and lines(records.path)[-1] == {"step": step}


def test_continuing_keeps_the_lines_of_the_checkpoint_and_drops_later_ones(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    records = Records(path)
    for step in range(5):
        records.append({"step": step})
    with path.open("a", encoding="utf-8") as file:
        file.write('{"step": 5, "los')  # a crash
    continued = Records(path, keep=3)
    continued.append({"step": 33})
    assert lines(path) == [{"step": 0}, {"step": 1}, {"step": 2}, {"step": 33}] and continued.lines == 4


def test_records_that_were_lost_do_not_stop_a_run(tmp_path: Path) -> None:
    records = Records(tmp_path / "metrics.jsonl", keep=7)
    records.append({"step": 8})
    assert lines(records.path) == [{"step": 8}] and records.lines == 1


def test_a_new_run_begins_with_empty_records(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n')
    assert Records(tmp_path / "metrics.jsonl").lines == 0
    assert (tmp_path / "metrics.jsonl").read_text() == ""
