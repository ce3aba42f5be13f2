"""The page in a real browser: clicks, sliders, search, phone, dark, paper, no request, no barrier to anyone."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import hydromae
from hydromae.drawing.places import places_of
from hydromae.metrics.efficiency import nse
from hydromae.report import evaluation, write_report
from support.browser import WAIT, Opened, needs_browser, running_browser
from support.evaluations import made_from, make_evaluation, make_observed

pytestmark = needs_browser
STATIONS = 14


@pytest.fixture(scope="module")
def address(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page with all its parts."""
    run = shutil.copytree(small_run, tmp_path_factory.mktemp("page") / "run")
    observed = make_observed(STATIONS)
    make_evaluation(run / "evaluation" / "forecast_val", observed, quantiles=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "observed_of", lambda run, forecast: observed)
        patch.setattr(evaluation, "rain_at", lambda run, forecast: (2 * observed).assign_attrs(units="mm/d"))
        return write_report(run).as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with running_browser() as running:
        yield running


@pytest.fixture
def opened(browser: Any, address: str) -> Iterator[Any]:
    made: list[Opened] = []

    def open_page(**options: Any) -> Opened:
        made.append(Opened(browser, address, **options))
        return made[-1]

    yield open_page
    for one in made:
        one.context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_the_page_works_without_complaint_request_or_barrier(opened: Any, width: int, scheme: str) -> None:
    view = opened(width=width, scheme=scheme)
    assert view.page.evaluate("document.documentElement.scrollWidth") <= width
    for part in (
        "#map-host canvas",
        "#forecast-host canvas",
        "#skill-host canvas",
        "#grids-host canvas",
        "#pit-host svg",
    ):
        assert view.page.locator(part).first.is_visible(), part
    if scheme == "dark":  # tables once: they take axe a while
        for summary in view.page.locator(".live summary").all():
            summary.click()
    assert view.barriers() == []
    assert view.complaints == []
    assert view.foreign == []


def test_a_station_is_found_by_a_part_of_its_name_and_an_unknown_one_is_said(opened: Any) -> None:
    page = opened().page
    page.fill("#station", "at place 11")
    page.press("#station", "Enter")
    assert page.inner_text("#station-name").startswith("11001, River E at Place 11")
    assert "11001" in page.inner_text("#station-scores caption")
    page.fill("#station", "nowhere")
    page.press("#station", "Enter")
    assert "No station is called" in page.inner_text("#station-status")
    assert page.inner_text("#station-name").startswith("11001")
    page.click("#station-after")
    assert page.inner_text("#station-name").startswith("12001")


def test_a_score_has_two_decimals_however_small_it_is(opened: Any) -> None:
    elements = (Path(hydromae.__file__).parent / "drawing/web/elements.js").read_text(encoding="utf-8")
    shown = opened().page.evaluate(
        f"(() => {{ {elements}; return [0.0004, -0.0004, -0.456, NaN].map((value) => scoreText(value)); }})()"
    )
    assert shown == ["0.00", "0.00", "\N{MINUS SIGN}0.46", "\N{EN DASH}"]


def test_a_click_on_the_map_chooses_the_station_that_lies_there(opened: Any) -> None:
    page = opened().page
    box = page.locator("#map-host canvas").bounding_box()
    places = places_of(made_from(make_observed(STATIONS), 0.5, quantiles=False), None)
    assert places is not None
    west, east, south, north = places.extent
    x, y = (places.x[0] - west) / (east - west), (north - places.y[0]) / (north - south)
    page.locator("#map-host canvas").click(position={"x": x * box["width"], "y": y * box["height"]})
    assert page.inner_text("#station-name").startswith("0001,")
    # In a corner of the map there is sea, and land in the middle of England.
    pixel = "(at) => [...document.querySelector('#map-host canvas').getContext('2d').getImageData(...at, 1, 1).data]"
    flat = np.cos(np.radians(places.y.mean()))
    at = [((-2.0 * flat - west) / (east - west)) * box["width"], ((north - 53.0) / (north - south)) * box["height"]]
    assert page.evaluate(pixel, [1, 1])[:3] != page.evaluate(pixel, [round(part) for part in at])[:3]
    assert page.evaluate(pixel, [round(part) for part in at])[:3] == [205, 210, 216]


def test_sliders_choose_the_issue_day_and_the_day_of_the_maps(opened: Any) -> None:
    page = opened().page
    page.focus("#issue")
    page.keyboard.press("Home")
    assert page.inner_text("#issue-day") == "2009-01-11"
    assert "Issued on 2009-01-11" in page.inner_text("#forecast-note")
    page.keyboard.press("ArrowRight")
    assert page.get_attribute("#issue", "aria-valuetext") == "2009-01-14"
    before = page.inner_text("#grids-status")
    page.focus("#grid-day")
    page.keyboard.press("End")
    assert page.inner_text("#grids-status") != before and "2009-02-09" in page.inner_text("#grids-status")


