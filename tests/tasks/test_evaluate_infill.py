from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import ConfigError
from hydromae.evaluation.hidden_spans import hide_spans
from hydromae.evaluation.infill_scores import score_infill
from hydromae.prediction.predictor import Predictor
from hydromae.prediction.several_runs import excluded_by_any
from hydromae.runs.directory import RunDirectory
from hydromae.tasks import evaluate_infill as task
from hydromae.tasks.evaluate_infill import evaluate_infill
from hydromae.tasks.task_scores import TaskScores, observed_series
from support.series_run import bits, move_weights, other_store, series_run

SPANS = {1: 6, 5: 2}
DAYS = slice(140, 200)
METHODS = ["hydromae", "linear", "climatology", "equipercentile", "regression"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return series_run(tmp_path_factory.mktemp("series"))


@pytest.fixture(scope="module")
def scored(trained: RunDirectory) -> TaskScores:
    return evaluate_infill(trained.path, spans=SPANS, min_pairs=3)


def test_garbage_in_the_hidden_flow_changes_nothing_bit_for_bit(trained: RunDirectory, tmp_path: Path) -> None:
    observed = observed_series(Predictor(trained.path), "riverflow")
    period = slice("2001-05-21", "2001-07-19")
    hidden = hide_spans(observed, period=period, spans={5: 2}).mask
    ids = ["39001", "9002", "27003", "101"]
    garbage = np.random.default_rng(5).uniform(0, 5000, (200, 4)).astype(np.float32)

    def spoil(series: dict[str, np.ndarray]) -> None:
        where = hidden.sel(station=ids).values
        assert where.any()
        series["riverflow"] = np.where(where, garbage, series["riverflow"])

    store = other_store(tmp_path, spoil)
    found = []
    for data in (None, store):
        predictor = Predictor(trained.path, data)
        shown = observed_series(predictor, "riverflow").where(~hidden).values
        found.append(task._filled([predictor], "riverflow", shown, hidden.values, DAYS, lambda done: None))
    assert bits(found[0]) == bits(found[1])
    assert np.isfinite(found[0][hidden.values]).all()


def test_several_runs_are_scored_by_their_mean_and_not_on_days_that_any_excludes(
    trained: RunDirectory, tmp_path: Path
) -> None:
    other = series_run(tmp_path / "other", exclude_dates=[["2001-06-10", "2001-06-20"]])
    move_weights(other)
    predictors = [Predictor(run.path) for run in (trained, other)]
    observed = observed_series(predictors[0], "riverflow")
    hidden = hide_spans(observed, period=slice("2001-05-21", "2001-07-19"), spans={5: 2})
    one, two, both = (
        task._filled(some, "riverflow", hidden.hide(observed).values, hidden.mask.values, DAYS, lambda done: None)
        for some in ([predictors[0]], [predictors[1]], predictors)
    )
    assert not np.allclose(one, two, equal_nan=True)
    np.testing.assert_allclose(both, (one + two) / 2, rtol=1e-4, atol=1e-6)
    wrong = excluded_by_any(predictors)
    days = predictors[0].store.days[wrong]
    assert (str(days[0]), str(days[-1]), len(days)) == ("2001-06-10", "2001-06-20", 11)


def test_every_method_is_scored_at_every_length(scored: TaskScores, trained: RunDirectory) -> None:
    assert list(scored.scores["model"].values) == METHODS
    assert scored.scores["length"].values.tolist() == [1, 5]
    assert (scored.scores["filled_share"].sel(model=["hydromae", "linear"]) == 1).all()
    assert np.isfinite(scored.scores["nse"].sel(model="hydromae")).all()
    assert [len(table.rows) for table in scored.tables] == [5, 5]
    records = pd.read_csv(trained.path / "evaluation" / "infill_val" / "infill_scores.csv")
    assert len(records) == 2 * 5 * len(scored.scores.data_vars)
    one = records[(records["length"] == 5) & (records["model"] == "hydromae") & (records["metric"] == "rmse")]
    expected = float(scored.scores["rmse"].sel(model="hydromae", length=5).median())
    assert one["median"].item() == pytest.approx(expected)
    page = (trained.path / "evaluation" / "infill_val" / "infill_scores.md").read_text()
    assert page.startswith("In gaps, the model is ") and "; to do better, " in page.splitlines()[0]
    assert "**Gaps of 1 day**" in page and "rmse (m3/s)" in page and "| equipercentile |" in page


def test_the_models_score_is_that_of_what_it_fills(scored: TaskScores, trained: RunDirectory) -> None:
    predictor = Predictor(trained.path)
    observed = observed_series(predictor, "riverflow")
    hidden = hide_spans(observed, period=slice("2001-05-21", "2001-07-19"), spans={5: 2})
    filled = task._filled(
        [predictor], "riverflow", hidden.hide(observed).values, hidden.mask.values, DAYS, lambda done: None
    )
    expected = score_infill(observed.copy(data=filled), observed, hidden, 3)["nse"].sel(length=5, drop=True)
    xr.testing.assert_allclose(scored.scores["nse"].sel(model="hydromae", length=5, drop=True), expected)


def test_values_of_excluded_days_are_not_scored(tmp_path: Path) -> None:
    run = series_run(tmp_path, exclude_dates=[["2001-05-21", "2001-06-15"]])
    found = evaluate_infill(run.path, spans={1: 10}, min_pairs=3)
    assert (found.scores["nse"].sel(model="hydromae").notnull()).any()
    assert (found.scores["filled_share"].sel(model="hydromae").fillna(1) == 1).all()


def test_the_days_of_the_training_are_refused_or_marked_in_every_row(trained: RunDirectory, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"140 of its 140 days were trained on: .* --allow-overlap"):
        evaluate_infill(trained.path, tmp_path, split="train", spans={1: 6}, min_pairs=3)
    assert not list(tmp_path.iterdir())
    found = evaluate_infill(trained.path, tmp_path, split="train", spans={1: 6}, min_pairs=3, allow_overlap=True)
    assert [row[0] for row in found.tables[0].rows] == [f"{method} [trained on]" for method in METHODS]
    assert (pd.read_csv(tmp_path / "infill_scores.csv")["days_trained_on"] == 140).all()
