from pathlib import Path

import numpy as np

from hydromae.init import survey as module
from hydromae.init.survey import survey
from support.readers_sources import write_months


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")


def test_hidden_names_and_stores_are_passed_by(tmp_path):
    for name in ("b/z.csv", "a.csv", ".hidden.csv", ".git/x.csv", "__pycache__/y.csv", "store/store.json"):
        touch(tmp_path / name)
    found = survey(tmp_path)
    assert found.files == ["a.csv", "b/z.csv"] and [one.path for one in found.left_out] == ["store"]


def test_depth_and_number_of_files_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_FILES", 3)
    touch(tmp_path / "/".join("abcdefg") / "deep.csv")
    found = survey(tmp_path)
    assert found.files == [] and [one.path for one in found.left_out] == ["a/b/c/d/e/f/g"]
    for i in range(5):
        touch(tmp_path / f"{i}.csv")
    found = survey(tmp_path)
    assert found.files == ["0.csv", "1.csv", "2.csv"] and "more than 3 files" in found.left_out[0].reason


def test_a_circle_of_links_is_walked_once(tmp_path):
    touch(tmp_path / "a" / "x.csv")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    found = survey(tmp_path)
    assert found.files == ["a/x.csv"] and {one.path for one in found.left_out} == {"a/up", "self"}


def test_a_folder_of_months_is_one_source_and_its_other_files_are_looked_at(tmp_path):
    days = np.arange(np.datetime64("2001-01-30"), np.datetime64("2001-02-03"))
    write_months(tmp_path / "months", np.ones((4, 2, 2), np.float32), days)
    touch(tmp_path / "months" / "notes.txt")
    found = survey(tmp_path)
    assert [(folder, reader.name) for folder, reader in found.folders] == [("months", "monthly_hdf5")]
    assert found.files == ["months/notes.txt"]
