"""The benchmark through its command, on files like its own with few stations."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from click.testing import Result
from typer.testing import CliRunner

from hydromae.app import cli
from hydromae.base.errors import DataError
from hydromae.baselines.forecast.lstm_training import LstmSettings
from hydromae.benchmark import gb_flow_7
from hydromae.benchmark.run import benchmark_config, run_benchmark
from hydromae.evaluation.forecast_scores import quartiles
from hydromae.metrics import nse
from hydromae.runs.directory import RunDirectory
from hydromae.store.view import open_store
from hydromae.tasks.forecast_baselines import BaselineChoice, fit_baselines, forecast_baselines
from support import scorer
from support.tiny_benchmark import DAYS, OVERRIDES, rivers, write_benchmark

torch.set_num_threads(1)
Hydromae = Callable[..., tuple[int, str, str]]
QUICK = BaselineChoice(("persistence", "ridge"))
# As they are defined; the tests below have a third of each.
DEFINED, NEEDED = gb_flow_7.issue_days(), gb_flow_7.MIN_PAIRS
EVERY, MIN_PAIRS = 15, 33


@pytest.fixture(scope="module", autouse=True)
def a_third_of_the_issue_days() -> Iterator[None]:
    """Forecasts take most of the time here, and each of them is made as the others are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gb_flow_7, "EVERY", EVERY)
        patch.setattr(gb_flow_7, "MIN_PAIRS", MIN_PAIRS)
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_benchmark(tmp_path_factory.mktemp("gb"))


