"""The page's section of forecasts: tables beside the baselines, hydrographs with fans."""

import shutil
from pathlib import Path

import pytest
import xarray as xr

from hydromae.base.errors import ConfigError, DataError
from hydromae.report import evaluation, write_report
from hydromae.report.evaluation import read_evaluation
from hydromae.report.forecasts import Forecasts, forecasts_section
from support.evaluations import make_evaluation, make_observed
from support.html_page import Page, assert_fetches_nothing


@pytest.fixture(scope="module")
def observed() -> xr.DataArray:
    return make_observed()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, observed: xr.DataArray) -> Path:
    """Folders of evaluations, with quantiles and without; tests copy them."""
    root = tmp_path_factory.mktemp("evaluations")
    make_evaluation(root / "True", observed, quantiles=True)
    (root / "False").mkdir()
    for regime in ("none", "perfect"):
        shutil.copy(root / "True" / f"{regime}_scores.nc", root / "False")
        with xr.open_dataset(root / "True" / f"{regime}.nc") as forecast:
            forecast.drop_dims("quantile").to_netcdf(root / "False" / f"{regime}.nc", engine="h5netcdf")
    return root


@pytest.fixture(scope="module")
def found(made: Path, observed: xr.DataArray, tmp_path_factory: pytest.TempPathFactory) -> Forecasts:
    """The section of a run with quantiles; tests only read it."""
    run = tmp_path_factory.mktemp("found")
    write(run, made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "observed_of", lambda run, forecast: observed)
        return section_of(run)


def write(run: Path, made: Path, quantiles: bool = True) -> None:
    """Put an evaluation into a run."""
    shutil.copytree(made / str(quantiles), run / "evaluation" / "forecast_val")


@pytest.fixture
def with_observations(observed: xr.DataArray, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run's store is stood in for by its observations."""
    monkeypatch.setattr(evaluation, "observed_of", lambda run, forecast: observed)


def section_of(run: Path) -> Forecasts:
    held = read_evaluation(run)
    assert held is not None
    return forecasts_section(held)


def test_a_run_without_forecasts_names_the_command_that_makes_them(bare_run: Path) -> None:
    assert read_evaluation(bare_run) is None
    text = write_report(bare_run).read_text()
    assert f"hydromae evaluate '{bare_run}' --task forecast" in Page(text).text
    assert 'id="explorer-data"' not in text


def test_a_folder_of_scores_elsewhere_is_taken_and_an_empty_one_refused(bare_run: Path, made: Path) -> None:
    held = read_evaluation(bare_run, made / "True")
    assert held is not None and held.folder == str(made / "True") and list(held.made) == ["none", "perfect"]
    with pytest.raises(DataError, match="hydromae evaluate"):
        write_report(bare_run, scores=made)


def test_scores_of_another_model_are_refused_in_a_sentence(bare_run: Path, made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    shutil.copytree(made / "True", folder)
    for name in ("none_scores.nc", "perfect_scores.nc"):
        with xr.open_dataset(folder / name) as file:
            scores = file.load()
        renamed = scores.assign_coords(model=["theirs", *scores["model"].values[1:]])
        (folder / name).unlink()
        renamed.to_netcdf(folder / name)
    with pytest.raises(DataError, match="theirs: holds scores of another model's forecasts"):
        read_evaluation(bare_run, folder)


@pytest.mark.usefixtures("with_observations")
def test_the_page_shows_scores_of_both_regimes_and_says_what_is_beaten(bare_run: Path, made: Path) -> None:
    write(bare_run, made)
    text = write_report(bare_run).read_text()
    words = " ".join(Page(text).text.split())
    assert "ith the observed weather of the horizon, the model is ahead of persistence at every lead time" in words
    assert "ithout any weather after the issue time, the model is behind persistence at every lead time" in words
    assert_fetches_nothing(text)


def test_the_best_of_each_lead_is_marked_and_the_reference_named(found: Forecasts) -> None:
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
def test_every_hydrograph_says_in_words_what_it_shows(
    bare_run: Path, made: Path, found: Forecasts, quantiles: bool
) -> None:
    if not quantiles:
        write(bare_run, made, quantiles=False)
        found = section_of(bare_run)
    assert 3 <= len(found.pictures) <= 5
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
    found = section_of(bare_run)
    assert found.tables and not found.pictures
    words = " ".join(Page(write_report(bare_run).read_text()).text.split())
    assert "There are no hydrographs" in words


def test_a_damaged_file_is_named(bare_run: Path, made: Path) -> None:
    write(bare_run, made)
    damaged = bare_run / "evaluation" / "forecast_val" / "none_scores.nc"
    damaged.write_bytes(b"no netCDF")
    with pytest.raises(DataError, match=r"none_scores\.nc.*hydromae evaluate"):
        read_evaluation(bare_run)


def test_the_model_of_the_package_has_a_page_where_it_is_named(made: Path, tmp_path: Path) -> None:
    scores = made / "True"
    page = write_report("gb", scores=scores, output=tmp_path / "gb.html")
    assert page == tmp_path / "gb.html" and "the median NSE over 5 stations" in page.read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match="nothing is written; name the output"):
        write_report("gb", scores=scores)
    with pytest.raises(DataError, match="is there already"):
        write_report("gb", scores=scores, output=page)
    assert write_report("gb", scores=scores, output=page, overwrite=True) == page
