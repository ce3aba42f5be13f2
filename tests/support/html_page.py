"""Reading a page back."""

import re
from html.parser import HTMLParser


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_fetches_nothing(text: str) -> None:
    """The page needs no network: nothing of it lies elsewhere."""
    page = Page(text)
    assert {"script", "link", "iframe", "object"}.isdisjoint(tag for tag, _ in page.tags)
    for _, attributes in page.tags:
        assert (attributes.get("src") or "data:").startswith("data:")
    assert "http://" not in text and "https://" not in text
    assert not re.search(r"url\(|@import", text)
