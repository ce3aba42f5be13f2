"""Reads what the page holds, as its web/unpack.js does."""

import base64
import gzip
import json
import struct
from typing import Any

import numpy as np


def unpacked(text: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The description and the arrays by name."""
    whole = gzip.decompress(base64.b64decode(text))
    (length,) = struct.unpack("<I", whole[:4])
    header, at = json.loads(whole[4 : 4 + length]), 4 + length
    arrays = {}
    for listed in header["arrays"]:
        count = int(np.prod(listed["shape"]))
        raw = np.frombuffer(whole[at : at + count * (2 if listed["kind"] == "f2" else 1)], np.uint8)
        at += len(raw)
        if listed["kind"] == "f2":
            raw = (raw[:count].astype(np.uint16) << 8 | raw[count:]).view(np.float16)
        arrays[listed["name"]] = raw.reshape(listed["shape"])
    assert at == len(whole)
    return header, arrays
