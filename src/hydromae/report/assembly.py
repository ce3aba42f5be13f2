"""The styles and scripts of the page from their files, and the content security policy that lets only these run."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

_UPLOT: Final = "vendor/uplot/uPlot.iife.min.js"
# Modules that every page with choices shares, and those of the report; in the order in which they need each other.
# Together they are one function, so that they leave no global names.
_SHARED: Final = (
    "unpack",
    "elements",
    "saving",
    "colours",
    "chart",
    "hydrograph",
    "station_map",
    "station_search",
    "grid_maps",
)
_REPORT: Final = ("events", "station", "skill", "day_maps", "page")


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
    """The parts of the report, with uPlot where there is something to draw with it."""
    return assembled([_text(f"web/{name}.js") for name in _REPORT], interactive)


def assembled(modules: Sequence[str], uplot: bool, style: str = "", asks: bool = False) -> Assembly:
    """The parts of a page that shares the modules and the style of the report.

    Args:
        modules: the page's own, which follow the shared ones.
        uplot: whether it draws lines.
        style: of its own, after the shared one.
        asks: whether it asks the server that it came from.
    """
    style = _text("web/page.css") + (_text("vendor/uplot/uPlot.min.css") if uplot else "") + style
    own = "".join([*(_text(f"web/{name}.js") for name in _SHARED), *modules])
    scripts = (*((_text(_UPLOT),) if uplot else ()), f'(() => {{\n"use strict";\n{own}}})();\n')
    connect = "connect-src 'self'; " if asks else ""
    policy = (
        f"default-src 'none'; img-src data: blob:; style-src {_hashes([style])}; script-src {_hashes(scripts)}; "
        f"{connect}base-uri 'none'; form-action 'none'"
    )
    return Assembly(style, scripts, policy, _text("vendor/uplot/LICENSE") if uplot else "")


def _text(name: str) -> str:
    return files("hydromae.report").joinpath(name).read_text(encoding="utf-8")


def _hashes(texts: Sequence[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii") for text in texts)
    return " ".join(f"'sha256-{digest}'" for digest in digests)
