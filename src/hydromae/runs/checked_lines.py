"""Lines of JSON that each carry a checksum, by which a line that was changed, lost or moved is noticed."""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from hydromae.base.json_text import json_text

CHECK: Final = "check"  # the last key of a line


def chained(before: str, record: Mapping[str, Any]) -> str:
    """The checksum of a record: of its JSON and of the checksum of the line before, empty in the first line."""
    return f"{zlib.crc32((before + json_text(record)).encode()):08x}"


def check_of(line: bytes) -> str:
    """The checksum that a line carries; empty where it carries none or cannot be read."""
    record = _parsed(line)
    return "" if record is None else str(record.get(CHECK, ""))


def read_lines(content: bytes) -> Iterator[dict[str, Any] | None]:
    """Each line's record without its checksum; None where a line is not what was written.

    Lines of older versions have no checksum, and are taken as they are if no line before them has one.
    """
    before = ""
    for line in _whole(content.split(b"\n")):
        record = _parsed(line)
        check = None if record is None else record.pop(CHECK, None)
        if record is None or (check is None and before):
            yield None
        else:
            yield record if check is None or check == chained(before, record) else None
        before = before if check is None else str(check)


def _whole(lines: Iterable[bytes]) -> Iterator[bytes]:
    return (line for line in lines if line.strip())


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
