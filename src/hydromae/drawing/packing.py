"""Arrays and their description as text inside a page: gzip in base64, which the page opens with DecompressionStream."""

import base64
import gzip
import struct
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from hydromae.base.json_text import json_text
from hydromae.base.shown_text import shown

_NAN: Final = 0x7E00


def pack(description: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """One text of everything: the same values give the same text.

    Args:
        description: what JSON can hold.
        arrays: unsigned bytes stay; floats are kept as half precision, NaN included. Scale them before with `squeeze`.

    Returns:
        base64 of gzip of: length of the header (uint32), the header in JSON, the arrays. A half has its high bytes
        first and then its low bytes, which compresses better.
    """
    parts, listed = [], []
    for name, values in arrays.items():
        if values.dtype == np.uint8:
            kind, content = "u1", values.tobytes()
        else:
            kind, content = "f2", _planes(values)
        listed.append({"name": name, "kind": kind, "shape": list(values.shape)})
        parts.append(content)
    header = json_text({**_visible(dict(description)), "arrays": listed}).encode()
    whole = struct.pack("<I", len(header)) + header + b"".join(parts)
    return base64.b64encode(gzip.compress(whole, 6, mtime=0)).decode("ascii")


def _visible(content: Any) -> Any:
    """The same content, with signs in names that would turn or hide other text as escapes."""
    if isinstance(content, str):
        return shown(content)
    if isinstance(content, dict):
        return {key: _visible(value) for key, value in content.items()}
    return [_visible(value) for value in content] if isinstance(content, list | tuple) else content


def squeeze(values: np.ndarray, offset: np.ndarray, scale: np.ndarray, bits: int = 7) -> Float[np.ndarray, "..."]:
    """`(values - offset) / scale` rounded to so many binary digits after the first: 7 are steps of less than 1 %.

    Args:
        values: any shape.
        offset: of a shape that fits.
        scale: the same; the results should lie between -1 and 1.
        bits: at most 10, what half precision holds.
    """
    halves = ((values - offset) / scale).astype(np.float16)
    drop = 10 - bits
    if drop <= 0:
        return halves
    known = np.isfinite(halves)
    raw = halves.view(np.uint16).astype(np.uint32)
    rounded = (raw + (1 << (drop - 1))) & (0xFFFF >> drop << drop)
    return np.where(known, rounded, _NAN).astype(np.uint16).view(np.float16)


def listed(values: np.ndarray, digits: int = 5) -> list[float | None]:
    """Numbers as JSON holds them, of so many digits; None where they are not known."""
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in np.asarray(values, np.float64)]


def _planes(values: np.ndarray) -> bytes:
    halves = np.asarray(values, dtype=np.float32).astype(np.float16).astype("<f2").view("<u2")
    halves = np.where(np.isfinite(values), halves, _NAN).astype("<u2")
    return (halves >> 8).astype(np.uint8).tobytes() + (halves & 0xFF).astype(np.uint8).tobytes()
