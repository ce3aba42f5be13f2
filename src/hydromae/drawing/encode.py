"""Figures as images inside the page: SVG for lines, PNG for maps, the same bytes for the same figure."""

import base64
import io
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from hydromae.base.secret_values import concealed
from hydromae.base.shown_text import shown

# Okabe & Ito (2008): distinct with any colour vision.
BLUE, ORANGE, GREEN, BLACK, GREY = "#0072b2", "#d55e00", "#009e73", "#222222", "#8a8f98"

_STYLE: Any = {
    "font.size": 9.0,
    "font.family": ["sans-serif"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.0,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "svg.fonttype": "none",
    "svg.hashsalt": "hydromae",
    "hatch.linewidth": 0.6,
}
_UNDATED = {"Date": None, "Creator": None, "Format": None, "Type": None}


@dataclass(frozen=True)
class Picture:
    """An image as a data URI, and what it shows in words for those who cannot see it."""

    source: str
    alt: str
    caption: str = ""


def style() -> AbstractContextManager[None]:
    """Context manager under which every figure of the page is built and drawn."""
    return mpl.rc_context(_STYLE)


def plain(text: str) -> str:
    """Text that matplotlib draws as it is, odd signs as escapes: a plain dollar sign would start a formula."""
    return shown(concealed(text)).replace("$", r"\$")


def svg(figure: Figure, alt: str, caption: str = "") -> Picture:
    """A figure of lines, sharp at any size."""
    return Picture(f"data:image/svg+xml;base64,{_draw(figure, 'svg', _UNDATED)}", alt, caption)


def png(figure: Figure, alt: str, caption: str = "") -> Picture:
    """A figure of many cells."""
    return Picture(f"data:image/png;base64,{_draw(figure, 'png', {'Software': None})}", alt, caption)


def _draw(figure: Figure, format: str, metadata: Mapping[str, str | None]) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=format, metadata=dict(metadata), facecolor="white")
    return base64.b64encode(buffer.getvalue()).decode("ascii")
