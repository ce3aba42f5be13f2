"""Pages in a real browser, with all that they complain of and ask for."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WAIT = 120_000  # ms; a busy machine takes its time
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium here: apt-get install chromium")


@contextmanager
def running_browser() -> Iterator[Any]:
    """Chromium, driven by playwright; the test is skipped where that is not installed."""
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield running
        running.close()


class Opened:
    """A page that was opened."""

    def __init__(self, browser: Any, address: str, width: int = 1440, scheme: str = "light", **options: Any) -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True, **options
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(address)
        if options.get("java_script_enabled", True):
            self.page.wait_for_selector("html[data-ready]")

    @property
    def foreign(self) -> list[str]:
        """What was asked of elsewhere than the file itself."""
        return [url for url in self.requests if not url.startswith(("file:", "data:", "blob:"))]

    def barriers(self) -> list[Any]:
        """What axe-core finds: a rule and the first element that breaks it."""
        axe = pytest.importorskip("axe_playwright_python", reason="pip install axe-playwright-python")
        self.page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
        return list(
            self.page.evaluate("axe.run().then(found => found.violations.map(one => [one.id, one.nodes[0].html]))")
        )

    def clipped_on_paper(self) -> list[str]:
        """Parts that a sheet of paper would cut, once the page is printed."""
        self.page.set_viewport_size({"width": 700, "height": 900})
        self.page.emulate_media(media="print", color_scheme="dark")
        self.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        return list(
            self.page.evaluate(
                "[...document.querySelectorAll('main .wide, main pre, main canvas, main img, main svg')]"
                ".filter(part => part.offsetParent !== null && (part.scrollWidth > part.clientWidth + 1 "
                "|| part.getBoundingClientRect().right > 701)).map(part => part.outerHTML.slice(0, 80))"
            )
        )
