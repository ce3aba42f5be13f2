"""Values of environment variables that look like secrets: what is written holds their names instead.

A configuration may name such a value as `${API_TOKEN}`. It is known to this process only: stores, runs, results, pages,
logs and messages hold `${API_TOKEN}`, and whatever reads a run takes the value from the environment anew.
"""

import os
import re
from pathlib import Path
from typing import Any, Final

SHORTEST: Final = 6  # letters; what is shorter occurs anywhere by chance, and is no secret
_SECRET: Final = re.compile(
    r"token|secret|passw(or)?d|passphrase|credential|apikey|(?:^|_)(key|keys|pass|auth|bearer|cookie|sas)(?:\d*$|_)",
    re.I,
)
_VARIABLE: Final = re.compile(r"\$\{(\w+)\}")
_named: dict[str, str] = {}  # value -> name


def remember_secret(name: str, value: str) -> None:
    """Keep the value of a variable out of all that is written from here on, if its name looks like a secret's."""
    if _SECRET.search(name):
        for spelled in (value, str(Path(value))):
            if len(spelled) >= SHORTEST:
                _named[spelled] = name


def concealed(content: Any) -> Any:
    """Text, or what JSON can hold, with the names of secrets in place of their values, as `${API_TOKEN}`."""
    if not _named:
        return content
    if isinstance(content, str):
        for value in sorted(_named, key=len, reverse=True):
            content = content.replace(value, f"${{{_named[value]}}}")
        return content
    if isinstance(content, dict):
        return {key: concealed(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [concealed(value) for value in content]
    return content


def revealed(text: str) -> str:
    """A text that was concealed, with the values of the secrets that are set now."""

    def value(variable: re.Match[str]) -> str:
        return os.environ.get(variable[1], variable[0]) if _SECRET.search(variable[1]) else variable[0]

    return _VARIABLE.sub(value, text)
