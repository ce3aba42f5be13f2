"""How pages are filled from their templates: all text is escaped, and shown as what it is."""

from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from hydromae.base.secret_values import concealed
from hydromae.base.shown_text import shown


def page_environment() -> Environment:
    """Templates of pages: text cannot become markup, hide or turn other text, or give a secret away."""
    return Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_finalized
    )


def _finalized(value: Any) -> Any:
    plain = isinstance(value, str) and not isinstance(value, Markup) and not value.startswith("data:image/")
    return shown(str(concealed(value))) if plain else value
