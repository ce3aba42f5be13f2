from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from hydromae.base.errors import ConfigError
from hydromae.runs.directory import RunDirectory
from hydromae.store.store import Store
from hydromae.tasks.evaluate_forecast import evaluate_forecast
from hydromae.tasks.forecast import forecast
from hydromae.tasks.forecast_baselines import BaselineChoice
from support.other_values import OtherValues
from support.series_run import series_run
from support.sources import FIRST, World
from support.untrained import ONE, untrained_run

ROLLING: dict[str, Any] = {
    "data": {**ONE["data"], "window": 18},
    "model": {**ONE["model"], "recurrent_dim": 8, "rolling": ["riverflow"]},
}
ISSUES = [FIRST + timedelta(days=position) for position in range(150, 164)]
HORIZON = 6


@pytest.fixture(scope="module")
def run(prepared: tuple[World, Store], tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return untrained_run(*prepared, tmp_path_factory.mktemp("shared") / "run", **ROLLING)


@pytest.fixture(scope="module", params=["none", "perfect"])
def together(request: pytest.FixtureRequest, run: RunDirectory) -> xr.Dataset:
    return forecast(run.path, ISSUES, horizon=HORIZON, forcing=request.param, together=True)


def same(one: xr.Dataset, other: xr.Dataset) -> bool:
    return all(one[name].values.tobytes() == other[name].values.tobytes() for name in one.data_vars)


def test_every_issue_time_has_a_forecast_at_every_lead(together: xr.Dataset) -> None:
    assert together["riverflow"].shape == (len(ISSUES), HORIZON, 4)
    assert np.isfinite(together["riverflow"]).all() and np.isfinite(together["riverflow_quantiles"]).all()
    assert together.attrs["shared_windows"] == "true"


def test_a_forecast_does_not_depend_on_which_others_are_asked_for(run: RunDirectory, together: xr.Dataset) -> None:
    for issues in ([ISSUES[5]], ISSUES[9:2:-3]):
        some = forecast(run.path, issues, horizon=HORIZON, forcing=together.attrs["forcing"], together=True)
        expected = together.sel(issue_time=some["issue_time"])
        np.testing.assert_allclose(some["riverflow"], expected["riverflow"], rtol=1e-5)
        np.testing.assert_allclose(some["riverflow_quantiles"], expected["riverflow_quantiles"], rtol=1e-5)


def test_some_issue_times_have_the_window_of_their_own_and_the_same_forecast(
    run: RunDirectory, together: xr.Dataset
) -> None:
    # A shared window has two issue days. The second looks back as far as a window of its own does.
    alone = forecast(run.path, ISSUES, horizon=HORIZON, forcing=together.attrs["forcing"])
    equal = np.isclose(alone["riverflow"], together["riverflow"], rtol=1e-5).all((1, 2))
    assert 6 <= equal.sum() <= 8


def test_nothing_after_an_issue_time_reaches_its_forecast(
    run: RunDirectory, prepared: tuple[World, Store], together: xr.Dataset
) -> None:
    forcing, store = together.attrs["forcing"], prepared[1]
    issue = ISSUES[4]
    after = (issue - FIRST).days + 1
    garbage = {}
    for name in store.names:
        values = np.array(store.values(name))
        values[after + (HORIZON if forcing == "perfect" and name != "riverflow" else 0) :] = 17
        garbage[name] = values
    other = OtherValues(store, garbage)
    found = forecast(run.path, ISSUES[:5], data=other, horizon=HORIZON, forcing=forcing, together=True)
    known = ["riverflow", "riverflow_quantiles", "riverflow_specific"]
    day = np.datetime64(issue)
    assert same(found[known].sel(issue_time=[day]), together[known].sel(issue_time=[day]))


def test_only_models_that_learnt_it_forecast_from_several_issue_days(
    prepared: tuple[World, Store], run: RunDirectory, tmp_path: Path
) -> None:
    other = untrained_run(*prepared, tmp_path / "run", **ONE)
    with pytest.raises(ConfigError, match=r"was not trained to forecast riverflow from several .*--together"):
        forecast(other.path, ISSUES, horizon=HORIZON, together=True)
    with pytest.raises(ConfigError, match="ask for 9 days at most, or leave out --together"):
        forecast(run.path, ISSUES, horizon=10, together=True)


def test_the_weather_of_a_file_is_that_of_one_issue_time(run: RunDirectory, tmp_path: Path) -> None:
    weather = tmp_path / "weather.csv"
    days = [date.isoformat(ISSUES[0] + timedelta(days=lead)) for lead in range(1, HORIZON + 1)]
    weather.write_text("date,station,evap\n" + "".join(f"{day},101,1.0\n" for day in days))
    with pytest.raises(ConfigError, match=r"weather.csv: holds the weather of each issue time"):
        forecast(run.path, ISSUES[:1], horizon=HORIZON, forcing=weather, together=True)


def test_an_evaluation_scores_forecasts_that_share_windows(run: RunDirectory, tmp_path: Path) -> None:
    evaluate_forecast(
        run.path, tmp_path / "scores", every=3, horizon=2, forcing=["none"], min_pairs=2,
        baselines=BaselineChoice(("persistence",)), together=True,
    )  # fmt: skip
    with xr.open_dataset(tmp_path / "scores" / "none.nc") as made:
        assert made.attrs["shared_windows"] == "true"


@pytest.mark.parametrize("forcing", ["none", "perfect"])
def test_where_tokens_are_days_a_window_serves_every_issue_day_of_its_later_half(tmp_path: Path, forcing: str) -> None:
    model = {"recurrent_dim": 8, "rolling": ["riverflow"], "attention": "none", "series_patch_days": 1}
    daily = series_run(tmp_path, model=model, window=18)
    found = forecast(daily.path, ISSUES, horizon=HORIZON, forcing=forcing, together=True)
    assert np.isfinite(found["riverflow"]).all()
    # Issue days 9 to 12 of a window of 18 days have a horizon of 6; the last looks back as far as in one of its own.
    alone = forecast(daily.path, ISSUES, horizon=HORIZON, forcing=forcing)
    equal = np.isclose(alone["riverflow"], found["riverflow"], rtol=1e-5).all((1, 2))
    assert 3 <= equal.sum() <= 4
    some = forecast(daily.path, ISSUES[3:5], horizon=HORIZON, forcing=forcing, together=True)
    np.testing.assert_allclose(some["riverflow"], found["riverflow"][3:5], rtol=1e-5)
