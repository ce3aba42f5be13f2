"""The page of a check holds all that was found, fetches nothing, and shows names as they are."""

from html import escape

import numpy as np
import pytest

from hydromae.check.exclusions import Exclusion
from hydromae.check.page import write_check_page
from hydromae.check.report import AttributesView, CheckReport, GridView, Row, SeriesView
from support.html_page import Page, assert_fetches_nothing

HOSTILE = '<script>alert("1")</script>&$x$'


def make_report() -> CheckReport:
    """Two grids' worth of findings, one series with a hostile station, attributes with gaps."""
    report = CheckReport("example", 10)
    why = "HDF5 with data and dates"
    shares = {"train": 0.0625, "val": 0.5}
    report.rows = [
        Row("precip", "grid", 2, "hdf5_grid", "2001-01-01", "2004-12-31", "6 x 5", "mm/d", 0.02, 0.0, 3.0, 90.0, why),
        Row("flow", "series", 1, "table", "2001-01-01", "2004-12-31", "3 stations", "m3/s", split_missing=shares),
    ]
    report.error("soil repeats a day", details=("a",), exclusion=Exclusion(stations=(HOSTILE,)))
    report.warning(
        "flow is stuck", tuple(f"station number {i}" for i in range(40)), Exclusion(max_missing={"flow": 0.5})
    )
    report.note(f"station {HOSTILE} is in no series")
    random, years = np.random.default_rng(0), np.arange(2001, 2005)
    field = random.random((6, 5)).astype(np.float32)
    field[:2] = np.nan
    missing = np.where(np.isnan(field), np.nan, 0.1).astype(np.float32)
    report.grids = [GridView("precip", "mm/d", years, np.array([1.0, 0.9, np.nan, 1.0]), field, missing)]
    stations = ("1001", HOSTILE, "1003")
    present = random.random((4, 3))
    report.series = [SeriesView("flow", "m3/s", stations, years, present, 1 - present.mean(axis=0))]
    gaps = np.array([[True, False], [False, False], [True, False]])
    place = np.array([-3.0, -2.0, np.nan]), np.array([51.0, 52.0, 53.0])
    report.attributes = AttributesView(stations, ("bfihost", "$a<b$"), gaps, *place)
    return report


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_check_page(make_report(), tmp_path_factory.mktemp("page") / "check.html").read_text(encoding="utf-8")


def test_page_fetches_nothing(text):
    assert_fetches_nothing(text)


def test_page_holds_every_finding_and_every_detail_of_long_lists(text):
    shown = Page(text).text
    for problem in make_report().problems:
        assert problem.text in shown
    assert all(f"station number {i}" in shown for i in range(40))
    assert "Would spoil training" in shown and "Errors: 1, Warnings: 1, Notes: 1" in shown


def test_page_holds_the_table_and_the_lines_that_exclude(text):
    shown = Page(text).text
    for words in (
        "HDF5 with data and dates",
        "missing in val",
        "50.0%",
        "6 x 5",
        "exclude_stations",
        "max_missing: 0.5",
    ):
        assert words in shown, words


def test_names_are_shown_and_never_run(text):
    assert HOSTILE not in text and escape(HOSTILE, quote=False).split('"')[0] in text
    assert HOSTILE in Page(text).text


def test_every_figure_has_words_for_who_cannot_see_it(text):
    images = [attributes for tag, attributes in Page(text).tags if tag == "img"]
    assert len(images) == 5  # years, stations by year, maps of the grid, map of stations, attributes
    assert all(len(attributes.get("alt") or "") > 20 for attributes in images)
    assert "1 of 3 stations have no coordinates" in Page(text).text


def test_a_report_of_nothing_is_a_page_too(tmp_path):
    page = write_check_page(CheckReport("empty", 10), tmp_path / "check.html").read_text(encoding="utf-8")
    assert "Fit for training" in page and "Nothing was found" in page and "<img" not in page


def test_the_same_report_gives_the_same_bytes(tmp_path):
    one, other = (write_check_page(make_report(), tmp_path / name) for name in ("one.html", "other.html"))
    assert one.read_bytes() == other.read_bytes()
