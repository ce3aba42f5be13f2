import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
import yaml
from typer.testing import CliRunner

from hydromae.app import cli, console
from hydromae.config.explain import all_keys
from hydromae.store.prepare import prepare
from hydromae.training.runs import new_run
from support.small import small_config, small_raw
from support.sources import World, make_world, write_attributes, write_grid, write_mask

Hydromae = Callable[..., tuple[int, str, str]]


def write_config(world: World) -> Path:
    raw = small_raw(world, world.root.parent / "run", training={"epochs": 1})
    path = world.root.parent / "small.yaml"
    path.write_text(yaml.safe_dump(raw, sort_keys=False))
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Sources with their store beside them and a finished run."""
    world = make_world(tmp_path_factory.mktemp("trained") / "sources")
    new_run(small_config(world, world.root.parent / "run"), prepare(world.config()))
    return world


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


@pytest.mark.parametrize("command", [*commands(typer.main.get_command(cli.app))], ids=" ".join)
def test_every_command_has_help_with_an_example(command: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli.app, [*command, "--help"], env={"COLUMNS": "200"})
    shown = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", result.output).split())
    assert result.exit_code == 0 and f"Example: hydromae {' '.join(command)}" in shown


def test_the_train_of_commands_does_the_main_job(hydromae: Hydromae, world: World) -> None:
    config, run = write_config(world), world.root.parent / "run"
    assert hydromae("prepare", config)[:2] == (
        0, f"{world.root.parent / 'store'}: 200 days from 2001-01-01, precip, soil, evap, riverflow\n"
        f"Prepared. Next:\n  hydromae train {config}\n"
    )  # fmt: skip
    code, output, _ = hydromae("train", config, "training.lr=2e-3")
    assert code == 0 and f"Trained: {run}. Next:\n  hydromae reconstruct {run}\n  hydromae report {run}\n" in output
    assert "lr: 0.002" in (run / "config.yaml").read_text()
    assert hydromae("resume", run)[:2] == (0, f"{run}: is finished; nothing to continue\n")
    code, output, _ = hydromae("reconstruct", run)
    assert code == 0 and "riverflow" in output and "Reconstruction beats filling with the mean for" in output
    assert (run / "reconstruction.nc").is_file() and (run / "scores.json").is_file()
    code, output, _ = hydromae("reconstruct", run, "--period", "2001-03-01", "2001-03-09", "-o", run / "march.nc")
    assert code == 0 and "2001-03-01 to 2001-03-09" in output and (run / "scores_march.json").is_file()
    code, output, _ = hydromae("report", run)
    assert code == 0 and Path(output.removeprefix("The page: ").strip()).is_file()


def test_a_dry_run_prints_the_cost_and_writes_no_run(hydromae: Hydromae, trained: World) -> None:
    config = write_config(trained)
    before = {path: path.stat().st_mtime_ns for path in trained.root.parent.rglob("*")}
    code, output, _ = hydromae("train", config, "--dry-run", f"output={trained.root.parent / 'dry'}")
    assert code == 0 and "parameters" in output and "seconds a step" in output
    assert {path: path.stat().st_mtime_ns for path in trained.root.parent.rglob("*")} == before


def test_a_run_is_never_overwritten(hydromae: Hydromae, trained: World) -> None:
    code, _, errors = hydromae("train", write_config(trained))
    assert code == 2 and "already holds a run; continue it with `hydromae resume" in errors


def test_config_lists_every_key_and_explains_one(hydromae: Hydromae, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console.console, "width", 300)
    code, output, _ = hydromae("config")
    shown = {cells[0].strip() for line in output.splitlines() if (cells := re.split("[│|┃]", line)[1:])}
    assert code == 0 and {key.name for key in all_keys()} <= shown
    code, output, _ = hydromae("config", "training.lr")
    assert code == 0 and "training.lr" in output and "highest learning rate" in output and "epochs" not in output
    code, _, errors = hydromae("config", "training.learning_rate")
    assert code == 2 and "no configuration key training.learning_rate; near ones: training" in errors


def test_check_says_fit_with_0_spoilt_with_1_and_unreadable_with_2(hydromae: Hydromae, world: World) -> None:
    config = write_config(world)
    code, output, _ = hydromae("check", config)
    assert code == 0 and "Fit for training." in output
    world.series["riverflow"][40, 2] = -2
    world.write_series()
    code, output, _ = hydromae("check", config)
    assert code == 1 and "27003" in output
    (world.root / "soil_val.h5").write_bytes(b"damaged")
    code, output, _ = hydromae("check", config)
    assert code == 2 and "soil_val.h5" in output
    assert sorted(path.name for path in world.root.parent.iterdir()) == ["small.yaml", "sources"]


def test_check_reads_a_store_and_finds_its_flipped_byte(hydromae: Hydromae, trained: World, tmp_path: Path) -> None:
    shutil.copytree(trained.root.parent / "store", tmp_path / "store")
    code, output, _ = hydromae("check", tmp_path / "store")
    assert code == 0 and "Fit for training." in output
    values = tmp_path / "store" / "values" / "evap.npy"
    content = bytearray(values.read_bytes())
    content[-1] ^= 1
    values.write_bytes(content)
    code, output, _ = hydromae("check", tmp_path / "store")
    assert code == 2 and f"{values}: days" in output.replace("\n", "")


def _soil(
    world: World, days: slice, shape: tuple[slice, slice] = (slice(None), slice(None)), file: str = "train"
) -> None:
    write_grid(world.root / f"soil_{file}.h5", world.grids["soil"][days][:, *shape], world.days[days])


def _repeat_a_day(world: World) -> None:
    world.days = world.days.copy()
    world.days[31] = world.days[30]
    world.write_grids("soil")


def _drop_a_day(world: World) -> None:
    chosen = np.r_[0:30, 31:140]
    write_grid(world.root / "soil_train.h5", world.grids["soil"][chosen], world.days[chosen])


def _negative_flow(world: World) -> None:
    world.series["riverflow"][40, 2] = -2
    world.write_series()


def _lose_a_station(world: World) -> None:
    columns = {"latitude": [1, 2, 3], "catchment-area": [1, 2, 3], "bfihost": [1, 2, 3]}
    write_attributes(world.root / "attributes.csv", [101, 9002, 39001], columns)


def _truncate(world: World) -> None:
    path = world.root / "soil_val.h5"
    path.write_bytes(path.read_bytes()[:-2000])


# What is wrong -> how it comes about, and what the sentence names: file and place, then the remedy.
BAD: dict[str, tuple[Callable[[World], object], str]] = {
    "wrong path": (
        lambda w: w.raw["data"]["modalities"]["evap"].update(paths="serie.parquet"),
        r"serie\.parquet: no such file; did you mean .*series\.parquet",
    ),
    "wrong shape": (
        lambda w: _soil(w, slice(140, 200), (slice(10), slice(None)), "val"),
        r"soil_val\.h5: has 10 x 10 cells, but .*soil_train\.h5 has 15 x 10.*; \w+",
    ),
    "date missing": (_drop_a_day, r"soil_train\.h5: 2001-01-31 is absent from its dates; add the day, or set"),
    "date repeated": (_repeat_a_day, r"soil_train\.h5: 2001-01-31 is twice in its dates \(maps 30 and 31\); remove"),
    "unknown station": (
        _lose_a_station,
        r"series\.parquet: unknown station 27003, which attributes\.csv lacks; add its row",
    ),
    "negative flow": (
        _negative_flow,
        r"series\.parquet: discharge_vol of station 27003 on 2001-02-10 is -2 m3/s, below .*; correct the file",
    ),
    "no valid patch": (
        lambda w: write_mask(w.root / "mask.pt", np.zeros_like(w.land)),
        r"mask\.pt: no patch has 50% of land, the largest share is 0%; lower data\.land_threshold or give another",
    ),
    "truncated HDF5": (_truncate, r"soil_val\.h5: .*cut short.*; copy or download it again"),
    "not HDF5": (
        lambda w: (w.root / "soil_val.h5").write_text("no grid"),
        r"soil_val\.h5: is not an HDF5 file.*; copy or download it again",
    ),
    "unknown key": (
        lambda w: w.raw["data"].update(modalitys={}),
        r"small\.yaml: unknown key data\.modalitys; did you mean modalities",
    ),
    "wrong value": (
        lambda w: w.raw["data"].update(land_threshold=50),
        r"small\.yaml: data\.land_threshold: .*less than or equal to 1 \(given: 50\); `hydromae config",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("bad", "command"), [*((bad, "train") for bad in BAD), ("wrong path", "prepare")])
def test_bad_input_is_one_sentence_with_exit_code_2_and_leaves_nothing(
    hydromae: Hydromae, world: World, bad: str, command: str
) -> None:
    spoil, message = BAD[bad]
    spoil(world)
    code, output, errors = hydromae(command, write_config(world))
    sentences = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert code == 2 and output == "" and len(sentences) == 1, errors
    assert errors.rstrip("\n").endswith(sentences[0]) and "Traceback" not in errors
    assert re.search(message, sentences[0]), sentences[0]
    assert sorted(path.name for path in world.root.parent.iterdir()) == ["small.yaml", "sources"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("prepare", "nowhere.yaml"), "nowhere.yaml: no such configuration file; give the path of a YAML file"),
        (("resume", "nowhere"), "{here}/nowhere: is not a run directory (no config.yaml); give the output of"),
        (("reconstruct", "nowhere"), "{here}/nowhere: is not a run directory"),
        (("report", "nowhere"), "nowhere: holds no config.yaml; give the directory of a run"),
        (("train", "nowhere.yaml", "training.lr"), "nowhere.yaml: no such configuration file"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_place_that_is_not_there_is_named(
    hydromae: Hydromae, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, errors = hydromae(*arguments)
    assert code == 2 and f"error: {message.format(here=tmp_path)}" in errors and not list(tmp_path.iterdir())


def test_brackets_in_a_message_are_shown_as_they_are(hydromae: Hydromae) -> None:
    code, _, errors = hydromae("prepare", "[bold]my [red]data.yaml")
    assert code == 2 and "error: [bold]my [red]data.yaml: no such" in errors


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("seed=99999999999999999999", "seed"),
        ("training.betas=[2, 3]", "training.betas"),
        ("model.coordinate_attrs=[-1, -3]", "model.coordinate_attrs"),
        ("model.use_input=true", "need use_weighted_fm"),
        ("data.train=2001-01-01", "data.train"),
    ],
    ids=lambda value: value,
)
def test_a_value_that_cannot_be_is_refused_before_any_work(
    hydromae: Hydromae, world: World, change: str, message: str
) -> None:
    code, _, errors = hydromae("train", write_config(world), change)
    assert code == 2 and errors.count("error: ") == 1 and message in errors
    assert sorted(path.name for path in world.root.parent.iterdir()) == ["small.yaml", "sources"]


@pytest.mark.slow
def test_a_patch_size_of_the_data_s_grid_is_taken_without_saying_its_rows_and_columns(
    hydromae: Hydromae, world: World
) -> None:
    raw = small_raw(world, world.root.parent / "run", training={"epochs": 1})
    for key in ("grid_height", "grid_width", "stations_per_window", "static_attr_dim"):
        raw["model"].pop(key, None)
    path = world.root.parent / "unsized.yaml"
    path.write_text(yaml.safe_dump(raw, sort_keys=False))
    size = raw["model"]["patch_size"] // 2 if raw["model"].get("patch_size", 10) % 2 == 0 else 1
    code, _, errors = hydromae("train", path, f"model.patch_size={size}", "--dry-run")
    assert code == 0, errors


@pytest.mark.slow
def test_the_model_of_a_configuration_with_a_store_is_the_one_that_train_builds(
    hydromae: Hydromae, trained: World
) -> None:
    config = write_config(trained)
    shown = hydromae("model", config)[1]
    built = hydromae("model", trained.root.parent / "run")[1]
    totals = [next(line for line in text.splitlines() if " total " in line) for text in (shown, built)]
    assert totals[0] == totals[1]


def test_a_folder_as_output_is_refused_before_the_work(hydromae: Hydromae, trained: World, tmp_path: Path) -> None:
    code, _, errors = hydromae("reconstruct", trained.root.parent / "run", "-o", tmp_path)
    assert code == 2 and f"error: {tmp_path}: is a folder; give the path of a file" in errors
    assert "Reconstructing" not in errors


def test_other_days_than_the_held_out_ones_do_not_replace_their_reconstruction(
    hydromae: Hydromae, trained: World
) -> None:
    run = trained.root.parent / "run"
    assert hydromae("reconstruct", run)[0] == 0
    before = (run / "scores.json").read_bytes()
    code, output, _ = hydromae("reconstruct", run, "--split", "train")
    assert code == 0 and "reconstruction_train.nc" in output
    assert (run / "scores.json").read_bytes() == before


def test_the_version_is_printed(hydromae: Hydromae) -> None:
    from importlib.metadata import version

    assert hydromae("--version")[:2] == (0, version("hydromae") + "\n")


def test_the_package_runs_as_a_module(hydromae: Hydromae) -> None:
    told = subprocess.run([sys.executable, "-m", "hydromae", "--version"], capture_output=True, text=True, check=True)
    assert told.stdout == hydromae("--version")[1]


def test_a_demo_that_was_stopped_does_not_pretend_to_be_done(
    hydromae: Hydromae, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hydromae.training.loop.Trainer.train_step", lambda trainer, *_: trainer.stop.ask())
    code, output, _ = hydromae("demo", tmp_path / "demo", "--size", "tiny")
    assert code == 130 and "Stopped" in output and "The page" not in output


@pytest.mark.slow
def test_the_demo_leaves_all_it_promises_and_shows_learning(hydromae: Hydromae, tmp_path: Path) -> None:
    code, output, _ = hydromae("demo", tmp_path / "demo", "--size", "tiny")
    run = tmp_path / "demo" / "run"
    assert code == 0
    for path in ("config.yaml", "metrics.jsonl", "scores.json", "summary.json", "reconstruction.nc", "model"):
        assert (run / path).exists(), path
    page = Path(re.search("The page: (.*)", output)[1])
    assert page.stat().st_size > 50_000 and (tmp_path / "demo" / "store" / "store.json").is_file()
    errors = {name: score["mse"] for name, score in json.loads((run / "scores.json").read_text())["modalities"].items()}
    assert len(errors) == 5 and all(error["model"] < error["mean"] for error in errors.values())
    nearer = {name for name, error in errors.items() if error["model"] < error["nearest_day"]}
    assert len(nearer) >= 3 and {"precip", "riverflow"} <= nearer


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PermissionError(13, "Permission denied", "/nobody/knows"), "/nobody/knows: may not be read"),
        (
            OSError(28, "No space left on device"),
            "a file is refused by the system (No space left on device)",
        ),
    ],
)
def test_what_the_system_refuses_anywhere_is_one_sentence(
    hydromae: Hydromae, monkeypatch: pytest.MonkeyPatch, error: OSError, told: str
) -> None:
    def refuse(*arguments: object, **keys: object) -> None:
        raise error

    monkeypatch.setattr("hydromae.report.write_report", refuse)
    code, _, said = hydromae("report", "run")
    assert code == 2 and said.startswith(f"error: {told}") and said.count("\n") == 1
