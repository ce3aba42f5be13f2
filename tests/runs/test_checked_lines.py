import json
import random

from hydromae.runs.checked_lines import CHECK, chained, read_lines

RECORDS = [{"event": "train", "step": i, "loss": 0.7**i, "losses": {"flow": None}} for i in range(6)]


def written() -> bytes:
    check, lines = "", []
    for record in RECORDS:
        check = chained(check, record)
        lines.append(json.dumps({**record, CHECK: check}) + "\n")
    return "".join(lines).encode()


def test_what_was_written_is_read() -> None:
    assert list(read_lines(written())) == RECORDS


def test_every_flipped_bit_is_noticed_and_few_lines_suffer() -> None:
    draw, whole = random.Random(0), written()
    for _ in range(300):
        changed = bytearray(whole)
        changed[draw.randrange(len(whole) - 1)] ^= 1 << draw.randrange(8)  # the last line end says nothing
        read = list(read_lines(bytes(changed)))
        kept = [record for record in read if record is not None]
        assert all({key: record.get(key) for key in RECORDS[0]} in RECORDS for record in kept)
        assert read.count(None) in (1, 2) and len(kept) >= len(RECORDS) - 3  # where a line end went, two are one


def test_a_line_that_is_gone_or_moved_is_noticed() -> None:
    lines = written().splitlines(keepends=True)
    assert None in list(read_lines(b"".join(lines[:2] + lines[3:])))
    assert None in list(read_lines(b"".join([lines[1], lines[0], *lines[2:]])))


def test_lines_of_older_versions_are_taken_and_newer_ones_may_follow() -> None:
    old = b'{"event": "train", "step": 0}\n'
    assert list(read_lines(old + written())) == [{"event": "train", "step": 0}, *RECORDS]
    assert list(read_lines(written() + old))[-1] is None
