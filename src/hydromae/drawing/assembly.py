"""The styles and scripts of a page from their files, and the content security policy that lets only these run."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

_UPLOT: Final = "vendor/uplot/uPlot.iife.min.js"
_UPLOT_STYLE: Final = "vendor/uplot/uPlot.min.css"
_LICENCE: Final = "vendor/uplot/LICENSE"
# Modules that every page with choices shares, in the order in which they need each other. Together with those of the
# page they are one function, so that they leave no global names.
_SHARED: Final = (
    "unpack",
    "elements",
    "saving",
    "colours",
    "chart",
    "hydrograph",
    "station_map",
    "station_search",
    "cells",
    "grid_maps",
    "alive",
)


@dataclass(frozen=True)
class Assembly:
    """What goes into a page.

    Attributes:
        style: of the whole page.
        scripts: in their order.
        policy: of the content; it names the hash of each style and script and allows no request.
        licence: of the library among the scripts.
    """

    style: str
    scripts: tuple[str, ...]
    policy: str
    licence: str


def assembled(
    package: str, modules: Sequence[str], uplot: bool = True, style: str = "", asks: bool = False
) -> Assembly:
    """The parts of a page.

    Args:
        package: where the page's own modules are, in `web`.
        modules: their names; they follow the shared ones.
        uplot: whether it draws lines.
        style: name of a style of its own there, which follows the shared one.
        asks: whether it asks the server that it came from.
    """
    styles = [_text("hydromae.drawing", "web/page.css"), *([_text("hydromae.drawing", _UPLOT_STYLE)] if uplot else [])]
    whole = "".join([*styles, *([_text(package, f"web/{style}.css")] if style else [])])
    shared = [_text("hydromae.drawing", f"web/{name}.js") for name in _SHARED]
    own = "".join([*shared, *(_text(package, f"web/{name}.js") for name in modules)])
    library = [_text("hydromae.drawing", _UPLOT)] if uplot else []
    scripts = (*library, f'(() => {{\n"use strict";\n{own}}})();\n')
    connect = "connect-src 'self'; " if asks else ""
    policy = (
        f"default-src 'none'; img-src data: blob:; style-src {_hashes([whole])}; script-src {_hashes(scripts)}; "
        f"{connect}base-uri 'none'; form-action 'none'"
    )
    return Assembly(whole, scripts, policy, _text("hydromae.drawing", _LICENCE) if uplot else "")


def _text(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")


def _hashes(texts: Sequence[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii") for text in texts)
    return " ".join(f"'sha256-{digest}'" for digest in digests)
