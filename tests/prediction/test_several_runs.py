"""Runs that answer together: each reads what it was trained on, and their order does not matter."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import ConfigError
from hydromae.prediction.central_days import last_days, middle_days
from hydromae.prediction.predictor import Predictor
from hydromae.prediction.several_runs import open_runs
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.tasks.forecast import forecast
from hydromae.tasks.infill import infill
from hydromae.tasks.ungauged import ungauged
from support.series_run import move_weights, series_world
from support.sources import FIRST, World, make_world
from support.untrained import untrained_run

ISSUE, HORIZON = [FIRST + timedelta(days=150)], 4
PERIOD = (date(2001, 5, 25), date(2001, 6, 10))
SECTIONS: dict[str, Any] = {
    "data": {"stations_per_window": 1, "window": 12},
    "model": {"series_patch_size": 1, "series_patch_days": 3, "quantiles": [0.1, 0.9]},
}


def made_run(root: Path, keep: tuple[str, ...], days: int = 0, by: float = 0.0, **data: Any) -> Path:
    """A run on some modalities of the same sources, from the `days`-th day on; its weights moved by `by`."""
    world = make_world(root / "sources")
    raw = world.raw["data"]
    raw["modalities"] = {name: settings for name, settings in raw["modalities"].items() if name in keep}
    if days:
        raw["train"] = [str(FIRST + timedelta(days=days)), raw["train"][1]]
    raw |= data
    run = untrained_run(world, prepare(world.config()), root / "run", **SECTIONS)
    if by:
        move_weights(run, by)
    return run.path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three runs with other inputs, of which the second's data begin later."""
    root = tmp_path_factory.mktemp("runs")
    return [
        made_run(root / "a", ("precip", "riverflow")),
        made_run(root / "b", ("soil", "evap", "riverflow"), days=30, by=0.05),
        made_run(root / "c", ("precip", "soil", "evap", "riverflow"), by=-0.03),
    ]


# The data of one of the runs begin on the first of these days, which is amid a window of the others.
FIRST_DAYS = (date(2001, 1, 31), date(2001, 2, 10))
TASKS: dict[str, Callable[[Any, Path], xr.Dataset]] = {
    "forecast": lambda runs, path: forecast(runs, ISSUE, horizon=HORIZON),
    "forecast with weather": lambda runs, path: forecast(runs, horizon=HORIZON, forcing="perfect"),
    "infill": lambda runs, path: infill(runs, path, period=PERIOD, modalities=["riverflow"]),
    "infill first days": lambda runs, path: infill(runs, path, period=FIRST_DAYS, modalities=["riverflow"]),
    "ungauged": lambda runs, path: ungauged(runs, path, period=PERIOD),
    "ungauged first days": lambda runs, path: ungauged(runs, path, period=FIRST_DAYS),
}


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(task, marks=() if task in ("forecast", "infill", "ungauged first days") else pytest.mark.slow)
        for task in TASKS
    ],
)
def test_the_order_of_runs_with_other_inputs_changes_no_bit(runs: list[Path], tmp_path: Path, task: str) -> None:
    orders = [runs, [runs[2], runs[0], runs[1]]]
    every = [TASKS[task](order, tmp_path / f"{i}.nc").load() for i, order in enumerate(orders)]
    first = every[0]
    for other in every[1:]:
        assert set(other.data_vars) == set(first.data_vars)
        for name in first.data_vars:
            assert other[name].values.tobytes() == first[name].values.tobytes(), name
    assert np.isfinite(first["riverflow"]).all()
    for made in every:
        made.close()


@pytest.mark.slow
@pytest.mark.parametrize("task", ["forecast", "forecast with weather", "infill", "ungauged"])
def test_several_runs_say_the_mean_of_what_each_says_of_its_own_data(
    runs: list[Path], tmp_path: Path, task: str
) -> None:
    alone = [TASKS[task](run, tmp_path / f"{i}.nc").load() for i, run in enumerate(runs)]
    together = TASKS[task](runs, tmp_path / "all.nc").load()
    values = [made["riverflow"].values for made in alone]
    assert not np.allclose(values[0], values[1])
    np.testing.assert_allclose(together["riverflow"], np.mean(values, axis=0), rtol=1e-5)


@pytest.mark.slow
def test_days_that_not_all_runs_have_are_not_asked_for(runs: list[Path], tmp_path: Path) -> None:
    with infill(runs, tmp_path / "out.nc", modalities=["riverflow"]) as file:
        assert str(file["time"].values[0])[:10] == "2001-01-31"
    with pytest.raises(ConfigError, match="the period 2001-01-02 to 2001-06-10 is not within the data of"):
        infill(runs, tmp_path / "none.nc", period=(date(2001, 1, 2), PERIOD[1]), modalities=["riverflow"])
    with pytest.raises(ConfigError, match="issue time 2001-01-20 is not within the data of"):
        forecast(runs, [date(2001, 1, 20)], horizon=HORIZON)
    for spans in (middle_days, last_days):
        with pytest.raises(ConfigError, match="the data of all runs have 2001-01-31 to 2001-07-19 in common"):
            spans(open_runs(runs)[0], slice(0, 60))


def test_gaps_that_are_none_to_another_run_are_refused(runs: list[Path], tmp_path: Path) -> None:
    world = make_world(tmp_path / "other" / "sources")
    world.raw["data"]["modalities"].pop("soil")
    world.series["riverflow"][100, 1] = np.nan
    world.write_series()
    run = untrained_run(world, prepare(world.config()), tmp_path / "other" / "run", **SECTIONS)
    for order in ([runs[0], run.path], [run.path, runs[0]]):
        with pytest.raises(ConfigError, match=r"have another riverflow on 2001-04-11 .* \(--data\)"):
            infill(order, tmp_path / "out.nc", modalities=["riverflow"])
    # The remedy.
    infill([runs[0], run.path], tmp_path / "out.nc", data=runs_store(runs[2]), modalities=["riverflow"]).close()


