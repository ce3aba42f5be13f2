"""Floods and droughts of a run on the small world, whose thresholds are given, since it has no years of training."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import ConfigError, RunError
from hydromae.evaluation.extremes import Extreme
from hydromae.runs.directory import RunDirectory
from hydromae.tasks import score_extremes
from hydromae.tasks.evaluate import Question, evaluate
from hydromae.tasks.evaluate_extremes import evaluate_extremes
from hydromae.tasks.forecast import forecast
from support.series_run import series_run


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return series_run(tmp_path_factory.mktemp("quantiles"), {"quantiles": [0.1, 0.5, 0.9]})


def test_the_probabilities_are_those_of_the_run_s_quantiles(
    trained: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = forecast(trained.path, ["2001-05-26"], horizon=7)
    median = made["riverflow_quantiles"][0, 2, :, 1]  # lead 3

    def at_the_median(record: xr.DataArray, length: int = 1) -> list[Extreme]:
        return [Extreme("above the median", length, True, np.repeat(median.values[None].astype(np.float64), 12, 0))]

    monkeypatch.setitem(score_extremes.EXTREMES, "flood", at_the_median)
    question = Question((trained.path,), forcing=("none",), output=tmp_path, esp=False, every=5)
    done = evaluate("flood", question)
    assert done.output == tmp_path and [len(table.rows) > 0 for table in done.tables] == [True] * 4
    with xr.open_dataset(tmp_path / "none_days_probabilities.nc", engine="h5netcdf", decode_timedelta=False) as file:
        own = file["probability"].sel(issue_time="2001-05-26", lead_time=3).load()
    np.testing.assert_allclose(own, 0.5, atol=1e-4)
    table = pd.read_csv(tmp_path / "table.csv")
    assert set(table["model"]) == {"hydromae", "climatology", "persistence"}
    assert table["lead_time"].unique().tolist() == [1, 2, 3, 4, 5, 6, 7]


def test_a_run_without_quantiles_is_refused_with_what_to_do(run: RunDirectory) -> None:
    with pytest.raises(RunError, match=r"fewer than two quantiles .* finetune .* --task forecast .model.quantiles="):
        evaluate_extremes("flood", run.path)


def test_too_few_years_are_refused_with_what_is_needed(trained: RunDirectory) -> None:
    with pytest.raises(ConfigError, match=r"2001-05-20, gives no station a threshold of a flood, .* 10 water years"):
        evaluate_extremes("flood", trained.path)
    with pytest.raises(ConfigError, match="a threshold of a drought, which needs 365 observed days"):
        evaluate_extremes("drought", trained.path)


def test_questions_that_cannot_be_answered_are_refused(trained: RunDirectory) -> None:
    with pytest.raises(ConfigError, match="a probability of 0 cannot be; give one above 0"):
        evaluate_extremes("flood", trained.path, warn_at=0)
    with pytest.raises(ConfigError, match="is shorter than 80 days"):
        evaluate_extremes("flood", trained.path, horizon=80)
    with pytest.raises(ConfigError, match="forcing hourly"):
        evaluate_extremes("flood", trained.path, forcing=["hourly"])
