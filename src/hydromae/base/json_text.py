"""JSON that every program reads: a number that is not finite is null, since JSON has no NaN and no infinity."""

import json
import math
from typing import Any


def json_text(content: Any, indent: int | None = None) -> str:
    """Content as JSON text, with null for numbers that are not finite."""
    return json.dumps(or_null(content), indent=indent, allow_nan=False)


def or_null(content: Any) -> Any:
    """The same content with None for numbers that are not finite, at any depth."""
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, dict):
        return {key: or_null(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [or_null(value) for value in content]
    return content