@pytest.fixture(scope="module")
def command(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The output of a benchmark of one seed, which was stopped while it trained, and the command that went on."""
    output = tmp_path_factory.mktemp("benchmark") / "out"
    assert run_benchmark(data, output, seeds=1, minutes=0.0005, baselines=QUICK, overrides=OVERRIDES) is None
    assert any((output / "seed_0/checkpoints").iterdir()) and not (output / "none.nc").exists()
    options = ("--data", data, "-o", output, "--seeds", 1, "--baselines", "persistence,ridge", *OVERRIDES)
    return output, CliRunner().invoke(cli.app, ["benchmark", "gb-flow-7", *map(str, options)])


@pytest.fixture(scope="module")
def done(command: tuple[Path, Result]) -> Path:
    return command[0]


def opened(path: Path) -> xr.Dataset:
    with xr.open_dataset(path, engine="h5netcdf", decode_timedelta=False) as file:
        return file.load()


def scored_by_the_independent_scorer(path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    module = scorer.load()
    monkeypatch.setattr(module, "GB", data)
    monkeypatch.setattr(module, "STEP", EVERY)
    monkeypatch.setattr(module, "MIN_PAIRS", MIN_PAIRS)
    ids, area, observed, last = module.truth()
    # Its own reading asks for a library that is not needed here.
    opens = xr.open_dataset
    monkeypatch.setattr(module.xr, "open_dataset", lambda file, **options: opens(file, engine="h5netcdf", **options))
    return pd.DataFrame(module.score(*module.read(str(path), ids, area), observed, last)).set_index("lead")


def test_the_definition_is_that_of_the_independent_scorer() -> None:
    module = scorer.load()
    assert len(DEFINED) == 218 and pd.DatetimeIndex(DEFINED).equals(module.issue_dates())
    assert NEEDED == module.MIN_PAIRS == 100


def test_what_is_finished_is_not_done_again(data: Path, done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [done / name for name in ("seed_0/model/model.safetensors", "store/store.json", "none.nc", "perfect.nc")]
    before = [path.stat().st_mtime_ns for path in files]
    monkeypatch.setattr("hydromae.benchmark.run.evaluate_forecasts", lambda *_, **settings: {})
    assert run_benchmark(data, done, seeds=1, baselines=QUICK, overrides=OVERRIDES) is not None
    assert before == [path.stat().st_mtime_ns for path in files]


def test_the_command_leaves_forecasts_and_tables(command: tuple[Path, Result]) -> None:
    done, result = command
    output = result.output
    assert result.exit_code == 0 and "Nash-Sutcliffe" in output and "persistence" in output and "hydromae" in output
    for regime in ("none", "perfect"):
        forecast = opened(done / f"{regime}.nc")["riverflow"]
        assert forecast.attrs["units"] == "mm/d" and forecast.sizes == {"issue_time": 73, "lead_time": 7, "station": 3}
        assert pd.DatetimeIndex(forecast["issue_time"].values).equals(pd.DatetimeIndex(gb_flow_7.issue_days()))
        assert set(opened(done / f"{regime}_scores.nc")["model"].values) == {"hydromae", "persistence", "ridge"}
        assert opened(done / f"{regime}_stations.nc")["nse"].sizes == {"lead_time": 7, "station": 3}
    table = pd.read_csv(done / "table.csv")
    assert set(table["forcing"]) == {"none", "perfect"} and set(table["lead_time"]) == set(range(1, 8))
    assert "forcing perfect" in (done / "table.md").read_text()


@pytest.mark.parametrize("regime", ["none", "perfect"])
def test_scores_agree_with_the_independent_scorer(
    regime: str, data: Path, done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = scored_by_the_independent_scorer(done / f"{regime}.nc", data, monkeypatch)
    table = pd.read_csv(done / "table.csv").query("forcing == @regime and model == 'hydromae'")
    for ours, column in (("nse", "nse_median"), ("kge", "kge_median"), ("persistence_skill", "rmse_skill_median")):
        own = table[table["metric"] == ours].set_index("lead_time")["median"]
        np.testing.assert_allclose(own, theirs[column], atol=5.1e-5)
    lower = table[table["metric"] == "nse"].set_index("lead_time")["lower_quartile"]
    np.testing.assert_allclose(lower, theirs["nse_p25"], atol=5.1e-5)


def test_the_definition_scores_alone_what_the_table_has(done: Path) -> None:
    observed = open_store(done / "store")["riverflow"].load()
    own = quartiles(gb_flow_7.score(opened(done / "none.nc")["riverflow"], observed))["score"]
    table = opened(done / "none_scores.nc")["score"].sel(model="hydromae")
    for metric in ("nse", "kge", "rmse", "persistence_skill"):
        np.testing.assert_allclose(own.sel(metric=metric), table.sel(metric=metric))


def test_a_forecast_that_is_missing_where_a_flow_was_observed_is_refused(done: Path) -> None:
    observed = open_store(done / "store")["riverflow"].load()
    forecast = opened(done / "none.nc")["riverflow"]
    holed = forecast.where(forecast["issue_time"] != forecast["issue_time"][3])
    with pytest.raises(DataError, match="missing where a flow was observed"):
        gb_flow_7.score(holed, observed)
    with pytest.raises(DataError, match="1 issue times are not forecast, the first 2009-10-16"):
        gb_flow_7.score(forecast.drop_isel(issue_time=1), observed)
    with pytest.raises(DataError, match="1 stations are not forecast"):
        gb_flow_7.score(forecast.isel(station=[0, 2]), observed)


@pytest.mark.slow  # tests of the forecast have the property itself
def test_garbage_after_a_day_changes_no_forecast_issued_until_then(
    hydromae: Hydromae, done: Path, tmp_path: Path
) -> None:
    columns, day = rivers(), np.datetime64("2011-06-01")
    for values in columns.values():
        values[day < DAYS] = 44.0  # rain, temperature, evaporation and flow
    spoiled, output = write_benchmark(tmp_path / "gb", columns), tmp_path / "out"
    same_model = ("--run", done / "seed_0", "--baselines", "")
    code, _, errors = hydromae("benchmark", "gb-flow-7", "--data", spoiled, "-o", output, *same_model, *OVERRIDES)
    assert code == 0, errors
    for regime, horizon in (("none", 0), ("perfect", 7)):
        clean, other = (opened(folder / f"{regime}.nc")["riverflow"] for folder in (done, output))
        before = clean["issue_time"] <= day - np.timedelta64(horizon, "D")
        assert before.any() and not before.all()
        np.testing.assert_array_equal(clean[before.values], other[before.values])
        assert not np.array_equal(clean[~before.values], other[~before.values])


def test_held_out_years_are_scored_without_the_benchmark_s_own(tmp_path: Path) -> None:
    config = benchmark_config(tmp_path, tmp_path / "out", select=True)
    assert config.data.test is not None and config.data.train is not None
    assert max(config.data.test[1], config.data.train[1]) < gb_flow_7.ISSUED[0]
    issued = gb_flow_7.held_out_days()
    assert config.data.test[0] <= issued[0] and issued[-1] < config.data.test[1] < config.data.train[0]


def test_a_training_that_was_stopped_was_gone_on_with_to_its_end(done: Path) -> None:
    run = RunDirectory.open(done / "seed_0")
    steps = [json.loads(line)["step"] for line in run.metrics.read_text().splitlines()]
    assert steps == sorted(steps) and max(steps) == run.read_json("summary.json")["steps"]


def test_what_the_command_cannot_do_is_one_sentence_and_code_2(hydromae: Hydromae, data: Path, done: Path) -> None:
    for arguments, words in (
        (("gb-flow-8", "--data", data), "gb-flow-8: is no benchmark; there is gb-flow-7"),
        (("gb-flow-7", "--data", done), "is absent; --data must be the folder"),
        (("gb-flow-7", "--data", data, "--baselines", "rigde"), "rigde: is no baseline"),
        (("gb-flow-7", "--data", data, "--reference", "lstm"), "reference lstm: is none of"),
        (("gb-flow-7", "--data", data, "-o", done, "training.lr=0.1", *OVERRIDES), "training.lr"),
    ):
        code, _, errors = hydromae("benchmark", *arguments)
        assert code == 2 and words in " ".join(errors.split())


@pytest.mark.slow
def test_runs_are_evaluated_on_a_split(hydromae: Hydromae, done: Path, tmp_path: Path) -> None:
    output = tmp_path / "scores"
    choice = ("--baselines", "persistence,ridge", "--forcing", "perfect", "--every", 30, "--min-pairs", 20)
    code, printed, errors = hydromae("evaluate", done / "seed_0", *choice, "-o", output)
    assert code == 0, errors
    assert "Nash-Sutcliffe" in printed and f"Written: {output}" in printed
    assert sorted(path.name for path in output.iterdir()) == [
        "perfect.nc", "perfect_scores.nc", "perfect_stations.nc", "table.csv", "table.md",
    ]  # fmt: skip
    made, whole = (opened(folder / "perfect.nc")["riverflow"] for folder in (output, done))
    assert made.sizes["issue_time"] == 37
    xr.testing.assert_equal(made, whole.sel(issue_time=made["issue_time"]))
    stations = opened(output / "perfect_stations.nc")
    expected = nse(made, open_store(done / "store")["riverflow"].load(), 20).values  # [lead_time, station]
    np.testing.assert_allclose(stations["nse"].transpose("lead_time", "station"), expected)
    scores = opened(output / "perfect_scores.nc").sel(model="hydromae", metric="nse", percentile=50)
    np.testing.assert_allclose(scores["score"], np.median(expected, axis=1))


def test_what_evaluate_cannot_do_is_one_sentence_and_code_2(hydromae: Hydromae, done: Path) -> None:
    run = done / "seed_0"
    for arguments, words in (
        ((run, "--task", "dream"), "task dream is unknown; there are forecast, infill, ungauged, modalities"),
        ((run, "--split", "val"), "has no val period"),
        ((run, "--split", "test", "--forcing", "era5"), "forcing era5: forecasts are scored with none or perfect"),
        ((run, "--split", "test", "--baselines", "arma"), "arma: is no baseline"),
        ((run, "--split", "test", "--every", 0), "every 0 days cannot be"),
        ((run, "--split", "test", "--horizon", 60), "horizon is 60 days"),
        ((done,), "is not a run directory"),
    ):
        code, _, errors = hydromae("evaluate", *arguments)
        assert code == 2 and words in " ".join(errors.split()), errors


def test_an_lstm_is_trained_when_asked_and_kept(done: Path, tmp_path: Path) -> None:
    small = LstmSettings(steps=2, check_every=2, history=20, hidden=8, batch=16)
    choice = BaselineChoice(("lstm",), small, tmp_path / "lstm")
    series = open_store(done / "store").drop_vars("area").load()
    arguments = (choice, series, "riverflow", ["precip", "temp", "evap"], gb_flow_7.RECORD, 7)
    told: list[str] = []
    first = fit_baselines(*arguments, data="a", on_stage=lambda what, share: told.append(what))
    assert "Training the LSTM" in told
    told.clear()
    again = fit_baselines(*arguments, data="a", on_stage=lambda what, share: told.append(what))
    assert "Training the LSTM" not in told
    issued = pd.DatetimeIndex(["2010-01-01"])
    one, two = (
        forecast_baselines(fitted, series, issued, "none", lambda what, share: None)["lstm"]
        for fitted in (first, again)
    )
    xr.testing.assert_identical(one, two)
    fit_baselines(*arguments, data="b", on_stage=lambda what, share: told.append(what))
    assert "Training the LSTM" in told
