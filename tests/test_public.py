"""`import hydromae`: what it gives, in what form things are taken, and that it is the same as the command line."""

import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import hydromae
from hydromae.base.errors import ConfigError
from hydromae.config.read import as_config, load_config
from hydromae.runs.directory import RunDirectory
from hydromae.tasks.evaluate import Evaluation
from support.small import small_config, small_raw
from support.sources import make_world
from support.tiny import plain_dict, tiny_config, tiny_model
from support.untrained import ONE, untrained_run

Command = Callable[..., tuple[int, str, str]]
ASKED = [
    "train",
    "finetune",
    "check",
    "prepare",
    "evaluate",
    "forecast",
    "infill",
    "ungauged",
    "reconstruct",
    "embed",
    "load",
    "plot",
    "open_store",
]
DAY, PERIOD = "2001-06-01", ("2001-06-01", "2001-06-20")


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """Windows of one station, evaporation and flow."""
    root = tmp_path_factory.mktemp("series")
    world = make_world(root / "sources")
    world.raw["data"]["modalities"] = {name: world.raw["data"]["modalities"][name] for name in ("evap", "riverflow")}
    del world.raw["data"]["land_mask"]
    raw = {section: {**world.raw.get(section, {}), **ONE[section]} for section in ONE}
    config = small_config(world, root / "run", **raw)
    return untrained_run(world, hydromae.prepare(config), root / "run", **raw)


def test_every_name_is_there_and_a_wrong_one_gives_the_nearest() -> None:
    assert set(ASKED) <= set(dir(hydromae))
    assert all(callable(getattr(hydromae, name)) for name in ASKED)
    with pytest.raises(AttributeError, match="has no attribute 'forcast'; did you mean forecast"):
        _ = hydromae.forcast
    from hydromae import check  # the package, which can be called
    from hydromae.check.check import check as check_sources

    assert check is hydromae.check and hydromae.check.check.check is check_sources


def test_nothing_large_is_imported_before_it_is_used() -> None:
    code = "import hydromae, sys; dir(hydromae); print([m for m in ('torch', 'xarray', 'rich') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", [name for name in ASKED if name not in ("load", "plot", "open_store", "check")])
def test_all_show_their_progress_and_say_so(name: str) -> None:
    function = getattr(hydromae, name)
    parameter = inspect.signature(function).parameters["progress"]
    assert parameter.kind is inspect.Parameter.KEYWORD_ONLY and parameter.default is None
    assert function.__doc__.count("        progress: True shows a bar") == 1


def test_a_configuration_is_a_file_a_mapping_or_itself(tmp_path: Path) -> None:
    world = make_world(tmp_path / "sources")
    raw, told = small_raw(world, tmp_path / "run"), []
    store = hydromae.prepare(raw, progress=lambda what, done: told.append((what, done)))
    assert told[-1] == ("done", 1.0) and [done for _, done in told] == sorted(done for _, done in told)
    config = as_config(raw)
    assert hydromae.prepare(config).fingerprint == store.fingerprint
    changed = as_config(config, "training.epochs=7")
    assert changed.training.epochs == 7 and as_config(changed, []) is changed
    assert changed.model_copy(update={"training": config.training}) == config
    path = tmp_path / "a.yaml"
    path.write_text("training: {epochs: 3}\n")
    assert as_config(path) == as_config(str(path)) == load_config(path)
    assert repr(config).splitlines()[-4:] == [
        "  precip: grid, mm/d", "  soil: grid, 1", "  evap: series, mm/d", "  riverflow: series, m3/s",
    ]  # fmt: skip
    assert len(repr(config)) < 400 and len(repr(as_config({}))) < 400
    assert "<td>precip</td><td>grid</td><td>mm/d</td><td>15 x 10 cells</td>" in store._repr_html_()


def test_a_batch_says_what_is_in_it_without_tensors() -> None:
    config = tiny_config()
    batch = tiny_model(config).as_batch(plain_dict(config))
    lines = repr(batch).splitlines()
    assert len(repr(batch)) < 600 and len(lines) == 2 + len(batch.tokens)
    for line, (name, tokens) in zip(lines[1:], batch.tokens.items(), strict=False):
        counts = tokens.visible.real.sum(1)
        assert line.startswith(f"  {name}: {tokens.shape.kind}, {tokens.values.shape[1]} tokens of ")
        assert f"{int(counts.max())} visible" in line


