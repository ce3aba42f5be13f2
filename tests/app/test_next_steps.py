"""The commands that are said to come next fit what was written, and run when they are pasted."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from hydromae.app.next_steps import after_init, after_training, before_training, said
from hydromae.config import Config
from hydromae.runs.directory import RunDirectory
from hydromae.store.prepare import prepare
from hydromae.training.runs import new_run
from support.small import small_config
from support.sources import World

Hydromae = Callable[..., tuple[int, str, str]]
MASKS = {"strategies": {"rolling_forecast": 1}, "forecast": ["riverflow"]}


def run_of(folder: Path, **sections: Any) -> RunDirectory:
    """A run that is only a configuration."""
    folder.mkdir(parents=True)
    run = RunDirectory(folder)
    run.config_file.write_text(yaml.safe_dump(Config.model_validate(sections).model_dump(mode="json")))
    return run


def words(commands: list[str]) -> list[list[str]]:
    return [shlex.split(command)[1:] for command in commands]


def test_a_run_that_cannot_forecast_is_not_asked_to(tmp_path: Path) -> None:
    run = run_of(tmp_path / "my run", data={"val": ["2005-01-01", "2009-12-31"]})
    assert words(after_training(run)) == [["reconstruct", str(run.path)], ["report", str(run.path)]]


def test_a_forecaster_is_scored_on_the_period_that_no_training_saw(tmp_path: Path) -> None:
    data = {"val": ["2005-01-01", "2009-12-31"], "test": ["2010-01-01", "2014-12-31"]}
    run = run_of(tmp_path / "run", data=data, masking={"strategies": {"forecast": 1}})
    forecast, evaluate, report = words(after_training(run))
    assert forecast == ["forecast", str(run.path), "-o", str(run.path / "forecast.nc")]
    assert evaluate == ["evaluate", str(run.path), "--task", "forecast", "--split", "test", "--every", "5"]
    assert report[0] == "report"


def test_a_short_period_is_scored_with_as_many_days_as_it_has(tmp_path: Path) -> None:
    year = run_of(tmp_path / "a", data={"val": ["2005-01-01", "2005-12-31"]}, masking={"strategies": {"forecast": 1}})
    assert words(after_training(year))[1][-4:] == ["--split", "val", "--every", "3"]
    masking = {"strategies": {"forecast": 1}, "horizon": 3}
    weeks = run_of(tmp_path / "b", data={"val": ["2005-01-01", "2005-02-28"]}, masking=masking)
    assert words(after_training(weeks))[1][-6:] == ["--every", "1", "--horizon", "3", "--min-pairs", "28"]
    days = run_of(tmp_path / "c", data={"val": ["2005-01-01", "2005-01-09"]}, masking={"strategies": {"forecast": 1}})
    assert [command[0] for command in words(after_training(days))] == ["forecast", "report"]


def test_a_configuration_is_trained_with_the_same_changes_unless_it_is(tmp_path: Path) -> None:
    config = Config.model_validate({"output": str(tmp_path / "run"), "data": {"train": ["2001-01-01", "2004-12-31"]}})
    changes = ["data.store=my store"]
    assert before_training(Path("my.yaml"), config, changes) == ["hydromae train my.yaml 'data.store=my store'"]
    run_of(tmp_path / "run")
    assert before_training(Path("my.yaml"), config, changes) == []


def test_what_is_left_to_set_is_said_before_the_check() -> None:
    text = after_init(Path("my data.yaml"), ["data.modalities.temp.units"])
    assert text == "Written: my data.yaml. Set data.modalities.temp.units in it. Next:\n  hydromae check 'my data.yaml'"
    assert said("Done.", []) == "Done."


def test_what_a_training_says_runs_when_it_is_pasted(hydromae: Hydromae, world: World, tmp_path: Path) -> None:
    """Only the baselines that take long and the second regime, which is scored as the first, are left out."""
    periods = {"train": ["2001-01-01", "2001-04-30"], "val": ["2001-05-01", "2001-05-28"]}
    model = {"rolling": ["riverflow"], "series_patch_days": 1, "recurrent_dim": 4}
    config = small_config(world, tmp_path / "my run", data=periods, model=model, masking=MASKS)
    run = new_run(config, prepare(config))
    commands = words(after_training(run))
    assert [command[0] for command in commands] == ["forecast", "evaluate", "report"]
    for command in commands:
        quick = ("--baselines", "persistence", "--forcing", "none") if command[0] == "evaluate" else ()
        code, output, errors = hydromae(*command, *quick)
        assert code == 0, (command, errors)
        if command[0] == "evaluate":
            told = " ".join(output.split())
            assert told.startswith("Without any weather after the issue time, the model is ")
            table = next(run.path.glob("evaluation/*/table.md")).read_text()
            assert " ".join(table.splitlines()[0].split()) in told
