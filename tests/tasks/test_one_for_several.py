"""From Python, one thing may stand where several are asked for, and a day has any form."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import ConfigError, DataError
from hydromae.config.read import build_config
from hydromae.results.export import export
from hydromae.runs.directory import RunDirectory
from hydromae.store.store import Store
from hydromae.tasks.forecast import forecast
from hydromae.tasks.infill import infill
from hydromae.tasks.reconstruct import reconstruct
from hydromae.training.finetune import finetune_config
from support.sources import World
from support.untrained import ALL, untrained_run

DAY = "2001-06-01"


@pytest.fixture(scope="module")
def run(prepared: tuple[World, Store], tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return untrained_run(*prepared, tmp_path_factory.mktemp("given") / "run", **ALL)


def test_a_forecast_of_one_day_and_one_station(run: RunDirectory) -> None:
    listed = forecast(run.path, [np.datetime64(DAY)], horizon=2, stations=["39001"])
    assert listed["station"].values.tolist() == ["39001"] and str(listed["issue_time"].values[0])[:10] == DAY
    for day in (DAY, pd.Timestamp(DAY), np.datetime64(f"{DAY}T12", "ns"), pd.DatetimeIndex([DAY])):
        xr.testing.assert_identical(forecast(run.path, day, horizon=2, stations="39001"), listed)
    xr.testing.assert_identical(forecast(run.path, DAY, horizon=2, stations=np.array([39001])), listed)
    with pytest.raises(ConfigError, match="the issue time 1/6/2001 is no day; write it as YYYY-MM-DD"):
        forecast(run.path, "1/6/2001", horizon=2)
    with pytest.raises(DataError, match="station 39002 is not among those"):
        forecast(run.path, DAY, horizon=2, stations="39002")


def test_gaps_of_one_series_and_station(run: RunDirectory, tmp_path: Path) -> None:
    days = ("2001-02-01", np.datetime64("2001-02-10"))
    with infill(run.path, tmp_path / "a.nc", period=days, modalities="riverflow", stations="9002") as filled:
        assert filled["station"].values.tolist() == ["9002"] and "evap" not in filled
        assert filled["time"].values.astype("M8[D]")[[0, -1]].astype(str).tolist() == ["2001-02-01", "2001-02-10"]


def test_a_reconstruction_of_days_as_text(run: RunDirectory, tmp_path: Path) -> None:
    with reconstruct(run.path, tmp_path / "a.nc", period=("2001-02-01", "2001-02-10")) as made:
        assert made.sizes["time"] == 10
    with pytest.raises(ConfigError, match="give its first and its last day"):
        reconstruct(run.path, tmp_path / "b.nc", period=DAY)


def test_an_export_of_one_modality_and_station(run: RunDirectory, tmp_path: Path) -> None:
    path = export(run.store(), tmp_path / "a.csv", "evap", (DAY, pd.Timestamp(DAY)), "9002")
    assert path.read_text().splitlines()[0] == "date,ID,evap" and len(path.read_text().splitlines()) == 2


def test_one_key_to_change(run: RunDirectory, prepared: tuple[World, Store]) -> None:
    assert build_config(prepared[0].raw, "seed=3").seed == 3
    assert finetune_config(run, "forecast", "seed=3").seed == 3