def test_a_model_is_checked_trained_asked_and_scored_without_a_file_in_between(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world, told = make_world(tmp_path / "sources"), []
    raw = small_raw(world, tmp_path / "run")
    report = hydromae.check(raw, full=True)
    assert report.exit_code == 0 and repr(report).startswith("Check of small: Fit for training.")
    assert "<th>riverflow</th>" in report._repr_html_()
    run = hydromae.train(raw, "training.epochs=1", progress=lambda what, done: told.append((what.split(":")[0], done)))
    assert [done for what, done in told if what == "Training"] == pytest.approx([1 / 3, 2 / 3, 1])
    assert hydromae.check(run.store()).exit_code == hydromae.check(str(run.store().path)).exit_code == 0
    assert isinstance(hydromae.load_pretrained(run), hydromae.MultiModalMAE) and hydromae.load(run).run.path == run.path
    assert "finished after 3 steps" in repr(run) and "precip, soil, evap, riverflow" in run._repr_html_()
    assert hydromae.train(raw, ["training.epochs=1"], go_on=True).path == run.path
    made = hydromae.reconstruct(run, tmp_path / "a.nc", period=PERIOD)
    assert made.sizes["time"] == 20
    made.close()
    scored = hydromae.evaluate(run, "modalities", output=str(tmp_path / "scores"))
    assert isinstance(scored, Evaluation) and (tmp_path / "scores" / "cross_modality.csv").is_file()
    assert len(repr(scored)) < 2000 and scored._repr_html_().count("<table>") == len(scored.tables) + 1
    with pytest.raises(ConfigError, match="evaluate has no option horizn; did you mean horizon"):
        hydromae.evaluate(run, "forecast", horizn=3)
    assert capsys.readouterr() == ("", "")  # nobody looks


def test_a_forecast_from_python_is_the_file_of_the_command(
    series: RunDirectory, hydromae: Command, tmp_path: Path
) -> None:
    from hydromae import forecast  # the fixture has the name of the package

    code, _, error = hydromae(
        "forecast", series.path, "--issue-time", DAY, "--horizon", 3, "-o", tmp_path / "command.nc"
    )
    assert code == 0, error
    shown: list[float] = []
    made = forecast(
        series, pd.Timestamp(DAY), tmp_path / "python.nc", horizon=3, progress=lambda what, done: shown.append(done)
    )
    assert shown == [1.0]
    with xr.open_dataset(tmp_path / "command.nc") as written, xr.open_dataset(tmp_path / "python.nc") as own:
        xr.testing.assert_identical(own.drop_attrs(deep=False), written.drop_attrs(deep=False))
        assert {key for key in own.attrs if own.attrs[key] != written.attrs[key]} <= {"history"}  # when it was written
        for name in own.variables:
            np.testing.assert_array_equal(written[name], made[name])


def test_data_in_memory_are_asked_about_as_a_store_of_them_is(series: RunDirectory, tmp_path: Path) -> None:
    store = series.store()
    data = hydromae.open_store(store)
    frame = data[["evap", "riverflow"]].to_dataframe()[["evap", "riverflow"]].reset_index()
    known = pd.DataFrame(store.attributes, index=list(store.station_ids), columns=list(store.attribute_names))
    asked = {"attributes": known, "data": frame}
    of_store = hydromae.forecast(series, DAY, horizon=3)["riverflow"]
    for taken in (frame.rename(columns={"time": "date"}), data[["evap", "riverflow"]]):
        of_memory = hydromae.forecast(series, DAY, horizon=3, attributes=known, data=taken)["riverflow"]
        np.testing.assert_allclose(of_memory.sel(station=of_store["station"]), of_store, rtol=1e-4)
    asked["data"] = frame.rename(columns={"time": "date"})
    tokens = hydromae.embed(hydromae.load(series), PERIOD, stations="9002", **asked)
    expected = hydromae.embed(series, PERIOD, stations="9002")
    np.testing.assert_allclose(tokens["embedding"], expected["embedding"], atol=1e-4)
    again = hydromae.load(series).embed(period=PERIOD, stations="9002", **asked)
    xr.testing.assert_identical(again["embedding"], tokens["embedding"])
    filled = hydromae.infill(series, period=PERIOD, **asked)
    assert not (series.path / "infilled.nc").exists() and filled.sizes["time"] == 20
    with pytest.raises(ConfigError, match="attributes and units go with data in memory"):
        hydromae.forecast(series, DAY, attributes=known)
    with pytest.raises(ConfigError, match="data cannot be a DataFrame here; give a store or a configuration"):
        hydromae.evaluate(series, "infill", data=frame)
    told: list[str] = []
    keys = ["training.epochs=1", "model.series_position=learned"]  # since there is no longitude
    tuned = hydromae.finetune(
        series, "infill", keys, tmp_path / "tuned", progress=lambda what, done: told.append(what), **asked
    )
    assert "finished" in repr(tuned) and any(what.startswith("Training") for what in told)
    assert tuned.store().names == store.names
