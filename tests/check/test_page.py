"""The page of a check holds all that was found, fetches nothing, and shows names as they are."""

from dataclasses import replace
from html import escape

import numpy as np
import pytest

from hydromae.check.kept_days import KeptDays
from hydromae.check.page import answer, write_check_page
from hydromae.check.page_data import page_data
from hydromae.check.records import Recorder
from hydromae.check.report import CheckReport, SeriesView
from support.check_pages import HOSTILE, make_flow, make_report, make_view
from support.html_page import Page, assert_fetches_nothing
from support.packed import unpacked


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
    assert "These data are not fit to train on: 1 error below would spoil the training." in shown
    assert shown.index("soil repeats a day") < shown.index("flow is stuck") < shown.index("is in no series")
    assert "Errors: 1, Warnings: 1, Notes: 1" in shown


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


def test_the_sentence_says_what_stops_the_training():
    report = CheckReport("data", 10)
    assert answer(report) == "These data are fit to train on."
    report.warning("doubt")
    assert answer(report) == "These data are fit to train on; 1 warning is worth a look."
    report.error("wrong")
    report.error("lost", unreadable=True)
    assert answer(report).endswith("nothing can be trained on them: mend the 2 errors below.")


def test_tables_hold_for_who_has_no_scripts_what_the_figures_show(text):
    shown = " ".join(Page(text).text.split())
    missing = np.isnan(make_flow()).mean(axis=0)
    assert f"{1 - missing[0]:.1%}" in shown and "not looked at" in shown
    assert "bfihost2" in Page(text).text.replace("\n", "") and "1 of 3 stations have no usable coordinates" in shown


def test_the_page_holds_the_records_and_marks_what_is_suspicious():
    flow = make_flow()
    flow[300] = flow[299] = np.arange(1, 4)  # of fewer than ten stations, which may be by chance
    flow[400, 1], flow[500, 2] = 1e6, -3
    report = CheckReport("flow", 10)
    report.series = [make_view(("1001", "1002", "1003"), flow, values=3 * 147)]
    report.warning("two of them", ("1001: odd", "1001 and 1003", "10"))
    described, arrays = unpacked(page_data(report))
    (series,) = described["series"]
    assert (series["step"], series["days"], series["units"]) == (10, 1461, "m3/s")
    held = np.unpackbits(arrays["held 0"], axis=1)[:, :1461]
    np.testing.assert_array_equal(held, np.isfinite(flow).T)
    means = arrays["means 0"].astype(float) * np.array(series["scale"])[:, None] + np.array(series["offset"])[:, None]
    known = np.isfinite(flow)
    count, total = (np.add.reduceat(of, np.arange(0, 1461, 10), axis=0) for of in (known * 1, np.where(known, flow, 0)))
    known = np.isfinite(means)
    assert (~known[0]).sum() == 3 and known[1:].all()
    np.testing.assert_allclose(means[0, known[0]], (total / np.maximum(count, 1))[known[0], 0], rtol=0.01, atol=0.3)
    kinds = [
        (station, day, days, described["kinds"][kind], value) for station, day, days, kind, value in series["suspects"]
    ]
    assert (0, 200, 20, "one value for long", 77.0) in kinds
    assert (1, 400, 1, "impossible value", 1e6) in kinds and (2, 500, 1, "impossible value", -3.0) in kinds
    assert (1, 400, 1, "far from its other values", 1e6) in kinds
    (finding,) = described["findings"]
    assert finding["at"] == {"0": ["1001: odd", "1001 and 1003"], "2": ["1001 and 1003"]}
    scores = {score["key"]: arrays[f"score data {n}"] for n, score in enumerate(described["regimes"][0]["scores"])}
    assert scores["flow suspicious"].tolist() == [20, 2, 1]
    np.testing.assert_allclose(scores["flow held"], 100 * np.isfinite(flow).mean(axis=0), rtol=1e-3)


def test_days_of_a_grid_are_spread_over_those_that_were_looked_at():
    kept = KeptDays(100, 4, 12)
    for first in range(0, 100, 10):
        kept.take(first, np.full((2, 4), first, np.float32))
    assert kept.positions == [0, 40, 70] and [values[0] for values in kept.maps] == [0, 40, 70]


def test_604_stations_of_30_years_stay_below_6_megabytes(tmp_path):
    random, days, stations = np.random.default_rng(0), 30 * 365, 604  # and a fifth of the months missing
    report = CheckReport("large", 10)
    report.share_the_page(["series"] * 4)
    ids = tuple(str(number) for number in range(stations))
    recorder = Recorder(np.datetime64("1980-01-01"), days, stations, report.places["series"])
    for first in range(0, stations, 100):
        flow = np.repeat(random.gamma(0.6, 4, (days // 5, min(100, stations - first))), 5, axis=0).astype(np.float32)
        flow[np.repeat(random.random((days // 30, flow.shape[1])) < 0.2, 30, axis=0)] = np.nan
        recorder.take(flow, first)
    small = make_view(("0", "1", "2"))
    record = replace(small.record, n_days=days, step=10, means=recorder._means, held=recorder._held)
    many = np.ones(stations)
    view = SeriesView("flow", "m3/s", ids, small.years, np.ones((len(small.years), stations)), many, many, record)
    report.series = [replace(view, name=f"flow {number}") for number in range(4)]
    assert record.means.shape == (stations, days // 10)
    assert 1e6 < write_check_page(report, tmp_path / "large.html").stat().st_size < 6e6


def test_a_report_of_nothing_is_a_page_too(tmp_path):
    page = write_check_page(CheckReport("empty", 10), tmp_path / "check.html").read_text(encoding="utf-8")
    assert (
        "fit to train on" in page
        and "Nothing was found" in page
        and "check-data" not in Page(page).text
        and "<table" in page
    )


def test_the_same_report_gives_the_same_bytes(tmp_path):
    one, other = (write_check_page(make_report(), tmp_path / name) for name in ("one.html", "other.html"))
    assert one.read_bytes() == other.read_bytes()
