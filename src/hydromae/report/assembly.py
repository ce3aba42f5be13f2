"""The styles and scripts of the page from their files, and the content security policy that lets only these run."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

_UPLOT: Final = "vendor/uplot/uPlot.iife.min.js"
# In the order in which they need each other; together they are one function, so that they leave no global names.
_MODULES: Final = (
    "unpack",
    "elements",
    "saving",
    "colours",
    "chart",
    "station_map",
    "station",
    "skill",
    "day_maps",
    "page",
)


@dataclass(frozen=True)
class Assembly:
    """What goes into the page.

    Attributes:
        style: of the whole page.
        scripts: in their order; none where the page has nothing to choose.
        policy: of the content; it names the hash of each style and script and allows no request.
        licence: of the library among the scripts.
    """

    style: str
    scripts: tuple[str, ...]
    policy: str
    licence: str


def assemble(interactive: bool) -> Assembly:
    """The parts of the page, with uPlot where there is something to draw with it."""
    style = _text("web/page.css") + (_text("vendor/uplot/uPlot.min.css") if interactive else "")
    own = "".join(_text(f"web/{name}.js") for name in _MODULES)
    scripts = (*((_text(_UPLOT),) if interactive else ()), f'(() => {{\n"use strict";\n{own}}})();\n')
    policy = (
        f"default-src 'none'; img-src data: blob:; style-src {_hashes([style])}; script-src {_hashes(scripts)}; "
        f"base-uri 'none'; form-action 'none'"
    )
    return Assembly(style, scripts, policy, _text("vendor/uplot/LICENSE") if interactive else "")


def _text(name: str) -> str:
    return files("hydromae.report").joinpath(name).read_text(encoding="utf-8")


def _hashes(texts: Sequence[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii") for text in texts)
    return " ".join(f"'sha256-{digest}'" for digest in digests)
