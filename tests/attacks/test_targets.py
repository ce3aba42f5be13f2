"""No command replaces what it should not: what others wrote, what it reads, or anything without being asked."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml

from hydromae.base.errors import DataError, RunError
from hydromae.base.files import atomic_directory, atomic_path, write_text
from hydromae.base.leftovers import exchange
from hydromae.base.locks import locked
from hydromae.base.replacing import replace_text
from hydromae.check.page import write_check_page
from hydromae.check.report import CheckReport
from hydromae.folds import folds
from hydromae.folds.configs import write_folds
from hydromae.init.result import InitResult
from hydromae.init.write import write_config
from hydromae.plots.plot import plot
from hydromae.results.target import check_target
from hydromae.results.write import write_result
from hydromae.runs.directory import RunDirectory
from hydromae.sources.attributes import Attributes
from hydromae.sources.patches_table import StationPatches
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from support.small import small_raw
from support.sources import World
from support.untrained import ONE, untrained_run

Hydromae = Callable[..., tuple[int, str, str]]
MINE = b"mine: not yours\n"


@pytest.fixture(scope="module")
def run(prepared: tuple[World, Store], tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return untrained_run(*prepared, tmp_path_factory.mktemp("runs") / "run", **ONE)


def work() -> None:
    raise AssertionError("work was done before the output was refused")


# The command, and the file that would be written where {output} is the given place.
COMMANDS = {
    "forecast": ("forecast {run} --data {folder} -o {output}", "a.nc"),
    "infill": ("infill {run} --data {folder} -o {output}", "a.csv"),
    "ungauged": ("ungauged {run} --data {folder} -o {output}", "a.parquet"),
    "reconstruct": ("reconstruct {run} -o {output}", "a.nc"),
    "evaluate": ("evaluate {run} --data {folder} --task infill -o {parent}", "infill_scores.md"),
    "evaluate, a table": ("evaluate {run} --data {folder} -o {parent}", "table.csv"),
    "check": ("check {store} -o {output}", "a.html"),
    "export": ("export {store} -o {output}", "a.csv"),
    "merge": ("data merge {folder} -o {output}", "a.nc"),
    "folds": ("data folds {store} -o {output}", "a.csv"),
    "configurations of folds": ("data folds {store} --count 2 --config {config} -o {parent}/folds.csv", "a_fold1.yaml"),
    "patches": ("data patches {config} -o {output}", "a.csv"),
    "init": ("init {folder} -o {output}", "a.yaml"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_what_others_wrote_is_refused_before_the_work_and_stays(
    hydromae: Hydromae,
    prepared: tuple[World, Store],
    run: RunDirectory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    for place in ("app.folder_data.init", "folds.configs.spatial_folds", "init.init", "check.check.check_store"):
        monkeypatch.setattr(f"hydromae.{place}", lambda *given, **named: work())
    config = tmp_path / "settings" / "a.yaml"
    config.parent.mkdir()
    config.write_text(yaml.safe_dump(small_raw(prepared[0], tmp_path / "out")))
    (tmp_path / "folder").mkdir()
    template, name = COMMANDS[command]
    output = tmp_path / "results" / name
    output.parent.mkdir()
    output.write_bytes(MINE)
    places = {"run": run.path, "folder": tmp_path / "folder", "store": prepared[1].path, "config": config}
    arguments = template.format(**places, output=output, parent=output.parent).split()
    code, _, errors = hydromae(*arguments)
    assert code == 2 and f"{output}: is there already; give another path, or replace it with --overwrite" in errors
    code, _, errors = hydromae(*arguments, "--overwrite")
    assert code == 2 and f"{output}: is there already and was not written by hydromae" in errors
    assert output.read_bytes() == MINE and list(output.parent.iterdir()) == [output]


@pytest.mark.parametrize(
    "command", ["check {store} -o {config}", "infill {run} -o {config}", "forecast {run} -o {run}"]
)
def test_no_page_and_no_result_takes_the_place_of_a_configuration_or_a_folder(
    hydromae: Hydromae, prepared: tuple[World, Store], run: RunDirectory, tmp_path: Path, command: str
) -> None:
    config = tmp_path / "my.yaml"
    config.write_bytes(MINE)
    arguments = command.format(run=run.path, store=prepared[1].path, config=config).split()
    for more in ((), ("--overwrite",)):
        assert hydromae(*arguments, *more)[0] == 2
    assert config.read_bytes() == MINE and (run.path / "config.yaml").is_file()


def test_what_a_command_wrote_itself_is_replaced_when_asked(
    hydromae: Hydromae, prepared: tuple[World, Store], tmp_path: Path
) -> None:
    for command in (
        f"check {prepared[1].path} -o {tmp_path}/check.html",
        f"export {prepared[1].path} --names evap -o {tmp_path}/evap.csv",
    ):
        codes = [hydromae(*command.split(), *more) for more in ((), ("--overwrite",), ())]
        assert [code for code, _, _ in codes] == [codes[0][0], codes[0][0], 2] and codes[0][0] < 2, (command, codes)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("folds.csv", ",".join(folds._COLUMNS)),
        ("patches.csv", "id,latitude,longitude,group,order"),
        ("a_fold0.yaml", "# Written by `hydromae data folds`.\nextends: a.yaml"),
        ("my.yaml", "# Written by `hydromae init` for data."),
        ("table.md", "**Scores**\n\n| a |\n\n<!-- written by hydromae -->\n"),
        ("old.html", '<!doctype html><meta http-equiv="Content-Security-Policy"><title>a - HydroMAE check</title>'),
    ],
)
def test_what_hydromae_writes_is_known_by_what_it_says(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    check_target(path, overwrite=True, suffixes=(path.suffix,))
    path.write_text(
        text.replace("hydromae", "me").replace("HydroMAE", "Me").replace("fold,", "f,").replace("id,", "i,")
    )
    with pytest.raises(DataError, match="was not written by hydromae"):
        check_target(path, overwrite=True, suffixes=(path.suffix,))


@pytest.mark.parametrize("name", ["config.yaml", "data.json"])
def test_a_run_is_not_written_over_a_configuration_that_is_none_of_a_run(
    prepared: tuple[World, Store], run: RunDirectory, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(MINE)
    config = run.config().model_copy(update={"output": str(tmp_path)})
    with pytest.raises(RunError, match=rf"{name}: is there already and is not of a run, .* give another output="):
        RunDirectory.create(config, prepared[1])
    assert (tmp_path / name).read_bytes() == MINE


def test_nothing_inside_a_store_that_is_read_is_replaced(prepared: tuple[World, Store], tmp_path: Path) -> None:
    inside = tmp_path / "store" / "flow.csv"
    inside.parent.mkdir()
    (inside.parent / "store.json").write_text("{}")
    inside.write_text("date,ID,flow\n")
    with pytest.raises(DataError, match="is read by this command"):
        check_target(inside, True, [inside.parent])


def killed_while(work: Callable[[], None]) -> None:
    """Do work in a process that is killed in the midst of it, as it has to ask for."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(1)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def half_a_file(path: Path) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"half")
        die()


