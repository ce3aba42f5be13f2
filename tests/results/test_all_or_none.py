"""Files that belong together are all there, or none that was not there before."""

from pathlib import Path

import pytest

from hydromae.results.all_or_none import all_or_none

NAMES = ("*.nc", "table.csv", "*.zarr")


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def write(folder: Path, error: BaseException | None = None) -> None:
    with all_or_none(folder, NAMES):
        (folder / "a.zarr").mkdir(parents=True)
        (folder / "a.zarr" / "zarr.json").write_text("new")
        for name in ("none.nc", "table.csv", "notes.txt"):
            (folder / name).write_text("new")
        if error is not None:
            raise error


def after_a_file(folder: Path, error: Exception) -> Exception:
    folder.mkdir()
    (folder / "none.nc").write_text("new")
    return error


def test_what_was_written_before_an_error_is_taken_back(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no room"):
        write(tmp_path / "scores", OSError("no room"))
    assert contents(tmp_path) == {"scores/notes.txt": "new"}  # which is not one of them


def test_a_folder_that_was_made_for_them_goes_with_them(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no room"), all_or_none(tmp_path / "scores", NAMES):
        raise after_a_file(tmp_path / "scores", OSError("no room"))
    assert not list(tmp_path.iterdir())


def test_what_was_there_stays_and_what_is_somebody_else_s_too(tmp_path: Path) -> None:
    (tmp_path / "old.nc").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, KeyboardInterrupt())
    assert contents(tmp_path) == {"old.nc": "old", "notes.txt": "new"}


def test_without_an_error_all_stays(tmp_path: Path) -> None:
    write(tmp_path)
    assert set(contents(tmp_path)) == {"a.zarr/zarr.json", "none.nc", "table.csv", "notes.txt"}
