"""The page of a check in a real browser: map, calendar, hydrograph, grids; phone, dark, paper, no barrier."""

from collections.abc import Iterator
from typing import Any

import pytest

from hydromae.check.page import write_check_page
from support.browser import Opened, needs_browser, running_browser
from support.check_pages import HOSTILE, make_report

pytestmark = needs_browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with running_browser() as running:
        yield running


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    report = make_report()
    report.warning("odd", ("1003: 5 values",))
    return write_check_page(report, tmp_path_factory.mktemp("check") / "check.html").as_uri()


def test_a_station_is_chosen_and_its_gaps_and_suspicious_days_are_shown(browser: Any, address: str) -> None:
    view = Opened(browser, address)
    page = view.page
    assert page.inner_text(".verdict").startswith("These data are not fit to train on")
    assert page.inner_text("#station-name") == "1003"  # the one that a warning names
    assert "warning: 1003: 5 values" in page.inner_text("#station-findings")
    page.fill("#station", "1001")
    page.press("#station", "Enter")
    assert page.inner_text("#station-name") == "1001"
    assert page.inner_text("#calendar-status") == (
        "1,431 of 1,461 days have a value (97.9 %), 20 of them are suspicious."
    )
    cells = page.locator("#suspects tbody tr").first.locator("th, td").all_inner_texts()
    assert cells == ["2001-07-20", "20", "one value for long", "77.0"]
    assert "2001-01-01 to 2004-12-31" in page.get_attribute("#record-host", "aria-label")
    linear = page.locator("#record-host canvas").evaluate("canvas => canvas.toDataURL()")
    page.check("#logarithmic")
    assert page.locator("#record-host canvas").evaluate("canvas => canvas.toDataURL()") != linear

    calendar = page.locator("#calendar-host canvas")
    calendar.scroll_into_view_if_needed()
    box = calendar.bounding_box()
    # 11 April 2001 is the 101st day of the year, the first of the gap; of 366 columns after the years.
    before, above = calendar.evaluate("canvas => [canvas.margins.before, canvas.margins.above]")
    page.mouse.move(box["x"] + before + (box["width"] - before) * 101.5 / 366, box["y"] + above + 3)
    assert page.inner_text("#calendar-status") == "11 Apr 2001: no value"
    page.select_option("#score", label="mean flow")
    assert page.inner_text("#map-status").startswith("3 of 3 stations have it: median")
    rows = page.locator("#overview-host canvas")
    rows.click(position={"x": 300, "y": rows.bounding_box()["height"] - 8})
    assert page.inner_text("#station-name") == "1003"
    page.click("#station-before")
    assert page.inner_text("#station-name") == HOSTILE

    slider = page.locator("#grid-day")
    slider.focus()
    page.keyboard.press("End")
    assert page.inner_text("#grid-date") == "2003-01-01" and page.locator("#grids-host canvas").count() == 3
    assert page.inner_text("#grids-status").startswith("0 of 20 cells never have a value; the others lack 10.0 %")
    shown = page.evaluate("document.querySelector('#grids-host canvas').getAttribute('aria-label')")
    assert shown.startswith("Map of precip: 2003-01-01")
    assert view.complaints == [] and view.foreign == []


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_nothing_is_cut_and_nobody_is_kept_out(browser: Any, address: str, width: int, scheme: str) -> None:
    view = Opened(browser, address, width=width, scheme=scheme)
    assert view.page.evaluate("document.documentElement.scrollWidth") <= width
    if scheme == "dark":  # tables once: they take axe a while
        closed = "document.querySelectorAll('details:not(#record-note ~ details)')"
        view.page.evaluate(f"{closed}.forEach(one => {{ one.open = true; }})")
    assert view.barriers() == [] and view.complaints == []
    assert view.clipped_on_paper() == []
    assert view.page.evaluate("getComputedStyle(document.body).color") == "rgb(28, 33, 38)"


def test_without_scripts_there_are_tables(browser: Any, address: str) -> None:
    page = Opened(browser, address, java_script_enabled=False).page
    assert not page.locator("#map-host").is_visible()
    shares = page.locator("table", has_text="1003").first.locator("tbody tr").first.locator("th, td").all_inner_texts()
    assert shares == ["1001", f"{1431 / 1461:.1%}"]
