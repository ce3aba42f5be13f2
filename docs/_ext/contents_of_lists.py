"""The contents of the site are the lists of links of its pages, so that GitHub shows them as links, too."""

import re

from sphinx.application import Sphinx

# Pages whose list items (or first cells of table rows) are the pages below them.
_PAGES = ("index", "tutorials/index", "howto", "explanations", "reference", "benchmarks", "decisions/README")
_ITEM = re.compile(r"^(?:- |\| )\[[^\]]*\]\(([\w/]+[\w/-]*\.md)\)", re.MULTILINE)


def add_contents(app: Sphinx, page: str, source: list[str]) -> None:
    """Add a hidden table of contents to a page with a list of links."""
    if page in _PAGES:
        below = "\n".join(dict.fromkeys(_ITEM.findall(source[0])))
        source[0] += f"\n```{{toctree}}\n:hidden:\n\n{below}\n```\n"


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", add_contents)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
