"""The page's section of forecasts: tables beside the baselines, hydrographs with fans."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.evaluation.compare import compare
from hydromae.report import forecasts as section
from hydromae.report import write_report
from hydromae.report.forecasts import forecasts_section
from support.html_page import Page, assert_fetches_nothing

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


@pytest.fixture(scope="module")
def observed() -> xr.DataArray:
    """A year of flow at five stations."""
    rng = np.random.default_rng(1)
    time = pd.date_range("2009-01-01", periods=365).to_numpy().astype("datetime64[s]")
    values = rng.gamma(2.0, 1.5, (365, 5)).astype(np.float32)
    coords = {"time": time, "station": np.array([f"{n}001" for n in range(5)], dtype=object)}
    return xr.DataArray(values, coords, ("time", "station"), "flow", {"units": "m3/s"})


def made_from(observed: xr.DataArray, share: float, quantiles: bool) -> xr.Dataset:
    """A forecast as the command writes it: the truth, drawn towards its mean by a share."""
    issues = observed["time"].values[10:350:3]
    leads = np.arange(1, 8)
    known = observed.sel(time=xr.DataArray(issues[:, None] + leads.astype("timedelta64[D]"), dims=("i", "l"))).values
    dims = ("issue_time", "lead_time", "station")
    mean = ((1 - share) * known + share * observed.values.mean()).astype(np.float32)
    coords: dict[str, Any] = {"issue_time": issues, "lead_time": leads, "station": observed["station"].values}
    variables: dict[str, Any] = {"flow": (dims, mean, {"units": "m3/s"})}
    if quantiles:
        spread = mean[..., None] * (0.5 + np.array(LEVELS, np.float32))
        variables["flow_quantiles"] = ((*dims, "quantile"), spread, {"units": "m3/s"})
        coords["quantile"] = list(LEVELS)
    return xr.Dataset(variables, coords)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, observed: xr.DataArray) -> Path:
    """Folders of evaluations, with quantiles and without; tests copy them."""
    root = tmp_path_factory.mktemp("evaluations")
    for quantiles in (True, False):
        make_evaluation(root / str(quantiles), observed, quantiles)
    return root


def write(run: Path, made: Path, quantiles: bool = True) -> None:
    """Put an evaluation into a run."""
    shutil.copytree(made / str(quantiles), run / "evaluation" / "forecast_val")


def make_evaluation(folder: Path, observed: xr.DataArray, quantiles: bool) -> None:
    """What an evaluation leaves in a run: the model is good with perfect weather, poor without."""
    folder.mkdir()
    for regime, share in (("none", 0.9), ("perfect", 0.1)):
        made = made_from(observed, share, quantiles)
        rival = made_from(observed, 0.5, False)["flow"]
        scores = compare({"hydromae": made["flow"], "persistence": rival}, observed, resamples=50).scores
        made.to_netcdf(folder / f"{regime}.nc", engine="h5netcdf")
        scores.to_netcdf(folder / f"{regime}_scores.nc", engine="h5netcdf")


@pytest.fixture
def with_observations(observed: xr.DataArray, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run's store is stood in for by its observations."""
    monkeypatch.setattr(section, "_observed", lambda run, forecast: observed)


def test_a_run_without_forecasts_has_no_section(bare_run: Path) -> None:
    assert forecasts_section(bare_run) is None
    write_report(bare_run)
    assert "Forecasts" not in Page((bare_run / "report.html").read_text()).text


@pytest.mark.usefixtures("with_observations")
def test_the_page_shows_scores_of_both_regimes_and_says_what_is_beaten(bare_run: Path, made: Path) -> None:
    write(bare_run, made)
    text = write_report(bare_run).read_text()
    words = " ".join(Page(text).text.split())
    assert "ith the observed weather of the horizon, the model is ahead of persistence at every lead time" in words
    assert "ithout any weather after the issue time, the model is behind persistence at every lead time" in words
    assert_fetches_nothing(text)


@pytest.mark.usefixtures("with_observations")
def test_the_best_of_each_lead_is_marked_and_the_reference_named(bare_run: Path, made: Path) -> None:
    write(bare_run, made)
    found = forecasts_section(bare_run)
    assert found is not None
    rows = {table.title: dict(table.rows) for table in found.tables}
    assert [len(cells) for table in rows.values() for cells in table.values()] == [7] * 4
    for title, table in rows.items():
        best = "hydromae" if "perfect" in title else "persistence"
        assert {name for name, cells in table.items() if all(cell.best for cell in cells)} == {best}
    assert {table.reference for table in found.tables} == {"hydromae"}
    perfect = next(table for title, table in rows.items() if "perfect" in title)
    assert all("\N{MINUS SIGN}" in cell.text for cell in perfect["persistence"])


@pytest.mark.usefixtures("with_observations")
@pytest.mark.parametrize("quantiles", [True, False])
def test_every_hydrograph_says_in_words_what_it_shows(bare_run: Path, made: Path, quantiles: bool) -> None:
    write(bare_run, made, quantiles)
    found = forecasts_section(bare_run)
    assert found is not None and 3 <= len(found.pictures) <= 5
    assert len({picture.source for picture in found.pictures}) == len(found.pictures)
    for picture in found.pictures:
        assert "Hydrograph of station" in picture.alt and "NSE over all issue times" in picture.caption
        assert ("fans of quantiles" in picture.alt) == quantiles


@pytest.mark.slow
@pytest.mark.usefixtures("with_observations")
def test_the_same_forecasts_give_the_same_page(bare_run: Path, made: Path) -> None:
    write(bare_run, made)
    assert write_report(bare_run).read_bytes() == write_report(bare_run).read_bytes()


def test_without_the_store_the_scores_stay_and_the_page_says_what_lacks(bare_run: Path, made: Path) -> None:
    write(bare_run, made)
    found = forecasts_section(bare_run)
    assert found is not None and found.tables and not found.pictures
    words = " ".join(Page(write_report(bare_run).read_text()).text.split())
    assert "There are no hydrographs" in words


def test_a_damaged_file_is_named(bare_run: Path, made: Path) -> None:
    write(bare_run, made)
    damaged = bare_run / "evaluation" / "forecast_val" / "none_scores.nc"
    damaged.write_bytes(b"no netCDF")
    with pytest.raises(DataError, match=r"none_scores\.nc.*hydromae evaluate"):
        forecasts_section(bare_run)