def half_a_folder(path: Path) -> None:
    with atomic_directory(path, replace=True) as temporary:
        (temporary / "half").write_bytes(b"half")
        die()


@pytest.mark.parametrize("name", ["a.nc", "a.csv", "a.zarr"])
def test_what_a_killed_process_left_is_removed_by_the_next_that_writes_there(tmp_path: Path, name: str) -> None:
    data = xr.Dataset({"flow": (("time", "station"), np.ones((2, 1)))}, {"time": pd.date_range("2001", periods=2)})
    data["station"] = ["1"]
    path = tmp_path / name
    killed_while(lambda: half_a_folder(path) if name == "a.zarr" else half_a_file(path))
    assert len(list(tmp_path.iterdir())) == 2  # half of it and a lock
    write_result(data, path)
    assert list(tmp_path.iterdir()) == [path]


def test_looking_at_a_target_brings_back_what_a_killed_process_had_moved_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hydromae.base.leftovers._swapped", lambda *paths: False)
    path = tmp_path / "a.zarr"
    for folder, text in ((path, "old"), (tmp_path / "new", "new")):
        folder.mkdir()
        (folder / "zarr.json").write_text(text)

    def cut_off() -> None:
        names = iter((Path.rename, lambda *_: die()))
        monkeypatch.setattr(Path, "rename", lambda *given: next(names)(*given))
        exchange(tmp_path / "new", path)

    killed_while(cut_off)
    assert not path.exists()
    with pytest.raises(DataError, match="is there already"):
        check_target(path, overwrite=False)
    assert (path / "zarr.json").read_text() == "old"
    assert sorted(found.name for found in tmp_path.iterdir()) == ["a.zarr", "new"]


def test_a_store_that_a_killed_process_had_moved_away_is_found(world: World, tmp_path: Path) -> None:
    store = prepare(world.config())
    store.path.rename(store.path.with_name(f".{store.path.name}.retired"))
    assert Store.open(store.path).fingerprint == store.fingerprint
    store.path.rename(store.path.with_name(f".{store.path.name}.retired"))
    said: list[str] = []
    prepare(world.config(), lambda what, done: said.append(what))
    assert said == ["is there already, made from the same files"]


def test_a_live_process_keeps_its_unfinished_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("slow")
        killed_while(lambda: (write_text(path, "quick"), die()))
    assert path.read_text() == "slow" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["link", "dangling link", "file with content", "folder"])