def runs_store(run: Path) -> Store:
    return Predictor(run).store


def test_runs_that_forecast_other_series_are_refused(prepared: tuple[World, Store], tmp_path: Path) -> None:
    paths = [
        untrained_run(*prepared, tmp_path / name, **SECTIONS, masking={"forecast": [name]}).path
        for name in ("riverflow", "evap")
    ]
    with pytest.raises(ConfigError, match=r"forecasts evap .* but .* riverflow; take runs that forecast the same"):
        forecast(paths, ISSUE, horizon=HORIZON)


def test_data_that_lack_an_input_of_any_run_are_refused(runs: list[Path], tmp_path: Path) -> None:
    store = runs_store(runs[1])  # has no precipitation
    for asked in (runs[0], [runs[1], runs[2]], [runs[2], runs[1]]):
        for task in (
            lambda asked=asked: forecast(asked, ISSUE, data=store, horizon=HORIZON),
            lambda asked=asked: infill(asked, tmp_path / "out.nc", data=store, modalities=["riverflow"]),
            lambda asked=asked: ungauged(asked, tmp_path / "out.nc", data=store),
        ):
            with pytest.raises(ConfigError, match=r"has no precip, which .* was trained on and never did without"):
                task()
    assert not list(tmp_path.iterdir())


def test_a_run_that_learnt_to_do_without_an_input_says_what_is_absent(
    runs: list[Path], prepared: tuple[World, Store], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    masking = {"strategies": {"modality": 1, "forecast": 1}}
    run = untrained_run(*prepared, tmp_path / "run", **SECTIONS, masking=masking)
    made = forecast(run.path, ISSUE, data=runs_store(runs[1]), horizon=HORIZON)
    assert made.attrs["absent_inputs"] == "precip" and np.isfinite(made["riverflow"]).all()
    assert f"has no precip, which {run.path} was trained on; it is predicted without" in caplog.text
    assert forecast(run.path, ISSUE, horizon=HORIZON).attrs["absent_inputs"] == "none"
    masking = {**masking, "targets": {"modality": ["evap"]}}
    other = untrained_run(*prepared, tmp_path / "other", **SECTIONS, masking=masking)
    with pytest.raises(ConfigError, match="has no precip"):
        forecast(other.path, ISSUE, data=runs_store(runs[1]), horizon=HORIZON)


COLUMNS = ["latitude", "longitude", "catchment-area", "bfihost"]


def attributed(root: Path, change: Callable[[pd.DataFrame], pd.DataFrame], columns: list[str] = COLUMNS) -> Store:
    world = series_world(root)
    world.raw["model"] = {}
    table = change(pd.read_csv(world.root / "attributes.csv"))
    table.to_csv(world.root / "attributes.csv", index=False)
    settings = world.raw["data"]["attributes"]
    world.raw["data"]["attributes"] = {**settings, "columns": columns, "area": columns[2]}
    return prepare(world.config())


def test_attributes_by_other_names_are_refused_and_the_remedies_work(tmp_path: Path) -> None:
    world = series_world(tmp_path / "own")
    world.raw["model"] = {}
    world.raw["data"]["attributes"] = {**world.raw["data"]["attributes"], "columns": COLUMNS}
    run = untrained_run(world, prepare(world.config()), tmp_path / "run", **SECTIONS)
    other = attributed(
        tmp_path / "renamed", lambda table: table.rename(columns={"bfihost": "bfi"}), [*COLUMNS[:3], "bfi"]
    )
    message = (
        r"has no attribute bfihost, which .* was trained on \(it has bfi\); name it so in the table "
        r"and in data\.attributes\.columns, as an empty column where it is not known"
    )
    with pytest.raises(ConfigError, match=message):
        forecast(run.path, ISSUE, data=other, horizon=HORIZON)
    # Latitude, longitude and area are found by what they are.
    own = forecast(run.path, ISSUE, horizon=HORIZON)["riverflow"].values

    def renamed(table: pd.DataFrame) -> pd.DataFrame:
        return table.rename(columns={"latitude": "gauge_lat", "longitude": "gauge_lon", "catchment-area": "area"})

    same = attributed(tmp_path / "same", renamed, ["gauge_lat", "gauge_lon", "area", "bfihost"])
    assert forecast(run.path, ISSUE, data=same, horizon=HORIZON)["riverflow"].values.tobytes() == own.tobytes()
    # A run whose training also left attributes out does without.
    masking = {"drop_attributes": 0.5}
    able = untrained_run(world, prepare(world.config()), tmp_path / "able", **SECTIONS, masking=masking)
    assert np.isfinite(forecast(able.path, ISSUE, data=other, horizon=HORIZON)["riverflow"]).all()
    # The remedies, to the letter: the right name; an empty column of that name.
    named = attributed(tmp_path / "named", lambda table: table)
    assert forecast(run.path, ISSUE, data=named, horizon=HORIZON)["riverflow"].values.tobytes() == own.tobytes()

    def emptied(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(longitude=np.nan)

    empty = attributed(tmp_path / "empty", emptied)
    assert np.isfinite(forecast(run.path, ISSUE, data=empty, horizon=HORIZON)["riverflow"]).all()
