import re
from pathlib import Path

import pytest

from hydromae.base.errors import ConfigError
from hydromae.training.tracking.log_file import LogFile


def test_lines_bear_the_time_and_come_after_those_that_are_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / "log.txt"
    for line in ("first 100 %", "second"):
        log = LogFile(path)
        log.say(line)
        assert path.read_text().endswith(f" {line}\n")  # at once
        log.close()
    pattern = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (.*)"
    found = [re.fullmatch(pattern, line) for line in path.read_text().splitlines()]
    assert [match and match[1] for match in found] == ["first 100 %", "second"]


def test_a_log_file_that_cannot_be_written_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"logging\.log_file: .* cannot be written"):
        LogFile(tmp_path)


def test_a_full_disk_loses_lines_and_tells_it_once(capsys: pytest.CaptureFixture[str]) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full")
    log = LogFile(full)
    log.say("one")
    log.say("two")
    log.close()  # what it still holds is refused again
    assert capsys.readouterr().err.count("No space left") == 1