def test_what_has_the_name_of_a_lock_is_neither_followed_nor_emptied(tmp_path: Path, kind: str) -> None:
    thesis, lock = tmp_path / "thesis.tex", tmp_path / ".a.nc.lock"
    if kind != "dangling link":
        thesis.write_bytes(MINE)
    if "link" in kind:
        lock.symlink_to(thesis)
    elif kind == "folder":
        lock.mkdir()
    else:
        lock.write_bytes(MINE)
    with pytest.raises(DataError, match=r"\.a\.nc\.lock: is where hydromae puts a lock.*move it away"):
        write_text(tmp_path / "a.nc", "text")
    with pytest.raises(DataError, match="move it away"), locked(tmp_path / "a.nc", lambda: None):
        pass
    assert thesis.exists() == (kind != "dangling link") and (not thesis.exists() or thesis.read_bytes() == MINE)
    assert lock.is_symlink() == ("link" in kind) and (kind != "file with content" or lock.read_bytes() == MINE)


FLOW = xr.Dataset({"flow": ("time", np.ones(2))}, {"time": pd.date_range("2001", periods=2)})
FORECAST = xr.Dataset(
    {"flow": (("issue_time", "lead_time", "station"), np.ones((1, 2, 1)), {"units": "m3/s"})},
    {"issue_time": pd.date_range("2001", periods=1), "lead_time": [1, 2], "station": ["1"]},
)
TWO = pd.DataFrame({"station": ["1", "2"], "fold": [0, 1], "cluster": [0, 1], "nearest_training_km": 1.0})
# Each takes the path that is written, and whether what is there may be replaced.
WRITERS: dict[str, tuple[str, Callable[[Path, bool], object]]] = {
    "result": ("a.nc", lambda path, replace: write_result(FLOW, path, replace=replace)),
    "table": ("a.csv", lambda path, replace: write_result(FLOW.expand_dims(station=["1"], axis=1), path, None,
                                                          lambda *_: None, lambda _: None, replace)),
    "figure": ("a.png", lambda path, replace: plot(FORECAST, output=path, overwrite=replace)),
    "page of a check": ("a.html", lambda path, replace: write_check_page(CheckReport("data", 1), path, replace)),
    "folds": ("a.csv", lambda path, replace: folds.Folds(TWO).write(path, replace)),
    "configurations of folds": ("a_fold0.yaml", lambda path, replace: write_folds(
        folds.Folds(TWO), path.parent / "a.csv", path.parent.parent / "a.yaml", replace)),
    "patches": ("a.csv", lambda path, replace: groups().write(path, replace)),
    "configuration": ("a.yaml", lambda path, replace: write_config(Mock(spec=InitResult), path, replace)),
    "scores": ("a.csv", lambda path, replace: replace_text(path, "text", replace)),
}  # fmt: skip


def groups() -> StationPatches:
    """One station, in one group."""
    attributes = Attributes(("1",), ("latitude", "longitude"), np.array([[52.0, -1.0]]), None)
    return StationPatches(attributes, 1, np.array([0]), None)


@pytest.mark.parametrize("writer", WRITERS)
def test_of_two_that_write_one_target_the_second_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writer: str
) -> None:
    (tmp_path / "a.yaml").write_text("name: a\n")
    monkeypatch.setattr("hydromae.init.write.config_text", lambda *_: "data: {}")
    name, write = WRITERS[writer]
    path = tmp_path / "out" / name
    path.parent.mkdir()
    with locked(path, lambda: None), pytest.raises(DataError, match="is being written by another process; wait"):
        write(path, False)
    # The other process ends between the command's first look at its target and its writing.
    monkeypatch.setattr("hydromae.plots.plot.check_target", lambda *_: None)
    monkeypatch.setattr("hydromae.init.write.check_target", lambda path, _: path)
    path.write_bytes(MINE)
    with pytest.raises(DataError, match="was written by another process meanwhile and is not replaced"):
        write(path, False)
    assert path.read_bytes() == MINE and list(path.parent.iterdir()) == [path]
    write(path, True)
    assert path.read_bytes() != MINE


def test_of_processes_that_write_one_file_at_once_each_is_whole_or_refused(tmp_path: Path) -> None:
    path, children = tmp_path / "a.html", []
    for number in range(8):
        child = os.fork()
        if child == 0:
            try:
                replace_text(path, str(number) * 200_000, replace=False)
            except DataError:
                os._exit(3)
            except BaseException:
                os._exit(9)
            os._exit(0)
        children.append(child)
    codes = sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)
    assert codes == [0] + 7 * [3]
    assert len(path.read_text()) == 200_000 and len(set(path.read_text())) == 1
    assert list(tmp_path.iterdir()) == [path]
