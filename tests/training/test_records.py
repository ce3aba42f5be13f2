import json
from pathlib import Path

from hydromae.training.callback import Beginning
from hydromae.training.records import Records


def begun(path: Path, keep: int = 0) -> Records:
    records = Records(path, keep)
    records.on_start(Beginning(step=0, total_steps=9))
    return records


def lines(path: Path) -> list[dict[str, int]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


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
