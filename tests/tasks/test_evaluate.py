"""Which task is asked, with what, and where its answer is written."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from hydromae.base.errors import ConfigError, RunError
from hydromae.evaluation.tables import ScoreTable
from hydromae.runs.directory import RunDirectory
from hydromae.tasks import evaluate as module
from hydromae.tasks.evaluate import Question, evaluate
from hydromae.tasks.task_scores import TaskScores

TABLE = ScoreTable("gaps", ("method", "nse"), (("model", "0.9"),))


@pytest.mark.parametrize("task", ["infill", "ungauged"])
def test_a_task_is_asked_for_the_run_s_validation_period_and_writes_beside_it(
    task: str, run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, ...]] = []

    def answer(*arguments: Any, **named: Any) -> TaskScores:
        asked.append(arguments)
        return TaskScores((TABLE,), TABLE, xr.Dataset())

    monkeypatch.setattr(module, f"evaluate_{task}", answer)
    done = evaluate(task, Question((run.path,)))
    folder = run.path / "evaluation" / f"{task}_val"
    assert asked == [((run.path,), folder, None, "val")]
    assert done.output == folder and done.tables == (TABLE,)


def test_skills_across_modalities_are_a_table_for_each_way_of_seeing_the_target(
    run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skill = np.arange(8.0).reshape(2, 2, 2) / 10
    places = {"own": ["visible", "hidden"], "target": ["rain", "flow"], "hidden": ["none", "rain"]}
    scores = xr.Dataset({"skill": (("own", "target", "hidden"), skill)}, places)
    monkeypatch.setattr(module, "cross_modality", lambda *arguments, **named: scores)
    tables = evaluate("modalities", Question((run.path,), output=tmp_path)).tables
    assert [table.rows for table in tables] == [
        (("rain", "0.000", "0.100"), ("flow", "0.200", "0.300")),
        (("rain", "0.400", "0.500"), ("flow", "0.600", "0.700")),
    ]


def test_what_cannot_be_evaluated_is_refused_before_any_work(run: RunDirectory, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="task dream is unknown; there are forecast, infill, ungauged, modalities"):
        evaluate("dream", Question((run.path,)))
    with pytest.raises(ConfigError, match="no run is named"):
        evaluate("forecast", Question(()))
    with pytest.raises(RunError, match="is not a run directory"):
        evaluate("forecast", Question((tmp_path,)))
    with pytest.raises(ConfigError, match="one run at a time; name one of the 2"):
        evaluate("modalities", Question((run.path, run.path)))
