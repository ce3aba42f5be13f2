"""Every task takes every format that makes sense, and replaces only what it may."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import hydromae
from hydromae.base.errors import ConfigError, DataError
from hydromae.prediction.predictor import Predictor
from hydromae.results.target import inputs_of
from hydromae.runs.directory import RunDirectory
from support.reference import GAUGES, GRIDS, PERIOD, unpacked

Task = Callable[..., xr.Dataset]
DAYS = (PERIOD[0], PERIOD[0])
TASKS: dict[str, Task] = {
    "infill": partial(hydromae.infill, period=DAYS),
    "ungauged": partial(hydromae.ungauged, period=DAYS),
    "reconstruct": partial(hydromae.reconstruct, period=PERIOD),
    "forecast": lambda run, output, **asked: hydromae.forecast(run, "2001-04-10", output, horizon=3, **asked),
}


@pytest.fixture(scope="module")
def gauges(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return unpacked(GAUGES, tmp_path_factory.mktemp("gauges"))


@pytest.fixture(scope="module")
def grids(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return unpacked(GRIDS, tmp_path_factory.mktemp("grids"))


# The file of ungauged is written as that of infill.
@pytest.mark.parametrize(
    "task", [pytest.param("ungauged", marks=pytest.mark.slow), "infill", "reconstruct", "forecast"]
)
def test_every_format_holds_the_same_flow(gauges: RunDirectory, tmp_path: Path, task: str) -> None:
    flows = []
    for suffix in (".nc", ".zarr", ".csv", ".parquet"):
        with TASKS[task](gauges.path, tmp_path / f"a{suffix}") as result:
            flows.append(result["riverflow"].values)
    for other in flows[1:]:
        np.testing.assert_array_equal(other, flows[0])
    with xr.open_zarr(tmp_path / "a.zarr") as stored:
        np.testing.assert_array_equal(stored["riverflow"].values, flows[0])
    for table in (pd.read_csv(tmp_path / "a.csv"), pd.read_parquet(tmp_path / "a.parquet")):
        np.testing.assert_array_equal(table["riverflow"].to_numpy(np.float32), flows[0].reshape(-1))


@pytest.mark.parametrize(
    ("task", "suffix"), [*((task, ".nc") for task in TASKS), ("infill", ".zarr"), ("infill", ".csv")]
)
def test_what_is_there_is_refused_before_the_work(
    gauges: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str, suffix: str
) -> None:
    def worked(*_: object) -> None:
        raise AssertionError("work was done")

    path = tmp_path / f"a{suffix}"
    TASKS[task](gauges.path, path).close()
    TASKS[task](gauges.path, path, overwrite=True).close()
    monkeypatch.setattr(Predictor, "ask", worked)
    monkeypatch.setattr("hydromae.tasks.reconstruct.reconstruct_window", worked)
    with pytest.raises(DataError, match="is there already; give another path, or replace it with --overwrite"):
        TASKS[task](gauges.path, path)
    if suffix != ".zarr":
        path.write_text("mine")
        with pytest.raises(DataError, match="was not written by hydromae"):
            TASKS[task](gauges.path, path, overwrite=True)
        assert path.read_text() == "mine"


@pytest.mark.parametrize("task", ["infill", "reconstruct"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_of_grids_is_refused_before_the_work(
    grids: RunDirectory, tmp_path: Path, task: str, suffix: str
) -> None:
    asked = {"grids": True} if task == "infill" else {}
    with pytest.raises(ConfigError, match=r"a table holds series, but precip, soil are grids; write to \.nc or \.zarr"):
        TASKS[task](grids.path, tmp_path / f"a{suffix}", **asked)
    assert not list(tmp_path.iterdir())


def test_grids_go_to_zarr_as_to_netcdf(grids: RunDirectory, tmp_path: Path) -> None:
    with (
        hydromae.infill(grids.path, tmp_path / "a.zarr", period=PERIOD, grids=True) as stored,
        hydromae.infill(grids.path, tmp_path / "a.nc", period=PERIOD, grids=True) as file,
    ):
        for name in ("precip", "precip_flag", "precip_quantiles", "riverflow"):
            np.testing.assert_array_equal(stored[name].values, file[name].values)


def test_files_of_the_run_itself_are_replaced(gauges: RunDirectory) -> None:
    for _ in range(2):
        hydromae.infill(gauges.path, period=DAYS).close()
        hydromae.ungauged(gauges.path, period=DAYS).close()
        hydromae.reconstruct(gauges.path, period=DAYS).close()


def test_a_file_of_weather_is_no_output_of_the_forecast_that_reads_it(gauges: RunDirectory, tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    hydromae.forecast(gauges.path, "2001-04-10", path, horizon=3)
    with pytest.raises(DataError, match="is read by this command"):
        hydromae.forecast(gauges.path, "2001-04-10", path, horizon=3, forcing=str(path), overwrite=True)


def test_a_store_and_the_files_that_it_was_made_from_are_inputs(gauges: RunDirectory) -> None:
    store = gauges.store()
    files = [Path(store.provenance.root) / file.path for file in store.provenance.sources]
    assert inputs_of(store) == [store.path, *files] and files
