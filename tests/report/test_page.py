import json
import re
from html import escape
from pathlib import Path

import pytest
import xarray as xr

from hydromae.base.errors import DataError, RunError
from hydromae.report import write_report
from hydromae.report.page import duration, number
from support.html_page import Page, assert_fetches_nothing


def read(run: Path) -> str:
    return write_report(run).read_text(encoding="utf-8")


def save(dataset: xr.Dataset, path: Path, *names: str) -> None:
    kept = [f"{name}{part}" for name in names for part in ("", "_reconstructed", "_state")]
    dataset[kept].to_netcdf(path, engine="h5netcdf")


@pytest.fixture
def full_page(full_run: Path) -> str:
    return (full_run / "report.html").read_text(encoding="utf-8")


def test_page_fetches_nothing(full_page):
    assert_fetches_nothing(full_page)


def test_every_figure_has_words_for_who_cannot_see_it(full_page):
    images = [attributes for tag, attributes in Page(full_page).tags if tag == "img"]
    # 6 curves, 2 maps, 4 stations for each of 2 series, 4 scatter plots
    assert len(images) == 6 + 2 + 8 + 4
    assert all(len(attributes.get("alt") or "") > 20 for attributes in images)


def test_page_holds_each_variable_and_its_scores_as_given(full_page, scores):
    text = Page(full_page).text
    for name, score in scores["modalities"].items():
        assert score["measure"] in text, name
        for error in score["mse"].values():
            assert f"{error:g}" in text
    for words in ("precipitation", "river flow", "groundwater level", "+75.0 %", "\N{MINUS SIGN}210.0 % worse"):
        assert words in text
    assert "1,234,567" in text and "1 h 5 min" in text and "4,321" in text


def test_special_characters_in_a_name_are_escaped(full_page):
    text = full_page
    name = "depth of <snow> & ice, $5"
    assert name not in text
    assert escape(name) in text
    assert name in Page(text).text


@pytest.mark.slow
def test_same_inputs_give_the_same_bytes(full_run):
    first = (full_run / "report.html").read_bytes()
    assert write_report(full_run).read_bytes() == first


def test_page_is_small(full_run):
    assert (full_run / "report.html").stat().st_size < 2_000_000


def test_run_without_results_names_the_commands_that_make_them(bare_run):
    text = Page(read(bare_run)).text
    assert f"hydromae reconstruct '{bare_run}'" in text
    assert f"hydromae train '{bare_run}/config.yaml'" in text
    assert "There is no reconstruction yet" in text and "There are no scores yet" in text


def test_losses_that_are_not_finite_are_said_and_do_not_break_the_page(bare_run, metrics, write_metrics):
    metrics[5]["loss"] = float("nan")
    metrics[9]["losses"]["precip"] = float("inf")
    for record in metrics:
        record["losses"]["flow"] = float("nan")
    write_metrics(bare_run / "metrics.jsonl", metrics)
    text = Page(read(bare_run)).text
    assert "50 of 50 training records lack a finite loss (first at step 10)" in text
    assert "5 of 5 validation records lack a finite loss" in text


def test_scores_that_are_not_finite_are_said(bare_run, scores):
    scores["modalities"]["flow"]["mse"]["model"] = float("nan")
    scores["modalities"]["level"]["mse"]["mean"] = None
    (bare_run / "scores.json").write_text(json.dumps(scores))
    text = Page(read(bare_run)).text
    assert "not a finite number for river flow" in text
    assert "filling with the mean for 2 of 2 modalities" in text
    assert "nan" not in text.lower()


def test_a_reconstruction_elsewhere_is_drawn(bare_run, tmp_path, reconstruction):
    save(reconstruction, tmp_path / "other.nc", "precip")
    assert "Maps" not in re.findall(r"<h2>(.*?)</h2>", read(bare_run))
    text = write_report(bare_run, tmp_path / "other.nc").read_text(encoding="utf-8")
    assert "Maps" in re.findall(r"<h2>(.*?)</h2>", text)


def test_a_reconstruction_that_hides_nothing_is_said(bare_run, reconstruction):
    reconstruction["precip_state"][:] = 0
    save(reconstruction, bare_run / "reconstruction.nc", "precip")
    assert "Nothing to draw for precipitation:" in Page(read(bare_run)).text


def test_modalities_that_the_configuration_lacks_are_drawn_by_their_own_name(bare_run, reconstruction):
    names = {old: old.replace("level", "salinity") for old in map(str, reconstruction.data_vars) if "level" in old}
    renamed = reconstruction.rename(names)
    renamed["salinity"].attrs["long_name"] = "salt in the water"
    save(renamed, bare_run / "reconstruction.nc", "salinity")
    assert "salt in the water" in Page(read(bare_run)).text


def test_not_a_run_is_an_error_that_says_so(tmp_path):
    with pytest.raises(RunError, match=r"config\.yaml"):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["scores.json", "summary.json", "reconstruction.nc"])
def test_a_broken_file_is_named_and_the_old_page_kept(bare_run, name):
    before = write_report(bare_run).read_bytes()
    (bare_run / name).write_text("{ broken")
    with pytest.raises(DataError, match=f"{name}.*make it again"):
        write_report(bare_run)
    assert (bare_run / "report.html").read_bytes() == before


def test_a_file_without_reconstructions_is_an_error(bare_run):
    xr.Dataset({"precip": ("time", [1.0])}).to_netcdf(bare_run / "other.nc", engine="h5netcdf")
    with pytest.raises(DataError, match=r"other\.nc.*hydromae reconstruct"):
        write_report(bare_run, bare_run / "other.nc")
    with pytest.raises(DataError, match="no such reconstruction"):
        write_report(bare_run, bare_run / "absent.nc")


def test_numbers_are_short_and_plain():
    assert [number(value) for value in (0.00123456, 12.345, 12345.6, float("nan"))] == [
        "0.00123", "12.3", "12,346", "not finite",
    ]  # fmt: skip
    assert [duration(seconds) for seconds in (12.2, 754.0, 3600.0, 90061.0)] == [
        "12 s",
        "13 min",
        "1 h 0 min",
        "25 h 1 min",
    ]
