"""JSON that every program reads: a number that is not finite is null, since JSON has no NaN and no infinity."""

import hashlib
import json
import math
import re
from typing import Any, Final

from hydromae.base.secret_values import concealed

_CHECK: Final = "checksum"


def json_text(content: Any, indent: int | None = None) -> str:
    """Content as JSON text, with null for numbers that are not finite."""
    return json.dumps(or_null(content), indent=indent, allow_nan=False)


def or_null(content: Any) -> Any:
    """The same content as files hold it: None for numbers that are not finite, names of secrets for their values."""
    if isinstance(content, str):
        return concealed(content)
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, dict):
        return {key: or_null(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [or_null(value) for value in content]
    return content


def sealed(content: dict[str, Any]) -> str:
    """Content as JSON text over several lines, with a checksum of itself as its last key."""
    whole = or_null(content)
    return json_text({**whole, _CHECK: digest(whole)}, indent=1)


def unsealed(text: str) -> dict[str, Any]:
    """What `sealed` was given; text without a checksum, as of older versions, is taken as it is.

    Raises:
        ValueError: the text is no JSON, or differs from what was written.
    """
    content = dict(json.loads(text))
    last = next(reversed(content), "")
    if last != _CHECK and not re.fullmatch("[0-9a-f]{64}", str(content.get(last))):
        return content
    written = content.pop(last)
    if last != _CHECK or written != digest(content):  # its name may be what was changed
        raise ValueError("it was changed after it was written: its checksum differs")
    return content


def digest(content: dict[str, Any]) -> str:
    """SHA-256 of what JSON can hold, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
