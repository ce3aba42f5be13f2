"""Retired words are in no page, no docstring, no message and no comment: docs/glossary.md has those that are used."""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

# word -> what is said instead
RETIRED = {
    r"rasters?": "grid",
    r"images? (encoder|decoder|token|modalit\w+)s?": "grid ...",
    r"vector (encoder|decoder|token|modalit\w+)s?": "series ...",
    r"basins?": "station, or catchment of a station",
    r"told": "says, is named, predicted by",
    r"alone": "only, or by itself",
    r"what refused": "why it was refused",
    r"cores? (of|in) (its|a|the) windows?": "central days",
}
PATTERN = re.compile(rf"\b({'|'.join(RETIRED)})\b", re.IGNORECASE)
PAGES = [*sorted(Path("docs").rglob("*.md")), Path("README.md"), Path("CONTRIBUTING.md")]
MODULES = sorted(Path("src/hydromae").rglob("*.py"))


def prose(text: str) -> str:
    """A text without what must keep its name: code in backticks, arguments of `Args:`, and a string of one word."""
    if re.fullmatch(r"""(["'])\w*\1""", text):
        return ""
    return re.sub(r"`[^`\n]*`|^ +\w+(, \w+)*: ", "", text, flags=re.MULTILINE)


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Lines of a page; comments and strings of a module."""
    if path.suffix != ".py":
        yield from enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        return
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type in (tokenize.STRING, tokenize.COMMENT):
            yield from enumerate(prose(token.string).splitlines(), token.start[0])


def test_no_retired_word_is_used() -> None:
    found = [
        f"{path}:{line}: {match.group()}"
        for path in (*PAGES, *MODULES)
        for line, text in texts(path)
        for match in PATTERN.finditer(text)
    ]
    assert not found, "\n".join(found)