def test_the_weather_and_the_lead_time_change_the_scores_that_are_shown(opened: Any) -> None:
    page = opened().page
    shown = [page.inner_text("#map-status")]
    page.select_option("#lead", "6")
    shown.append(page.inner_text("#map-status"))
    page.select_option("#regime", "perfect")
    shown.append(page.inner_text("#map-status"))
    page.select_option("#score", label="share of days inside the 90 % band")
    shown.append(page.inner_text("#map-status"))
    assert len(set(shown)) == 4
    assert "with the observed weather" in page.get_attribute("#skill-host", "aria-label")


def test_the_median_over_an_even_number_of_stations_lies_between_two(opened: Any, address: str) -> None:
    folder = Path(address.removeprefix("file://")).parent / "evaluation" / "forecast_val"
    with xr.open_dataset(folder / "none_stations.nc") as scores:
        expected = np.quantile(scores["nse"].sel(lead_time=1).values, [0.5, 0.25, 0.75, 0, 1])
    said = opened().page.inner_text("#map-status").replace("\N{MINUS SIGN}", "-")
    count, *shown = re.findall(r"-?\d+(?:\.\d+)?", said.replace(f" of {STATIONS}", ""))
    assert int(count) == STATIONS
    np.testing.assert_allclose([float(number) for number in shown], expected, atol=0.005)


def test_events_rain_and_baselines_of_a_station_are_shown(opened: Any) -> None:
    page = opened().page
    page.fill("#station", "3001")
    page.press("#station", "Enter")
    every = make_observed(STATIONS)
    made_at = made_from(every, 0.9, quantiles=False)["flow"]
    observed, made = every.sel(station="3001"), made_at.sel(station="3001")
    issues = made["issue_time"].values.astype("datetime64[D]")
    forecast_for = observed.sel(time=slice(issues[0] + 1, issues[-1] + 7))
    highest = forecast_for["time"].values[int(forecast_for.values.argmax())].astype("datetime64[D]")
    cells = page.locator("#station-events tbody tr").first.locator("th, td").all_inner_texts()
    assert cells[:2] == [str(highest), "high flow"] and float(cells[2]) == pytest.approx(
        float(forecast_for.max()), 0.01
    )
    for lead, cell in zip((1, 3, 7), cells[3:], strict=True):
        value, _, other = cell.partition(" (lead ")
        if value == "\N{EN DASH}":
            continue
        lead = int(other.rstrip(")") or lead)
        expected = float(made.sel(issue_time=highest - lead, lead_time=lead))
        assert float(value) == pytest.approx(expected, abs=0.02 * float(forecast_for.max()))
    page.locator("#station-events button.link").first.click()
    lead = (highest - np.datetime64(page.inner_text("#issue-day"))).astype(int)
    assert 2 <= lead <= 4
    assert page.locator("#forecast-host canvas").count() == 2 and "rain observed" in page.inner_text("#forecast-host")
    page.select_option("#lead", "2")
    rows = page.locator("#station-models tbody tr").all_inner_texts()
    assert [row.split("\t")[0] for row in rows] == ["hydromae", "persistence"]
    expected = float(nse(made_at, every).sel(lead_time=3, station="3001"))
    assert float(rows[0].split("\t")[1].replace("\N{MINUS SIGN}", "-")) == pytest.approx(expected, abs=0.006)


def test_tables_and_figures_can_be_saved(opened: Any, tmp_path: Path) -> None:
    page = opened().page
    with page.expect_download() as saved:
        page.click("#station-scores button.save")
    saved.value.save_as(tmp_path / "scores.csv")
    rows = (tmp_path / "scores.csv").read_text().splitlines()
    assert rows[0] == "score," + ",".join(f"lead {lead}" for lead in range(1, 8))
    assert rows[1].startswith("Nash-Sutcliffe efficiency,") and "\N{MINUS SIGN}" not in "".join(rows)
    with page.expect_download() as saved:
        page.locator("#forecast-note ~ .buttons button", has_text="PNG").click()
    saved.value.save_as(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes()[:4] == b"\x89PNG"
    tables = page.locator("main table").count()
    assert page.locator("button.save", has_text="CSV").count() >= tables


def test_dark_pictures_are_dark(opened: Any) -> None:
    page = opened(scheme="dark").page
    assert "invert" in page.evaluate("getComputedStyle(document.querySelector('.picture img')).filter")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"


def test_on_paper_nothing_is_clipped_and_settings_are_printed(opened: Any) -> None:
    view = opened(scheme="dark")
    page = view.page
    assert view.clipped_on_paper() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 700
    assert page.locator("details.settings pre").first.is_visible()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(28, 33, 38)"
    assert page.pdf()[:4] == b"%PDF"


def test_without_scripts_there_are_pictures(opened: Any) -> None:
    page = opened(java_script_enabled=False).page
    assert page.locator("section.maps img").first.is_visible()
    assert page.locator("h3", has_text="Hydrographs").is_visible()
    assert not page.locator("#map-host").is_visible()


def test_where_the_browser_cannot_unpack_the_pictures_are_shown(browser: Any, address: str) -> None:
    context = browser.new_context()
    context.add_init_script("delete globalThis.DecompressionStream")
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("html[data-ready]", timeout=WAIT)
    assert "their pictures and tables are shown instead" in page.inner_text("#script-status")
    assert page.locator("section.maps img").first.is_visible()
    context.close()
