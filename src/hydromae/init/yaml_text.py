"""YAML with comments: scalars read back as they are, and no text can break out of its line."""

import re
import textwrap
from collections.abc import Iterable
from datetime import date

import yaml

_WIDTH = 118
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")


def scalar(value: object) -> str:
    """One value as YAML, quoted where it must be. A `${` in a text is written so that it is no variable."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float):
        return repr(value) if "e" not in repr(value) or "." in repr(value) else repr(value).replace("e", ".0e")
    text = str(value)
    if _PLAIN.fullmatch(text) and yaml.safe_load(text) == text:
        return text
    text = text.replace("${", "${DOLLAR:-$}{")
    return yaml.safe_dump(text, default_style='"', allow_unicode=True, width=float("inf")).strip()


def sequence(values: Iterable[object]) -> str:
    """A list on one line."""
    return f"[{', '.join(scalar(value) for value in values)}]"


def inline(value: object) -> str:
    """A value on one line, of lists and mappings too."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{scalar(key)}: {inline(one)}' for key, one in value.items())}}}"
    return sequence(value) if isinstance(value, list) else scalar(value)


def comment(text: str, indent: int = 0, hanging: int = 0) -> list[str]:
    """Comment lines, wrapped; unprintable signs are escaped, so that no file name ends the comment."""
    plain = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
    start = f"{' ' * indent}# "
    return textwrap.wrap(
        plain,
        _WIDTH,
        initial_indent=start,
        subsequent_indent=start + " " * hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def key_lines(key: str, values: Iterable[object], indent: int) -> list[str]:
    """A key and its list: on one line where it fits, else one item a line."""
    items = list(values)
    start = " " * indent
    line = f"{start}{key}: {sequence(items)}"
    return [line] if len(line) <= _WIDTH else [f"{start}{key}:", *(f"{start}  - {scalar(item)}" for item in items)]
