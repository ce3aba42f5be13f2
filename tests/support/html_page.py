"""Reading a page back."""

import re
from html.parser import HTMLParser


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text without scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is None:  # inside of a script or style otherwise
            self.text += data


# Names, not addresses that anything is fetched from: of SVG, and of the library in its first line.
_NAMES = ("http://www.w3.org/2000/svg", "https://github.com/leeoniya/uPlot")


def assert_fetches_nothing(text: str) -> None:
    """The page needs no network: nothing of it lies elsewhere, and its policy lets nothing in."""
    page = Page(text)
    assert {"link", "iframe", "object"}.isdisjoint(tag for tag, _ in page.tags)
    for tag, attributes in page.tags:
        assert (attributes.get("src") or "data:").startswith("data:")
        assert tag != "script" or "src" not in attributes
    for name in _NAMES:
        text = text.replace(name, "")
    assert "default-src 'none'" in text.replace("&#39;", "'")
    assert "http://" not in text and "https://" not in text
    assert not re.search(r"[^.]url\(|@import", text)
