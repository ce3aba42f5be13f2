"""Files that belong together are all there, or none that was not there before."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hydromae.base.replacing import all_or_none, replace_text, replace_together, replacing


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def nothing() -> None:
    pass


def refuse() -> None:
    raise OSError("no room")


def interrupt() -> None:
    raise KeyboardInterrupt


def write(folder: Path, then: Callable[[], object]) -> None:
    with all_or_none(folder):
        for name in ("old.txt", "new.txt"):
            replace_text(folder / name, "new")
        with all_or_none(), replacing(folder / "new.zarr") as temporary:
            (temporary / "zarr.json").write_text("new")
        then()


@pytest.mark.parametrize(("then", "error"), [(refuse, OSError), (interrupt, KeyboardInterrupt)])
def test_what_was_written_before_an_error_is_taken_back_with_its_folder(
    tmp_path: Path, then: Callable[[], object], error: type[BaseException]
) -> None:
    with pytest.raises(error):
        write(tmp_path / "scores", then)
    assert not list(tmp_path.iterdir())


def test_what_was_there_stays_and_so_does_what_others_wrote(tmp_path: Path) -> None:
    def others() -> None:
        (tmp_path / "notes.txt").write_text("theirs")
        (tmp_path / "again.txt").write_text("theirs")
        (tmp_path / "again.txt").rename(tmp_path / "new.txt")  # as another process replaces it
        refuse()

    (tmp_path / "old.txt").write_text("old")
    with pytest.raises(OSError, match="no room"):
        write(tmp_path, others)
    assert contents(tmp_path) == {"old.txt": "new", "new.txt": "theirs", "notes.txt": "theirs"}


def test_without_an_error_all_stays(tmp_path: Path) -> None:
    write(tmp_path / "scores", nothing)
    assert set(contents(tmp_path / "scores")) == {"old.txt", "new.txt", "new.zarr/zarr.json"}
    with pytest.raises(OSError, match="no room"):  # a later error is of something else
        refuse()
    assert (tmp_path / "scores" / "new.txt").exists()


def test_files_that_are_written_together_are_there_together(tmp_path: Path) -> None:
    def fails(_: Path) -> None:
        refuse()

    (tmp_path / "old.txt").write_text("old")
    writers = {tmp_path / name: lambda path: path.write_text("new") for name in ("new.txt", "old.txt")}
    with pytest.raises(OSError, match="no room"):
        replace_together({**writers, tmp_path / "last.txt": fails})
    assert contents(tmp_path) == {"old.txt": "old"}
    replace_together(writers)
    assert contents(tmp_path) == {"old.txt": "new", "new.txt": "new"}
