import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hydromae.base.errors import ConfigError
from hydromae.folds.folds import spatial_folds
from hydromae.metrics import nse
from hydromae.prediction.predictor import Predictor
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import seal
from hydromae.store.station_table import station_table
from hydromae.store.store import Store
from hydromae.store.view import open_store
from hydromae.tasks.evaluate_ungauged import evaluate_ungauged
from hydromae.tasks.task_scores import TaskScores, observed_series
from hydromae.tasks.ungauged import ungauged
from support.series_run import move_weights, other_store, series_run

MODELS = ["hydromae", "area scaling", "similar donor", "inverse distance"]


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return other_store(tmp_path_factory.mktemp("all"), lambda series: None)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return series_run(tmp_path_factory.mktemp("series"), exclude_stations=["27003"])


@pytest.fixture(scope="module")
def scored(trained: RunDirectory, everywhere: Store) -> TaskScores:
    return evaluate_ungauged(trained.path, data=everywhere, min_pairs=10)


def test_the_station_that_was_left_out_is_scored_with_all_methods(scored: TaskScores, trained: RunDirectory) -> None:
    assert list(scored.scores["model"].values) == MODELS
    assert (scored.scores["stations"].sel(metric="nse") == 1).all()
    folder = trained.path / "evaluation" / "ungauged_val"
    records = pd.read_csv(folder / "ungauged_scores.csv")
    assert {"nse", "kge", "rmse"} <= set(records["metric"]) and set(records["model"]) == set(MODELS)
    page = (folder / "ungauged_scores.md").read_text()
    assert page.startswith("At 1 station held out, the model is ") and "; to do better, " in page.splitlines()[0]
    assert "NSE of riverflow of 1 stations held out, 2001-05-21 to 2001-07-19" in page and "| area scaling |" in page


def test_the_score_is_that_of_the_simulation(
    scored: TaskScores, trained: RunDirectory, everywhere: Store, tmp_path: Path
) -> None:
    observed = observed_series(Predictor(trained.path, everywhere), "riverflow")[140:].sel(station=["27003"])
    with ungauged(trained.path, tmp_path / "out.nc", data=everywhere, stations=["27003"]) as file:
        expected = float(nse(file["riverflow"].load(), observed, 10)[0])
    found = scored.scores["score"].sel(model="hydromae", metric="nse", percentile=50).item()
    assert found == pytest.approx(expected, rel=1e-3)


def test_the_held_out_flow_reaches_no_prediction(
    scored: TaskScores, trained: RunDirectory, everywhere: Store, tmp_path: Path
) -> None:
    def twice(series: dict[str, np.ndarray]) -> None:
        series["riverflow"][:, 2] *= 2  # 27003

    found = evaluate_ungauged(trained.path, tmp_path / "scores", data=other_store(tmp_path, twice), min_pairs=10)
    observed = observed_series(Predictor(trained.path, everywhere), "riverflow")[140:].sel(station="27003")
    for model in MODELS:  # the same predicted, twice the observed: the bias falls by the observed mean
        before, after = (
            s.scores["score"].sel(model=model, metric="bias", percentile=50).item() for s in (scored, found)
        )
        assert before - after == pytest.approx(float(observed.mean()), rel=1e-2)


def test_a_station_of_the_training_is_refused(trained: RunDirectory, everywhere: Store, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="was trained on station 39001, so it is not ungauged"):
        evaluate_ungauged(trained.path, tmp_path, data=everywhere, stations=["27003", "39001"])
    with pytest.raises(ConfigError, match="was trained on all stations"):
        evaluate_ungauged(trained.path, tmp_path)
    folds = spatial_folds(station_table(open_store(everywhere)), 4, apart_km=1.0, balance=1.0)
    fold = next(n for n in range(4) if folds.held_out(n) == ["27003"])
    assert evaluate_ungauged(trained.path, tmp_path, data=everywhere, folds=folds, fold=fold, min_pairs=10).tables
    with pytest.raises(ConfigError, match="so it is not ungauged"):
        evaluate_ungauged(trained.path, tmp_path, data=everywhere, folds=folds, fold=(fold + 1) % 4)


def test_a_station_that_any_of_several_runs_has_trained_on_is_refused(
    trained: RunDirectory, everywhere: Store, tmp_path: Path
) -> None:
    other = series_run(tmp_path / "other", exclude_stations=["101"])
    with pytest.raises(ConfigError, match=r"other.*: was trained on station 27003, so it is not ungauged"):
        evaluate_ungauged([trained.path, other.path], tmp_path / "scores", data=everywhere, stations=["27003"])


def test_a_station_of_a_training_before_is_not_ungauged(
    trained: RunDirectory, everywhere: Store, tmp_path: Path
) -> None:
    shutil.copytree(trained.path, tmp_path / "tuned")
    path = tmp_path / "tuned" / "model" / "config.json"
    content = json.loads(path.read_text())
    before = {"run": "first", "period": ["1990-01-01", "1999-12-31"], "stations": ["27003", "39001"]}
    content["trained_on"]["before"] = [before]
    path.write_text(json.dumps(content))
    seal(path.parent)
    with pytest.raises(ConfigError, match="was trained on station 27003 by first, which it started from, so it is not"):
        evaluate_ungauged(tmp_path / "tuned", tmp_path / "scores", data=everywhere, stations=["27003"])


def test_several_runs_are_scored_by_their_mean(trained: RunDirectory, everywhere: Store, tmp_path: Path) -> None:
    other = series_run(tmp_path / "other", exclude_stations=["27003"])
    move_weights(other)
    both = [trained.path, other.path]
    found = evaluate_ungauged(both, tmp_path / "scores", data=everywhere, min_pairs=10).scores["score"]
    observed = observed_series(Predictor(trained.path, everywhere), "riverflow")[140:].sel(station=["27003"])
    with ungauged(both, tmp_path / "out.nc", data=everywhere, stations=["27003"]) as file:
        expected = float(nse(file["riverflow"].load(), observed, 10)[0])
    assert found.sel(model="hydromae", metric="nse", percentile=50).item() == pytest.approx(expected, rel=1e-3)


def test_a_run_that_scales_by_each_stations_own_flow_is_refused(everywhere: Store, tmp_path: Path) -> None:
    run = series_run(tmp_path, change_flow=lambda raw: {**raw, "scaling_per": "station"}, exclude_stations=["27003"])
    with pytest.raises(ConfigError, match="scaling_per=all"):
        evaluate_ungauged(run.path, data=everywhere)
