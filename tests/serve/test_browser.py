"""The page in a real browser: painting, patches, keyboard, phone, dark, no barrier, and no stale answer."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from hydromae.runs.directory import RunDirectory
from hydromae.serve.served import Served
from hydromae.serve.site import site
from support.browser import WAIT, needs_browser, running_browser

pytestmark = needs_browser


@pytest.fixture(scope="module")
def address(all_stations: RunDirectory, one_station: RunDirectory) -> Iterator[str]:
    """Of a server of two runs in this process."""
    listening = socket.create_server(("127.0.0.1", 0))
    application = site(Served.open([all_stations.path, one_station.path]))
    server = uvicorn.Server(uvicorn.Config(application, log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    server.should_exit = True
    thread.join(20)
    listening.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with running_browser() as running:
        yield running


def opened(browser: Any, address: str, complaints: list[str], **options: Any) -> Any:
    """The page, once it shows its first answer."""
    page = browser.new_context(**options).new_page()
    page.set_default_timeout(WAIT)
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda sent: None if sent.url.startswith((address, "data:")) else complaints.append(sent.url))
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
    settled(page)
    return page


def settled(page: Any) -> None:
    """Wait until the newest answer is shown."""
    page.wait_for_selector("#forecast-host canvas")
    page.wait_for_selector("body:not([data-working])")


def barriers(page: Any) -> list[Any]:
    axe = pytest.importorskip("axe_playwright_python", reason="pip install axe-playwright-python")
    page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run().then(found => found.violations.map(one => [one.id, one.nodes[0].html]))")
    return list(found)


def test_days_patches_and_inputs_are_hidden_by_hand_and_no_stale_answer_is_shown(browser: Any, address: str) -> None:
    complaints: list[str] = []
    page = opened(browser, address, complaints, viewport={"width": 1440, "height": 1100})
    page.fill("#station", "39001")
    page.press("#station", "Enter")
    page.fill("#issue-date", "2001-06-20")
    page.press("#issue-date", "Enter")
    settled(page)
    page.fill("#horizon", "3")
    page.press("#horizon", "Enter")
    settled(page)
    assert page.inner_text("#station-name") == "39001"
    before = page.inner_text("#answer")
    words = page.locator("#errors tr", has_text="persistence").locator("th, td").all_inner_texts()
    assert words[0] == "persistence, after the issue day" and words[1] == "3" and words[4] == "no band"
    assert 0 < abs(float(words[3].replace("\N{MINUS SIGN}", "-"))) <= float(words[2])
    assert "on 3 days after 2001-06-20" in before and page.locator("#hidden-list li").count() == 0

    over = page.locator("#forecast-host .u-over").bounding_box()
    day = over["width"] / 7  # eight days, the first and the last at the edges
    page.mouse.move(over["x"] + day * 1.1, over["y"] + 40)
    page.mouse.down()
    page.mouse.move(over["x"] + day * 2.9, over["y"] + 60, steps=4)
    page.mouse.up()
    settled(page)
    assert page.inner_text("#hidden-list li span") == "2001-06-17 to 2001-06-19"
    assert "on 3 hidden days" in page.inner_text("#answer")

    page.locator("#modalities input").first.check()  # evaporation
    settled(page)
    hidden = page.inner_text("#answer")
    assert hidden != before
    page.fill("#patch-row", "1")
    page.fill("#patch-column", "1")
    page.focus("#patch-turn")
    page.keyboard.press("Enter")
    settled(page)
    assert page.inner_text("#patches-count").startswith("1 of") and page.locator("#grids-host canvas").count() == 3
    assert page.inner_text("#answer") != hidden
    page.locator("#grids-host canvas").first.click(position={"x": 5, "y": 5})
    settled(page)
    assert page.inner_text("#patches-count") == "No patch is hidden."
    page.click("#show-all")
    settled(page)
    assert page.inner_text("#answer") == before and page.locator("#hidden-list li").count() == 0

    # Two questions, the older of which is answered last, by a browser that cannot take a question back.
    page.evaluate("AbortController.prototype.abort = () => {}")
    held: list[Any] = []
    page.route("**/ask", lambda route: held.append((route, route.fetch())))
    page.click("#issue-after")
    page.click("#issue-after")
    for _ in range(400):
        if len(held) == 2:
            break
        page.wait_for_timeout(25)
    for route, answer in reversed(held):
        route.fulfill(response=answer)
    page.unroute("**/ask")
    settled(page)
    page.wait_for_timeout(100)
    assert "around 2001-06-22" in page.get_attribute("#forecast-host", "aria-label")
    assert [complaint for complaint in complaints if "409" not in complaint] == []  # the server drops it, too


def test_on_a_dark_phone_nothing_is_cut_and_nobody_is_kept_out(browser: Any, address: str) -> None:
    complaints: list[str] = []
    phone = {"viewport": {"width": 390, "height": 800}, "color_scheme": "dark", "has_touch": True}
    page = opened(browser, address, complaints, **phone)
    page.check("#whole-station")
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    for summary in page.locator(".live summary").all():
        summary.click()
    assert barriers(page) == []
    page.select_option("#after", "all")
    settled(page)
    assert "hidden days" in page.inner_text("#answer")
    assert complaints == []
